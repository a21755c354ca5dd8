"""Candidates of rows from one source, before they are laid into tables of a fixed width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
        return self.where(order[rank_in_run(self.row[order]) < width])

    def where(self, kept: npt.NDArray[np.bool_] | Int64) -> Entries:
        """Some entries, by a mask or by position."""
        return Entries(self.row[kept], self.item[kept], {name: value[kept] for name, value in self.values.items()})


def joined(parts: Sequence[Entries]) -> Entries:
    """Entries of the same channels, one behind the other."""
    row, item = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "item"))
    values = {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values}
    return Entries(row, item, values)


def placed(entries: Entries, score: Float64) -> Int64:
    """(n,) the place of each entry in its row, the highest score first."""
    order = np.lexsort((entries.item, -score, entries.row))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = rank_in_run(entries.row[order])
    return place


def rank_in_run(ascending: Int64) -> Int64:
    """(n,) position of each element within its run of equal values."""
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]]) if len(ascending) else np.zeros(0, dtype=bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(ascending)), 0))
    return np.arange(len(ascending)) - start
