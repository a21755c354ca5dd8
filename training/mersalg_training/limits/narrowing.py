"""A narrower job for quicker answers: half of the candidates, of their sources and of the trees."""

from __future__ import annotations

from typing import Final

from mersalg_training.config import Config
from mersalg_training.data.adaptation import Adaptation, Adapted

MAX_NARROWINGS: Final = 3
MIN_TREES: Final = 15
LEAST: Final = {
    "own_candidates": 10,
    "new_candidates": 10,
    "unsold_candidates": 0,
    "own_anchors": 1,
    "types": 1,
    "taste_candidates": 1,
    "popular_candidates": 1,
}
"""Keys of `retrieve` on which no table depends, so that nothing is counted again, and the least of each."""


def narrowed(adapted: Adapted, because: str) -> tuple[Adapted, list[Adaptation]]:
    """The job with half of what an answer looks at, and what changed; what is at its least stays."""
    retrieve, trees = adapted.config.retrieve, adapted.fitting.ranker.trees
    now = {key: getattr(retrieve, key) for key in LEAST}
    halves = {key: half for key, value in now.items() if (half := max(LEAST[key], value // 2)) < value}
    fewer = min(trees, max(MIN_TREES, trees // 2))
    told = [Adaptation(f"retrieve.{key}", str(half), str(now[key]), because) for key, half in halves.items()]
    if fewer != trees:
        told.append(Adaptation("ranker.trees", str(fewer), str(trees), because))

    def of(config: Config) -> Config:
        return config.model_copy(update={"retrieve": retrieve.model_copy(update=halves)})

    ranker = adapted.fitting.ranker.model_copy(update={"trees": fewer})
    fitting = of(adapted.fitting).model_copy(update={"ranker": ranker})
    return Adapted(of(adapted.config), fitting, adapted.told), told
