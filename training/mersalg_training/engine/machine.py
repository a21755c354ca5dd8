"""What this process may use of the machine: cores, and memory within the limits of its container."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path("/")
KIB: Final = 1024


def usable_cores() -> int:
    """The cores that the process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory(root: Path = ROOT) -> int | None:
    """Bytes that can be taken without swapping: of the machine, and of each control group around the process.

    None where the system does not tell. root: where /proc and /sys lie.
    """
    known = [*machine_memory(root), *(memory for folder in groups(root) if (memory := left_of(folder)) is not None)]
    return max(0, min(known)) if known else None


def machine_memory(root: Path) -> Iterator[int]:
    """What /proc/meminfo calls available."""
    for line in text_of(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * KIB


def groups(root: Path) -> Iterator[Path]:
    """The folders of the control groups that may limit memory (both versions), from the process's own to the root's.

    Inside a container the path of /proc/self/cgroup may be the host's, and only the root is there.
    """
    for line in text_of(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        top = root / "sys/fs/cgroup" / controllers
        inside = top / path.strip("/")
        yield from (inside, *(parent for parent in inside.parents if parent.is_relative_to(top)))


def left_of(folder: Path) -> int | None:
    """The bytes that a control group's limit leaves; None without a limit. Its cache of files can be given back."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, taken = text_of(folder / limit).strip(), text_of(folder / used).strip()
        if most.isdigit() and taken.isdigit():
            told = dict(line.split(" ", 1) for line in text_of(folder / "memory.stat").splitlines())
            return int(most) - int(taken) + int(told.get(cache, 0))
    return None


def text_of(file: Path) -> str:
    """The text of a file of the system; empty where there is none."""
    try:
        return file.read_text()
    except OSError:
        return ""
