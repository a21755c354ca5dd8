"""Hostile uses of allowed operators, opened and asked by the real runtime in processes that may end by them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import onnxruntime
import pytest

from attacks.operator_attacks import HostileUse, hostile_uses
from mersalg.bundle.onnx.graph import ML_OPERATORS, OPERATORS

SECONDS = 900.0


@pytest.fixture(scope="module")
def outcomes() -> list[tuple[HostileUse, bool, str]]:
    """What became of each: refused by the walk, at the opening or at the run, answered, or the end of a process."""
    cases = [(use, late) for use in hostile_uses() for late in (False, True)]
    found: list[str] = []
    while len(found) < len(cases):
        command = [sys.executable, "-m", "attacks.operator_attacks", str(len(found))]
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, env=paths)
        found += [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode > 0:
            raise AssertionError(done.stderr)
        if done.returncode < 0:
            found.append(f"ended by signal {-done.returncode}")
    return [(use, late, came) for (use, late), came in zip(cases, found, strict=True)]


def test_every_allowed_operator_with_places_or_sizes_is_attacked() -> None:
    attacked = {use.operator for use in hostile_uses()}
    assert attacked <= OPERATORS | ML_OPERATORS
    assert {"Gather", "ScatterElements", "Slice", "Split", "Reshape", "Expand", "TopK", "TreeEnsemble"} <= attacked


def test_no_allowed_operator_ends_the_process(outcomes: list[tuple[HostileUse, bool, str]]) -> None:
    ended = [f"{use.name}, late {late}: {came}" for use, late, came in outcomes if came.startswith("ended")]
    assert not ended, f"onnxruntime {onnxruntime.__version__}: {ended}"


def test_what_points_outside_is_refused(outcomes: list[tuple[HostileUse, bool, str]]) -> None:
    answered = [f"{use.name}, late {late}" for use, late, came in outcomes if use.outside and came == "answered"]
    assert not answered, f"onnxruntime {onnxruntime.__version__}: {answered}"
    assert any(came == "answered" for _, _, came in outcomes), "the graphs around the attacks must work"
