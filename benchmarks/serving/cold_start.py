"""Memory and cold start of every contender, each alone in new processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from contenders import Contender, Place

HERE = Path(__file__).parent
BARE = "bare"
Figures = dict[str, float]


def cold_starts(contenders: Sequence[Contender], place: Place, starts: int) -> dict[str, Figures]:
    """Name -> medians over so many new processes; all take turns, `bare` among them.

    seconds until the first answer, loaded_seconds until loading is done (both from the interpreter's first line), uss
    and rss in MiB after 64 answers.
    """
    names = [BARE, *(each.name for each in contenders if each.is_cold_started and each.open)]
    found: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(starts):
        for name in names:
            found[name].append(one_start(name, place))
    return {name: medians(figures) for name, figures in found.items()}


def one_start(name: str, place: Place) -> Figures:
    """The figures of one new process."""
    command = [sys.executable, str(HERE / "cold_start_process.py"), name, str(place.bundle), str(place.work)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name}: the fresh process failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def medians(figures: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return {name: float(np.median([each[name] for each in figures])) for name in figures[0]}
