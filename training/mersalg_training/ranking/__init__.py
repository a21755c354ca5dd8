"""Rankers: gradient-boosted trees behind one interface, one module a library."""

from __future__ import annotations

from mersalg_training.config import RankerConfig
from mersalg_training.ranking.ranker import FittedTrees, Progress, Ranker, Rows

__all__ = ["FittedTrees", "Progress", "Ranker", "Rows", "make_ranker"]


def make_ranker(config: RankerConfig) -> Ranker:
    """Ranker that `config.kind` names. Its library is imported here, so only a job that fits pays for it."""
    if config.kind == "lightgbm":
        from mersalg_training.ranking.lightgbm_trees import LightgbmRanker  # noqa: PLC0415 - takes seconds

        return LightgbmRanker(config)
    from mersalg_training.ranking.histogram_trees import HistogramRanker  # noqa: PLC0415 - takes seconds

    return HistogramRanker(config)
