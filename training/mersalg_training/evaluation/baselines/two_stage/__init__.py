"""The hand-made two-stage model as a baseline."""

from __future__ import annotations

from mersalg_training.evaluation.baselines.two_stage.model import TwoStage, fit_two_stage

__all__ = ["TwoStage", "fit_two_stage"]
