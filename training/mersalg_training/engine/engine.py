"""What an engine does: it makes tables of statements, and gives the columns of others."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[np.generic]]
"""Name -> values, all of one length; masked where the engine has NULL."""


class Engine(Protocol):
    """Where the history lies and is counted. Statements are SELECTs in the SQL that every engine understands.

    `$name` in a statement is a parameter. A table is temporary: it ends with the engine at the latest.
    """

    rows_at_once: int
    """About so many rows may a table have that statements make: larger ones are made in slices."""

    def make(self, table: str, select: str, **parameters: float) -> None:
        """Make a table of what a statement selects; one of that name is replaced."""

    def add(self, table: str, select: str, **parameters: float) -> None:
        """Add what a statement selects to a table, whose columns it has."""

    def lay(self, table: str, columns: Columns) -> None:
        """Make a table of columns."""

    def rows(self, select: str, **parameters: float) -> Columns:
        """What a statement selects, in any order of rows but the statement's own."""

    def drop(self, *tables: str) -> None:
        """Drop tables, and so give their memory back."""

    def close(self) -> None:
        """Give everything back."""
