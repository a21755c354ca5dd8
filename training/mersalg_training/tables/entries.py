"""Candidates of rows from one source, before they are laid into tables of a fixed width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.data.timeline import Float64, Int64


@dataclass(frozen=True)
class Entries:
    """Candidates of rows from one source: (n,) row, item and a value for each channel that the source knows."""

    row: Int64
    item: Int64
    values: dict[str, Float64]

    def best(self, score: Float64, width: int) -> Entries:
        """The `width` entries with the highest score in each row; ties to the lower item index."""
        order = np.lexsort((self.item, -score, self.row))
        keep = order[rank_in_run(self.row[order]) < width]
        return Entries(self.row[keep], self.item[keep], {name: value[keep] for name, value in self.values.items()})


def rank_in_run(ascending: Int64) -> Int64:
    """(n,) position of each element within its run of equal values."""
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]]) if len(ascending) else np.zeros(0, dtype=bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(ascending)), 0))
    return np.arange(len(ascending)) - start
