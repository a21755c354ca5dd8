"""Processor seconds and memory of the stages against order lines, on logarithmic axes, with fitted exponents.

python benchmarks/studies/growth/plot.py OUT.svg STAGES.json...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

TITLES = {"read": "reading and checking", "count": "counting for three cuts", "tables": "tables of one cut"}


def main(out: Path, files: list[Path]) -> None:
    """Draw what `stages.py` found."""
    mpl.rcParams |= {"svg.hashsalt": "growth", "svg.fonttype": "none"}
    found = sorted((json.loads(file.read_text()) for file in files), key=lambda one: one["lines"])
    lines = np.array([one["lines"] for one in found], dtype=float)
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    seconds, memory = figure.subplots(1, 2)
    for name, title in TITLES.items():
        cpu = np.array([one[name]["cpu"] for one in found])
        slope = np.polyfit(np.log(lines), np.log(cpu), 1)[0]
        seconds.loglog(lines, cpu, marker="o", label=f"{title}, exponent {slope:.2f}")
    peak = np.array([max(one[name]["peak_gib"] for name in TITLES) for one in found])
    slope = np.polyfit(np.log(lines), np.log(peak), 1)[0]
    memory.loglog(lines, peak, marker="o", color="black", label=f"largest, exponent {slope:.2f}")
    memory.set_yticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    for axes, what in ((seconds, "processor seconds"), (memory, "GiB of the process")):
        axes.set_xlabel("order lines")
        axes.set_xticks(lines, [f"{n / 1e6:.1f} million" for n in lines])
        axes.minorticks_off()
        axes.set_ylabel(what)
        axes.grid(visible=True, alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
