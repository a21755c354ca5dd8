"""Columns of numpy as a table of Arrow, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mersalg_training.engine.engine import Columns


def as_arrow(columns: Columns) -> Any:
    """A table of columns of one length; NaN stays NaN, and what is masked becomes NULL."""
    return pa.table({name: as_array(column) for name, column in columns.items()})


def as_table(piece: Any) -> Any:
    """A table or a batch of Arrow as a table."""
    return piece if isinstance(piece, pa.Table) else pa.Table.from_batches([piece])


def as_array(column: npt.NDArray[np.generic]) -> Any:
    """An array of Arrow."""
    mask = np.ma.getmaskarray(column) if np.ma.isMaskedArray(column) else None
    return pa.array(np.asarray(column), mask=mask, from_pandas=False)


def as_numpy(column: Any) -> npt.NDArray[np.generic]:
    """A column of a table as numpy, masked where it has NULLs."""
    values = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if not values.null_count:
        return np.asarray(values.to_numpy(zero_copy_only=False))
    filled = values.fill_null(pa.scalar(0).cast(values.type))
    return np.ma.MaskedArray(
        filled.to_numpy(zero_copy_only=False), mask=values.is_null().to_numpy(zero_copy_only=False)
    )
