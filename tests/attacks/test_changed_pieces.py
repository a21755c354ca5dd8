"""The fuzzer's targets on a few thousand changed pieces, led by nothing but chance: what CI can afford of it."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz"


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("graph", 3000), ("manifest", 2000), ("request", 5000), ("folder", 300), ("operator", 300), ("session", 30)],
)
def test_a_changed_piece_is_read_rightly_or_refused(name: str, inputs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUZZ))
    target = import_module("targets").make_target(name)
    rng, passed = random.Random(11), 0
    for _ in range(inputs):
        content = rng.choice(target.seeds)
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            content = target.mutate(content, rng)
        passed += target.run(content)
    assert 0 < passed < inputs
