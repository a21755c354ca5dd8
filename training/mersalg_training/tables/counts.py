"""What past orders say: products, pairs in a basket, follow-on pairs, intervals, switches.

They are counted by the statements of `tables.statements`. What is counted of `customers` goes through `well_known`,
which alone applies `privacy.min_customers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config
from mersalg_training.data.timeline import Timeline
from mersalg_training.engine.database import connect, fitting
from mersalg_training.tables import statements

Columns = dict[str, npt.NDArray[np.generic]]

ROWS_AT_ONCE: Final = 2**22
"""About so many lines, or pairs of two, are in a slice: some hundred bytes of each while they are counted."""


@dataclass(frozen=True)
class PairCounts:
    """Directed counts: b was bought with, or after, a in n orders of so many customers."""

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    n: npt.NDArray[np.float64]
    customers: npt.NDArray[np.float64]
    """Distinct; an order without a customer counts as one."""


@dataclass(frozen=True)
class LeftOut:
    """How much rests on fewer than `privacy.min_customers` distinct customers, and is therefore in no table."""

    products: int = 0
    """Products in `counts.min_support` orders or more, without neighbours and factors of their own."""
    pairs: int = 0
    """Pairs of other products in one order."""
    type_pairs: int = 0
    """Pairs of a product type and another product in one order."""
    follow_pairs: int = 0
    switches: int = 0
    intervals: int = 0
    """Products without a repurchase interval of their own."""
    repeats: int = 0
    """Products without a share of buyers who came back of their own."""


@dataclass(frozen=True)
class Counts:
    """Counts of the lines before the cut. Products are product codes of the timeline."""

    cut_day: float
    orders: int
    products: Columns
    """By product: orders, customers, days, prices, and its company: the other products of the orders that hold it."""
    repeats: Columns
    intervals: Columns
    followed: Columns
    """By product: orders with it that another follows, and its company: the products first bought in those."""
    firsts: Columns
    """By product: orders of `followed` in which a customer bought it first."""
    basket: PairCounts
    by_type: PairCounts
    """a is a product type's code."""
    follow: PairCounts
    """b is new to the customer in the next order after one with a."""
    switches: PairCounts
    """b was the customer's next purchase within the product type after a."""
    order_gap_days: float
    """Median days between two orders of a customer; NaN without customers."""
    left_out: LeftOut = LeftOut()


def count_purchases(
    timeline: Timeline, product_type: npt.NDArray[np.int32], n_types: int, cut_day: float, config: Config
) -> Counts:
    """Count all lines before `cut_day` (days since 1970-01-01).

    product_type: (n_products,) int32 codes, `n_types` = unknown. Pairs, switches, intervals and repeats that rest on
    fewer than `privacy.min_customers` distinct customers are left out.
    """
    counts, least = config.counts, config.privacy.min_customers
    with connect(config.engine) as connection, fitting(connection):
        orders = register_lines(connection, timeline, product_type, cut_day, config)
        query, known = partial(run_query, connection), partial(well_known, connection, least)
        gap = query(statements.ORDER_GAPS)["gap"]
        products = query(statements.PRODUCTS, cut=cut_day, month=28.0, week=7.0)
        repeats, rare_repeats = known(statements.REPEATS)
        slices = 1 + timeline.n_lines // ROWS_AT_ONCE
        intervals, rare_intervals = in_slices(slices, partial(known, statements.INTERVALS))
        switches, rare_switches = in_slices(slices, partial(known, statements.SWITCHES, types=n_types))
        connection.execute(statements.NEXT_ORDERS, {"follow_days": counts.follow_days})
        connection.execute(statements.FIRST_LINES)
        followed, firsts = query(statements.FOLLOWED), query(statements.FIRSTS)
        drop(connection, "count_lines")  # pairs are made of the lines of frequent products
        sliced = partial(pairs_in_slices, connection, config)
        follow, rare_follow_pairs = sliced(statements.FOLLOW_PAIRS, statements.FOLLOW_PAIRS_TO_COUNT)
        drop(connection, "next_orders", "first_lines")
        basket, rare_pairs = sliced(statements.PRODUCT_PAIRS, statements.PAIRS_TO_COUNT)
        by_type, rare_type_pairs = sliced(statements.TYPE_PAIRS, statements.PAIRS_TO_COUNT, types=n_types)
    orders_of, customers_of = (np.asarray(products[name], dtype=np.int64) for name in ("orders", "customers"))
    return Counts(
        cut_day=cut_day,
        orders=orders,
        products=products,
        repeats=repeats,
        intervals=intervals,
        followed=followed,
        firsts=firsts,
        basket=pairs(both_ways(basket)),
        by_type=pairs(by_type),
        follow=pairs(follow),
        switches=pairs(switches),
        order_gap_days=float(np.ma.filled(np.ma.asarray(gap, dtype=np.float64), np.nan)[0]),
        left_out=LeftOut(
            products=int(np.count_nonzero((orders_of >= counts.min_support) & (customers_of < least))),
            pairs=rare_pairs,
            type_pairs=rare_type_pairs,
            follow_pairs=rare_follow_pairs,
            switches=rare_switches,
            intervals=rare_intervals,
            repeats=rare_repeats,
        ),
    )


def register_lines(
    connection: duckdb.DuckDBPyConnection,
    timeline: Timeline,
    product_type: npt.NDArray[np.int32],
    cut_day: float,
    config: Config,
) -> int:
    """Make `count_lines`, `frequent_products`, `frequent_lines` and `product_types`; the orders before the cut."""
    before = timeline.line_day < cut_day
    order_code = timeline.line_order[before]
    line_columns = {
        "order_code": order_code,
        "customer": timeline.order_customer[order_code],
        "product": timeline.line_product[before],
        "day": timeline.line_day[before],
        "price": timeline.line_price[before],
        "products": np.diff(timeline.order_start)[order_code],
    }
    connection.register("line_columns", line_columns)
    connection.execute(statements.COUNT_LINES)
    connection.unregister("line_columns")
    connection.register(
        "type_columns", {"product": np.arange(len(product_type), dtype=np.int32), "product_type": product_type}
    )
    connection.execute("CREATE TEMP TABLE product_types AS SELECT * FROM type_columns")
    connection.execute(
        statements.FREQUENT_PRODUCTS,
        {"min_support": config.counts.min_support, "min_customers": config.privacy.min_customers},
    )
    connection.execute(statements.FREQUENT_LINES)
    return int(np.count_nonzero(np.bincount(order_code)))


def run_query(connection: duckdb.DuckDBPyConnection, statement: str, **parameters: float) -> Columns:
    """The columns of a statement with named parameters."""
    return dict(connection.execute(statement, parameters or None).fetchnumpy())


def drop(connection: duckdb.DuckDBPyConnection, *tables: str) -> None:
    """Drop temporary tables, and so give their memory back."""
    for table in tables:
        connection.execute(f"DROP TABLE {table}")


def pairs_in_slices(
    connection: duckdb.DuckDBPyConnection, config: Config, statement: str, how_many: str, **parameters: float
) -> tuple[Columns, int]:
    """The pairs that a statement lays down, counted by slices of the products, as `well_known` does.

    how_many: a statement for the number of all pairs, from which the number of slices is taken.
    """
    least, min_pairs = config.privacy.min_customers, config.counts.min_pairs

    def counted(**of_slice: int) -> tuple[Columns, int]:
        connection.execute(statement, {**parameters, **of_slice})
        result = well_known(connection, least, statements.COUNTED_PAIRS, min_pairs=min_pairs)
        drop(connection, "pairs")
        return result

    return in_slices(1 + int(run_query(connection, how_many)["n"][0]) // ROWS_AT_ONCE, counted)


def in_slices(slices: int, counted: Callable[..., tuple[Columns, int]]) -> tuple[Columns, int]:
    """The rows of all slices, one behind the other, and how many were left out."""
    parts = [counted(slices=slices, slice=number) for number in range(slices)]
    columns = {name: np.concatenate([part[name] for part, _ in parts]) for name in parts[0][0]}
    return columns, sum(left_out for _, left_out in parts)


def well_known(
    connection: duckdb.DuckDBPyConnection, min_customers: int, statement: str, **parameters: float
) -> tuple[Columns, int]:
    """The rows of a statement that rest on enough `customers`, and how many do not. Each group is made once."""
    connection.execute(f"CREATE TEMP TABLE grouped AS {statement}", parameters or None)
    kept = run_query(connection, "SELECT * FROM grouped WHERE customers >= $least", least=min_customers)
    left_out = run_query(connection, "SELECT count(*) AS n FROM grouped WHERE customers < $least", least=min_customers)
    drop(connection, "grouped")
    return kept, int(left_out["n"][0])


def both_ways(columns: Columns) -> Columns:
    """Pairs (a, b), and behind them (b, a) with the same counts."""
    turned = {**columns, "a": columns["b"], "b": columns["a"]}
    return {name: np.concatenate([column, turned[name]]) for name, column in columns.items()}


def pairs(columns: Columns) -> PairCounts:
    """Columns a, b, n, customers as arrays, ordered by a, then b."""
    a, b = (np.asarray(columns[name], dtype=np.int64) for name in ("a", "b"))
    n, customers = (np.asarray(columns[name], dtype=np.float64) for name in ("n", "customers"))
    order = np.lexsort((b, a))
    return PairCounts(a[order], b[order], n[order], customers[order])
