"""The page of a bundle, logged beside its run."""

from __future__ import annotations

from pathlib import Path

from mersalg.bundle import read_bundle
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.tracking.run import Run


def log_report(run: Run, folder: Path, evaluation: EvaluationResult | None) -> None:
    """Log the page of a whole bundle, so that it is seen beside the run; nothing where no run is tracked."""
    if run.id is None:
        return
    from mersalg_training.report.page import render  # noqa: PLC0415  # it reads evaluation files, as this one writes them
    from mersalg_training.report.subject import make_subject  # noqa: PLC0415

    run.log_text("report.html", render(make_subject(read_bundle(folder), evaluation)))
