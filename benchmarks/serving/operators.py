"""Where the graph's time goes, by the kind of operator, as onnxruntime's own profile tells it.

The profile itself costs time at every node, so that many small nodes look dearer than they are.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

WARM_UP = 10
"""Runs that are not counted."""


@dataclass(frozen=True)
class Spent:
    """One kind of operator."""

    operator: str
    nodes: int
    """Of the graph as the runtime has optimised it."""
    micros: float
    """Of one run, the mean over all."""
    share: float


def by_operator(scorer: Path, feeds: Sequence[Mapping[str, Any]]) -> list[Spent]:
    """Each kind of operator, the dearest first."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_profiling, options.profile_file_prefix = True, str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(scorer.read_bytes(), options, providers=["CPUExecutionProvider"])
        for feed in [*feeds[:WARM_UP], *feeds]:
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    return summed(events, len(feeds), min(WARM_UP, len(feeds)))


def summed(events: Sequence[Mapping[str, Any]], runs: int, warm_up: int) -> list[Spent]:
    """The profile's kernel times by operator, without the first runs."""
    micros: dict[str, list[float]] = defaultdict(list)
    operator_of: dict[str, str] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            micros[event["name"]].append(event["dur"])
            operator_of[event["name"]] = event["args"]["op_name"]
    spent: Counter[str] = Counter()
    for name, times in micros.items():
        spent[operator_of[name]] += float(np.sum(times[len(times) * warm_up // (runs + warm_up) :]))
    total, nodes = sum(spent.values()), Counter(operator_of.values())
    return [Spent(name, nodes[name], time / runs, time / total) for name, time in spent.most_common()]
