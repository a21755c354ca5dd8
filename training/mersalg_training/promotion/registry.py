"""Who is champion: the record of a decision, the alias moved, and the way back.

What explains a move is written before it, and the move is one call (`record`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mersalg.errors import RegistryError
from mersalg_training.config import TrackingConfig
from mersalg_training.json_values import as_json
from mersalg_training.progress import Stages
from mersalg_training.promotion.judge import load_version
from mersalg_training.promotion.record import (
    CHAMPION,
    KEPT_BACK,
    PROMOTION,
    ROLLBACK,
    PromotionRecord,
    RollbackRecord,
    as_tag,
    in_short,
    now,
    promotion_of,
    rollback_of,
)
from mersalg_training.promotion.result import Promotion
from mersalg_training.tracking.mlflow_run import open_run
from mersalg_training.tracking.registered_models import ModelVersions


def carry_out(models: ModelVersions, promotion: Promotion, why: str) -> PromotionRecord:
    """Record a decision, and move the alias where it is to promote. What is written last is what counts.

    why: what whoever asks for it says; empty = nothing. First a run with promotion.json, then the reason on the
    version, then the alias. RegistryError where the champion is another by now; then nothing but the record changed.
    """
    challenger, decision = promotion.challenger.version, promotion.decision
    previous = None if promotion.champion is None else promotion.champion.version
    tracking = TrackingConfig(uri=models.uri, experiment=promotion.experiment)
    trained_in = models.version(challenger).run_id
    with open_run(tracking, f"promote {models.name} {challenger}", parent=trained_in) as run:
        run.log_params({"challenger": challenger, "champion": previous or "none"})
        run.set_tags({"mersalg.decision": decision.outcome})
        run.log_metrics({name: value for name, value in promotion.metrics().items() if np.isfinite(value)})
        run.log_text("promotion.json", as_json(promotion.to_json()).decode())
        run_id = run.id
    reasons = in_short([*([why] if why else []), *decision.why])
    record = PromotionRecord(decision.outcome, now(), previous, reasons, run_id)
    models.set_tag(challenger, PROMOTION if decision.outcome == "promote" else KEPT_BACK, as_tag(record))
    if decision.outcome == "promote":
        move_champion(models, previous, challenger)
    return record


def move_champion(models: ModelVersions, before: str | None, after: str) -> None:
    """Move the alias in one call, unless another version is champion by now."""
    found = models.aliases().get(CHAMPION)
    if found != before:
        raise RegistryError(
            f"models:/{models.name}@{CHAMPION}: expected version {before or 'none'}, as when the comparison began, got "
            f"{found or 'none'}: somebody else moved the alias; compare again"
        )
    models.move_alias(CHAMPION, after)


@dataclass(frozen=True)
class Return:
    """The way back from a champion."""

    champion: str
    previous: str
    undoes: str | None


def way_back(models: ModelVersions, stages: Stages) -> Return:
    """The champion before this one, which is loaded as a shop does. MersalgError where there is none to go back to."""
    champion = models.aliases().get(CHAMPION)
    if champion is None:
        raise RegistryError(f"models:/{models.name}@{CHAMPION}: expected a version, got none; nothing to take back")
    record = promotion_of(models.version(champion))
    if record is None or record.previous is None:
        raise RegistryError(
            f"models:/{models.name}/{champion}: expected a record of the champion before it, got "
            f"{'none' if record is None else 'that it is the first'}; move the alias in MLflow"
        )
    if rollback_of(models.version(record.previous)) is not None:
        raise RegistryError(
            f"models:/{models.name}/{record.previous}: expected a version that holds, got one that was taken back "
            "itself; promote another challenger, or move the alias in MLflow"
        )
    with stages.stage(f"Loading version {record.previous}"), TemporaryDirectory(prefix="mersalg-promote-") as place:
        load_version(models, record.previous, Path(place))
    return Return(champion, record.previous, record.at)


def take_back(models: ModelVersions, back: Return, why: str) -> RollbackRecord:
    """Record why on the champion, then move the alias to the one before."""
    record = RollbackRecord(now(), back.previous, why or "asked for", back.undoes)
    models.set_tag(back.champion, ROLLBACK, as_tag(record))
    move_champion(models, back.champion, back.previous)
    return record
