"""What an evaluation compares: methods that rank products for requests, the bundle and its baselines alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from mersalg.names import Kind
from mersalg_training.data.timeline import Int64
from mersalg_training.evaluation.tasks.task import Restriction
from mersalg_training.ranking.cases import Cases

Scores = npt.NDArray[np.floating]
ScoredList = tuple[Int64, Scores]
"""Product codes, the best first, and their scores."""


class RankingMethod(Protocol):
    """A method that ranks products for requests."""

    @property
    def name(self) -> str:
        """As it stands in tables."""

    def rank(self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None) -> list[Int64]:
        """For each case at most k permitted product codes, the best first.

        kinds: what the requests ask for; None = what their moments offer. A method that knows no kinds passes it over.
        """


@runtime_checkable
class ScoringMethod(RankingMethod, Protocol):
    """A method that tells the scores by which it ranks, comparable between requests."""

    def scored(
        self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None
    ) -> list[ScoredList]:
        """As `rank`, with the scores."""
