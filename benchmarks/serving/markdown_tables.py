"""The figures as Markdown."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from catalogue_growth import Grown
from cold_start import Figures
from comparison import Row
from operators import Spent

PACKAGES = ("mersalg", "numpy", "onnxruntime", "lightgbm", "implicit", "mlflow", "pandas")
TIMES = ("p50", "p90", "p99", "mean")
HEADS = (*(f"{name} ms" for name in TIMES), "CPU p50 ms")


def machine() -> str:
    """What it was measured on."""
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), "unknown")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {load}"


def versions() -> str:
    """Of Python and of what is compared."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)])


def command() -> str:
    """What was typed."""
    return shlex.join(["python", *sys.argv])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def side_by_side(rows: Sequence[Row]) -> str:
    """A line for each contender; times in ms, and how many times as long as the first."""
    head = ["", "gives", *HEADS, "times", "cold start s", "USS MiB", "RSS MiB", "disk MB"]
    base = rows[0].micros["p50"]
    lines = []
    for row in rows:
        mark = " (whole service)" if row.is_service else ""
        alone = [number(row.cold_seconds, 2), number(row.uss_megabytes, 0), number(row.rss_megabytes, 0)]
        times = times_of(row.micros) if not row.is_service else [*times_of(row.micros)[:-1], ""]
        more = [number(row.micros["p50"] / base, 2), *alone, number(row.size_megabytes, 1)]
        lines.append([row.title + mark, row.gives, *times, *more])
    return table(head, lines)


def bare(figures: Figures) -> str:
    """What cold start and memory stand above."""
    if not figures:
        return "Cold start and memory were not measured (`--starts 0`)."
    return (
        "Cold start (import, load, first answer) and memory (after 64 answers) stand above those of a process that "
        f"imports numpy and onnxruntime alone: {figures['seconds']:.2f} s, {figures['uss']:.0f} MiB USS, "
        f"{figures['rss']:.0f} MiB RSS. Those of a service are its own, from the start of its process."
    )


def lengths(found: dict[str, Figures]) -> str:
    """By cart and by history."""
    return table(["lines", *HEADS], [[name, *times_of(each)] for name, each in found.items()])


def customers(found: dict[str, Figures]) -> str:
    """What a history costs; times as many as without one, over HTTP or not."""
    rows = []
    for name, each in found.items():
        bare = found["HTTP, without a history" if name.startswith("HTTP") else "without a history"]
        ratios = [number(each[of] / bare[of], 2) for of in ("p50", "least")]
        rows.append([name, *times_of(each), number(each["least"] / 1e3, 2), *ratios])
    return table(["asked with", *HEADS, "least ms", "p50, times", "least, times"], rows)


def growth(found: Sequence[Grown]) -> str:
    """By catalogue."""
    head = ["products", *HEADS, "p50, times", "CPU, times", "made within s"]
    rows = []
    for each in found:
        ratios = [number(each.micros[name] / found[0].micros[name], 2) for name in ("p50", "cpu")]
        more = [*ratios, number(each.seconds_to_make, 0)]
        rows.append([f"{each.products:,}", *times_of(each.micros), *more])
    return table(head, rows)


def operators(found: Sequence[Spent], most: int = 12) -> str:
    """The dearest kinds of operator, and all others together."""
    rows = [[each.operator, str(each.nodes), number(each.micros, 0), f"{each.share:.0%}"] for each in found[:most]]
    rest = found[most:]
    if rest:
        micros, share = sum(each.micros for each in rest), sum(each.share for each in rest)
        rows.append([f"{len(rest)} others", str(sum(each.nodes for each in rest)), number(micros, 0), f"{share:.0%}"])
    return table(["operator", "nodes", "us a request", "share"], rows)


def threads(found: Figures) -> str:
    """One thread against two."""
    return (
        f"One thread {found['one_thread']:.0f} answers a second, two threads on the same recommender "
        f"{found['two_threads']:.0f}: {found['gain']:.2f} times ({found['gain_low']:.2f} to {found['gain_high']:.2f})."
    )


def times_of(micros: Figures) -> list[str]:
    """Under HEADS."""
    return [number(micros[name] / 1e3, 2) for name in (*TIMES, "cpu")]


def number(value: float | None, decimals: int) -> str:
    """A figure; nothing where there is none."""
    return "" if value is None else f"{value:.{decimals}f}"
