"""The exposure record with `accepted` filled in, ready to train on."""

from __future__ import annotations

from pathlib import Path

import duckdb

from mersalg.errors import DataError
from mersalg_training.data.sources import literal


def write_labelled(connection: duckdb.DuckDBPyConnection, path: Path, within_days: float) -> int:
    """Write offers as Parquet in the schema of offers shown, plus unit, arm and shown; give the number of rows.

    accepted: the unit bought the product in the offer's order or within so many days; NULL where neither has happened
    yet and the data end before those days do, and where nobody saw the offer. Answers without offers are left out.
    """
    if not path.parent.is_dir():
        raise DataError(f"--labelled {path}: the folder {path.parent} does not exist; make it first")
    window = f"INTERVAL {round(within_days * 86400)} SECOND"
    query = f"""
        SELECT e.customer_id, e.order_id, e.product_id, e.kind, e.moment, e.offered_at, e.position, e.propensity,
               CASE WHEN NOT e.shown THEN NULL
                    WHEN EXISTS (SELECT 1 FROM bought b WHERE b.unit = e.unit AND b.product_id = e.product_id
                    AND (b.order_id = e.order_id OR b.ordered_at BETWEEN e.offered_at AND e.offered_at + {window}))
                    THEN true
                    WHEN e.offered_at + {window} <= (SELECT max(ordered_at) FROM lines) THEN false END AS accepted,
               e.experiment, e.unit, e.arm, e.arm_propensity, e.explored, e.shown, e.relevance, e.because, e.bundle
        FROM exposures e WHERE e.product_id IS NOT NULL ORDER BY e.offered_at, e.unit, e.position
    """
    try:
        connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
    except duckdb.IOException as error:
        raise DataError(f"--labelled {path}: cannot be written: {error}") from error
    return int(connection.execute(f"SELECT count(*) FROM read_parquet({literal(str(path))})").fetchall()[0][0])
