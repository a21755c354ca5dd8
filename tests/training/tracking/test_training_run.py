"""Claims about what a job tells of itself: pictures for a run that is tracked, and no work for one that is not."""

from __future__ import annotations

from typing import Any

from mersalg_training.tracking.run import UntrackedRun
from mersalg_training.tracking.training_run import log_evaluation, log_job
from report.evidence import EVALUATION
from toy_bundle import make_manifest


class RecordingRun(UntrackedRun):
    """Keeps the names of what it is given to keep."""

    def __init__(self, tracked: bool) -> None:
        self.id = "1" if tracked else None
        self.names: list[str] = []

    def log_text(self, name: str, text: str) -> None:
        self.names.append(name)

    def log_figure(self, name: str, png: bytes) -> None:
        assert png.startswith(b"\x89PNG")
        self.names.append(name)


class Untouched:
    """What nobody may look into."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was read for a run that keeps nothing")


def test_an_evaluation_is_drawn_for_a_tracked_run() -> None:
    run = RecordingRun(tracked=True)
    log_evaluation(run, EVALUATION, make_manifest({}))
    assert {"evaluation.json", "evaluation.md", "plots/results.png"} <= set(run.names)


def test_nothing_is_drawn_for_a_run_that_is_not_tracked() -> None:
    run, nothing = RecordingRun(tracked=False), Untouched()
    log_evaluation(run, nothing, nothing)  # type: ignore[arg-type]
    log_job(run, nothing, nothing, nothing, nothing, nothing, 1.0)  # type: ignore[arg-type]
    assert run.names == []
