"""Memory of processes, from /proc: what is theirs alone (USS), and what is resident (RSS)."""

from __future__ import annotations

import re
from pathlib import Path

MEGABYTE = 1024.0  # of /proc, which counts in kB
FIELDS = {"uss": ("Private_Clean", "Private_Dirty"), "rss": ("Rss",)}


def megabytes(pid: int | str = "self") -> dict[str, float]:
    """Uss and rss of one process, in MiB."""
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE))
    return {name: sum(int(found[field]) for field in fields) / MEGABYTE for name, fields in FIELDS.items()}


def family_megabytes(pid: int) -> dict[str, float]:
    """The same, added up over a process and all that it started: rss counts shared pages in each."""
    parts = [megabytes(each) for each in family(pid)]
    return {name: sum(part[name] for part in parts) for name in FIELDS}


def family(pid: int) -> list[int]:
    """A process and its descendants that run now."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found
