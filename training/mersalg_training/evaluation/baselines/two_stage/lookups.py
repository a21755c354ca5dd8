"""The fitted lookups among the sources: single methods that each rank the whole catalogue."""

from __future__ import annotations

import numpy as np

from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.baselines.bought import customers_before
from mersalg_training.evaluation.baselines.ease import fit_ease
from mersalg_training.evaluation.baselines.factorised import fit_als
from mersalg_training.evaluation.baselines.neighbours import fit_upcf
from mersalg_training.evaluation.baselines.two_stage.sources import Scores


def fit_lookups(timeline: Timeline, before_day: float, random: np.random.Generator) -> dict[str, Scores]:
    """EASE and ALS by order, ALS by customer and user neighbours; the last two only where customers are known."""
    seed = int(random.integers(2**31))
    result: dict[str, Scores] = {
        "ease_order": fit_ease(timeline, before_day, "order").score,
        "als_order": fit_als(timeline, before_day, "order", seed).score,
    }
    if len(customers_before(timeline, before_day)):
        result["als_customer"] = fit_als(timeline, before_day, "customer", seed).score
        result["neighbours"] = fit_upcf(timeline, before_day).score
    return result
