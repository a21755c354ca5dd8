"""A narrower job for quicker answers: half of the candidates and trees, twice, then half of the candidates' sources."""

from __future__ import annotations

from typing import Final

from mersalg_training.config import Config
from mersalg_training.data.adaptation import Adaptation, Adapted

MIN_TREES: Final = 15
CANDIDATES: Final = {"own_candidates": 10, "new_candidates": 10, "unsold_candidates": 0}
SOURCES: Final = {"own_anchors": 1, "types": 1, "taste_candidates": 1, "popular_candidates": 1}
"""Keys of `retrieve` on which no table depends, so that nothing is counted again, and the least of each."""
NARROWINGS: Final = (CANDIDATES, CANDIDATES, SOURCES)
"""What is halved, in this order; trees with the candidates."""


def narrowed(adapted: Adapted, number: int, because: str) -> tuple[Adapted, list[Adaptation]]:
    """The job after the narrowing of this number, from 0, and what changed; what is at its least stays."""
    retrieve, trees = adapted.config.retrieve, adapted.fitting.ranker.trees
    halved = NARROWINGS[number]
    now = {key: getattr(retrieve, key) for key in halved}
    halves = {key: half for key, value in now.items() if (half := max(halved[key], value // 2)) < value}
    told = [Adaptation(f"retrieve.{key}", str(half), str(now[key]), because) for key, half in halves.items()]
    fewer = trees if halved is SOURCES else min(trees, max(MIN_TREES, trees // 2))
    if fewer != trees:
        told.append(Adaptation("ranker.trees", str(fewer), str(trees), because))

    def of(config: Config) -> Config:
        return config.model_copy(update={"retrieve": retrieve.model_copy(update=halves)})

    ranker = adapted.fitting.ranker.model_copy(update={"trees": fewer})
    fitting = of(adapted.fitting).model_copy(update={"ranker": ranker})
    return Adapted(of(adapted.config), fitting, adapted.told), told
