"""What past orders say: products, pairs in a basket, follow-on pairs, intervals, switches.

They are counted by the statements of `tables.statements`, once for all cuts of a job. What is counted of `customers`
goes through `well_known`, which alone applies `privacy.min_customers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.config import Config
from mersalg_training.data.history import History
from mersalg_training.engine.engine import Columns, Engine
from mersalg_training.tables import statements

WITH_PAIRS: Final = " AND n{k} >= $min_pairs"
"""Of pairs, those that are left out are at least so many."""
PAIRS_AT_ONCE: Final = 2**22
"""About so many counted pairs come into memory at a time: some hundred bytes of each while the best are chosen."""


@dataclass(frozen=True)
class PairCounts:
    """Directed counts: b was bought with, or after, a in n orders of so many customers."""

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    n: npt.NDArray[np.float64]
    customers: npt.NDArray[np.float64]
    """Distinct; an order without a customer counts as one."""


@dataclass(frozen=True)
class PairTable:
    """Directed counts that stay where they were counted: memory does not hold those of a large shop."""

    engine: Engine
    table: str
    """Of the pairs of all cuts."""
    cut: int
    is_two_way: bool
    """Whether a pair (a, b) stands for (b, a), too."""
    rows: int
    """Of the table."""
    floors: dict[str, float]

    @property
    def n_slices(self) -> int:
        """In so many slices they come."""
        return 1 + self.rows * (1 + self.is_two_way) // PAIRS_AT_ONCE

    def slices(self) -> Iterator[PairCounts]:
        """All pairs, some at a time: those of an anchor a together, by a, then b."""
        select = statements.pair_slice(self.cut, self.table, self.is_two_way)
        for number in range(self.n_slices):
            yield pairs(self.engine.rows(select, slices=self.n_slices, slice=number, **self.floors))

    def all(self) -> PairCounts:
        """All pairs at once."""
        parts = list(self.slices())
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
        return pairs(columns)


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
    basket: PairTable
    by_type: PairTable
    """a is a product type's code."""
    follow: PairCounts
    """b is new to the customer in the next order after one with a."""
    switches: PairCounts
    """b was the customer's next purchase within the product type after a."""
    order_gap_days: float
    """Median days between two orders of a customer; NaN without customers."""
    left_out: LeftOut = LeftOut()


@dataclass(frozen=True)
class CountedOnce:
    """What was counted for several cuts. Of a column that each cut has of its own the name ends with its number."""

    engine: Engine
    """Holds the pairs of an order, and is not closed before the last table is built."""
    cuts: Sequence[float]
    """Days since 1970-01-01, ascending."""
    tables: dict[str, Columns]
    left_out: dict[str, Columns]
    """Table -> by cut, how many of its rows rest on too few customers."""
    config: Config

    def before(self, cut: int) -> Counts:
        """The counts of the lines before a cut, by its number."""
        known, rare = partial(self.known, cut), partial(self.rare, cut)
        products = self.of_cut(cut, "products", self.at_least("products", f"orders{cut}", 1))
        orders, customers = (np.asarray(products[name], dtype=np.int64) for name in ("orders", "customers"))
        least, min_pairs = self.config.privacy.min_customers, self.config.counts.min_pairs
        is_supported = orders >= self.config.counts.min_support
        return Counts(
            cut_day=self.cuts[cut],
            orders=int(self.tables["orders"][f"orders{cut}"][0]),
            products=products,
            repeats=known("repeats"),
            intervals=known("intervals"),
            followed=self.of_cut(cut, "followed", self.at_least("followed", f"n{cut}", 1)),
            firsts=self.of_cut(cut, "firsts", self.at_least("firsts", f"n{cut}", 1)),
            basket=self.pair_table(cut, "basket", is_two_way=True),
            by_type=self.pair_table(cut, "by_type", is_two_way=False),
            follow=pairs(known("follow", min_pairs)),
            switches=pairs(known("switches")),
            order_gap_days=float(np.ma.filled(self.tables["order_gaps"][f"gap{cut}"].astype(np.float64), np.nan)[0]),
            left_out=LeftOut(
                products=int(np.count_nonzero(is_supported & (customers < least))),
                pairs=rare("basket"),
                type_pairs=rare("by_type"),
                follow_pairs=rare("follow"),
                switches=rare("switches"),
                intervals=rare("intervals"),
                repeats=rare("repeats"),
            ),
        )

    def pair_table(self, cut: int, table: str, is_two_way: bool) -> PairTable:
        """The pairs of an order before a cut."""
        rows = int(self.engine.rows(f"SELECT count(*) AS n FROM {table}")["n"][0])
        floors: dict[str, float] = {
            "least": self.config.privacy.min_customers,
            "min_pairs": self.config.counts.min_pairs,
        }
        return PairTable(self.engine, table, cut, is_two_way, rows, floors)

    def known(self, cut: int, table: str, least_times: int = 0) -> Columns:
        """The rows of a table that rest on enough customers before a cut, and, of pairs, on enough orders."""
        is_known = self.at_least(table, f"customers{cut}", self.config.privacy.min_customers)
        if least_times:
            is_known &= self.at_least(table, f"n{cut}", least_times)
        return self.of_cut(cut, table, is_known)

    def at_least(self, table: str, column: str, least: int) -> npt.NDArray[np.bool_]:
        """(n,) which rows of a table have so many in a column."""
        return np.asarray(self.tables[table][column].astype(np.int64) >= least)

    def rare(self, cut: int, table: str) -> int:
        """How many rows of a table rest on too few customers before a cut."""
        return int(self.left_out[table][f"n{cut}"][0])

    def of_cut(self, cut: int, table: str, rows: npt.NDArray[np.bool_]) -> Columns:
        """Some rows of a table, with the columns of a cut under their plain names, and those that all cuts share."""
        others = tuple(str(number) for number in range(len(self.cuts)) if number != cut)
        columns = self.tables[table]
        return {name.removesuffix(str(cut)): c[rows] for name, c in columns.items() if not name.endswith(others)}


def count_purchases(
    history: History, product_type: npt.NDArray[np.int32], n_types: int, cuts: Sequence[float], config: Config
) -> CountedOnce:
    """Count the lines before each cut (days since 1970-01-01, ascending), all in one go.

    product_type: (n_products,) int32 codes, `n_types` = unknown. Pairs, switches, intervals and repeats that rest on
    fewer than `privacy.min_customers` distinct customers are left out. Another counting of the history replaces the
    pairs of this one.
    """
    product = np.arange(len(product_type), dtype=np.int32)
    history.engine.lay("product_types", {"product": product, "product_type": product_type})
    counting = Counting(history.engine, cuts, config)
    counting.count_products()
    counting.count_in_types(n_types, 1 + history.n_lines // history.engine.rows_at_once)
    counting.count_pairs(n_types)
    return CountedOnce(history.engine, cuts, counting.tables, counting.left_out, config)


class Counting:
    """Counts `order_lines` and `product_types` of an engine by the statements, for several cuts."""

    def __init__(self, engine: Engine, cuts: Sequence[float], config: Config) -> None:
        self.engine, self.n_cuts, self.config = engine, len(cuts), config
        self.days = {f"cut{number}": day for number, day in enumerate(cuts)}
        self.tables: dict[str, Columns] = {}
        self.left_out: dict[str, Columns] = {}

    def count_products(self) -> None:
        """Orders, products, repeats and gaps, and the tables of which pairs are made."""
        engine, n = self.engine, self.n_cuts
        engine.make("count_lines", statements.count_lines(n), **self.days)
        engine.make("product_counts", statements.products(n), **self.days)
        self.tables["products"] = engine.rows("SELECT * FROM product_counts")
        self.tables["orders"] = engine.rows(statements.orders(n))
        self.tables["order_gaps"] = engine.rows(statements.order_gaps(n))
        self.keep("repeats", *self.well_known(statements.repeats(n)))
        engine.make(
            "frequent_products",
            statements.frequent_products(n),
            min_support=self.config.counts.min_support,
            min_customers=self.config.privacy.min_customers,
        )
        engine.make("frequent_lines", statements.FREQUENT_LINES)

    def count_in_types(self, n_types: int, slices: int) -> None:
        """Intervals and switches."""
        n = self.n_cuts
        self.keep("intervals", *in_slices(slices, partial(self.well_known, statements.intervals(n))))
        self.keep("switches", *in_slices(slices, partial(self.well_known, statements.switches(n), types=n_types)))

    def count_pairs(self, n_types: int) -> None:
        """Pairs of an order and the next, and of one order. Drops the tables that they are made of."""
        engine, n, sliced = self.engine, self.n_cuts, self.pairs_in_slices
        engine.make("next_orders", statements.NEXT_ORDERS, follow_days=self.config.counts.follow_days)
        engine.make("first_lines", statements.FIRST_LINES)
        self.tables["followed"] = engine.rows(statements.followed(n))
        self.tables["firsts"] = engine.rows(statements.firsts(n))
        engine.drop("count_lines")  # pairs are made of the lines of frequent products
        sliced("follow", statements.FOLLOW_PAIRS, statements.FOLLOW_PAIRS_TO_COUNT)
        self.tables["follow"] = engine.rows("SELECT * FROM follow")
        engine.drop("next_orders", "first_lines", "follow")
        sliced("basket", statements.PRODUCT_PAIRS, statements.PAIRS_TO_COUNT)
        sliced("by_type", statements.TYPE_PAIRS, statements.PAIRS_TO_COUNT, types=n_types)
        engine.drop("frequent_lines", "frequent_products", "product_counts", "product_types")

    def keep(self, table: str, rows: Columns, left_out: Columns) -> None:
        """Keep the rows of a table, and how many were left out."""
        self.tables[table], self.left_out[table] = rows, left_out

    def pairs_in_slices(self, table: str, statement: str, how_many: str, **parameters: float) -> None:
        """Make a table of the pairs that a statement lays down, counted by slices of the products.

        Those of too few customers are left out. how_many: a statement for the number of all pairs, from which the
        number of slices is taken.
        """
        engine, least, min_pairs = self.engine, self.config.privacy.min_customers, self.config.counts.min_pairs
        select = statements.well_known_pairs(self.n_cuts)
        slices, left_out = 1 + int(engine.rows(how_many)["n"][0]) // engine.rows_at_once, []
        for number in range(slices):
            engine.make("pairs", statement, slices=slices, slice=number, **parameters)
            engine.make("grouped", statements.counted_pairs(self.n_cuts), min_pairs=min_pairs)
            engine.drop("pairs")
            (engine.add if number else engine.make)(table, select, least=least)
            left_out.append(engine.rows(statements.left_out(self.n_cuts, WITH_PAIRS), least=least, min_pairs=min_pairs))
            engine.drop("grouped")
        self.left_out[table] = {name: np.sum([part[name] for part in left_out], axis=0) for name in left_out[0]}

    def well_known(self, statement: str, **parameters: float) -> tuple[Columns, Columns]:
        """The rows of a statement that rest on enough `customers`, and by cut how many do not; made once."""
        engine, least = self.engine, self.config.privacy.min_customers
        engine.make("grouped", statement, **parameters)
        kept = engine.rows(statements.well_known(self.n_cuts), least=least)
        left_out = engine.rows(statements.left_out(self.n_cuts), least=least)
        engine.drop("grouped")
        return kept, left_out


def in_slices(slices: int, counted: Callable[..., tuple[Columns, Columns]]) -> tuple[Columns, Columns]:
    """The rows of all slices, one behind the other, and how many were left out of all."""
    parts = [counted(slices=slices, slice=number) for number in range(slices)]
    columns = {name: np.concatenate([part[name] for part, _ in parts]) for name in parts[0][0]}
    return columns, {name: np.sum([left_out[name] for _, left_out in parts], axis=0) for name in parts[0][1]}


def pairs(columns: Columns) -> PairCounts:
    """Columns a, b, n, customers as arrays, ordered by a, then b."""
    a, b = (np.asarray(columns[name], dtype=np.int64) for name in ("a", "b"))
    n, customers = (np.asarray(columns[name], dtype=np.float64) for name in ("n", "customers"))
    order = np.lexsort((b, a))
    return PairCounts(a[order], b[order], n[order], customers[order])
