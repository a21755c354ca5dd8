"""The counts of a shop from kept ones: equal, row for row, to those of all its order lines.

What a table of rows by product holds is counted from the lines again, which takes a moment: medians cannot be added
up. Pairs, which take long, come from the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.history import History, texts
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.tables import statements
from mersalg_training.tables.counts import WITH_PAIRS, CountedOnce, Counting
from mersalg_training.update.codes import lay_codes, lay_products, write_codes
from mersalg_training.update.orders import touched_lines
from mersalg_training.update.pair_counts import (
    CHANGED_TYPES,
    FREQUENT,
    PAIR_TABLES,
    changes_of,
    count_types,
    in_state,
    merged,
    write_pairs,
)
from mersalg_training.update.state import State, StateWriter, relation

MAX_RUNS: Final = 30
"""More are added up and written as one."""
NONE_CHANGED: Final = "a NOT IN (SELECT {a} FROM changed_types) AND b NOT IN (SELECT {b} FROM changed_products)"


@dataclass(frozen=True)
class Shop:
    """A shop's order lines and products as they are now, and the engine in which they lie."""

    engine: DuckDBEngine
    history: History
    """In the engine, with `product_codes`."""
    attributes: Attributes
    cut: float
    config: Config

    @property
    def product_ids(self) -> list[str]:
        """(n_products,) by code."""
        return texts(self.engine.rows("SELECT product_id FROM product_codes ORDER BY product")["product_id"])

    @property
    def n_types(self) -> int:
        """Product types; also the code of none."""
        return len(self.attributes.product_types)


class KeptCounting(Counting):
    """Counts all but pairs from the order lines; those come from the runs of a state."""

    def __init__(self, shop: Shop, writer: StateWriter) -> None:
        super().__init__(shop.engine, [shop.cut], shop.config)
        self.writer = writer

    def pairs_in_slices(self, table: str, statement: str, how_many: str, **parameters: float) -> None:
        """See `Counting.pairs_in_slices`. Reads `codes` and `type_codes`."""
        engine, least, min_pairs = self.engine, self.config.privacy.min_customers, self.config.counts.min_pairs
        first, later = self.writer.runs(table)
        select = in_history(table, merged(relation(first), relation(later) if later else None))
        engine.make("grouped", select, min_pairs=min_pairs)
        engine.make(table, statements.well_known_pairs(1), least=least)
        self.left_out[table] = engine.rows(statements.left_out(1, WITH_PAIRS), least=least, min_pairs=min_pairs)
        engine.drop("grouped")


def in_history(table: str, counts: str) -> str:
    """Counts of frequent products by the codes of the history: a, b, n0, customers0."""
    if table == "by_type":
        a, of_a = "ca.product_type", "type_codes ca ON ca.code = g.a"
    else:
        a, of_a = "ca.product", "codes ca ON ca.code = g.a AND ca.is_frequent"
    return f"""
SELECT {a} AS a, cb.product AS b, CAST(g.n AS BIGINT) AS n0, CAST(g.customers AS BIGINT) AS customers0
FROM ({counts}) g JOIN {of_a} JOIN codes cb ON cb.code = g.b AND cb.is_frequent WHERE g.n >= $min_pairs
"""


def count_kept(shop: Shop, writer: StateWriter, state: State | None) -> CountedOnce:
    """All counts of a shop; what its state is to hold of them is written.

    state: the counts before, to which those are added that `touched_before` and `touched_after` change; None = every
    pair is counted.
    """
    engine = shop.engine
    lay_products(engine, shop.attributes)
    counting = KeptCounting(shop, writer)
    counting.count_products()
    counting.count_in_types(shop.n_types, 1 + shop.history.n_lines // shop.history.engine.rows_at_once)
    engine.make("frequent_now", "SELECT product FROM frequent_products")
    lay_codes(engine, state)
    if state is None:
        write_pairs(engine, shop.n_types, shop.config, writer)
    else:
        add_changes(shop, writer, state)
    write_codes(engine, writer)
    engine.make("count_lines", statements.count_lines(1), cut0=shop.cut)
    engine.make("frequent_products", FREQUENT)
    counting.count_pairs(shop.n_types)
    return CountedOnce(engine, [shop.cut], counting.tables, counting.left_out, shop.config)


def add_changes(shop: Shop, writer: StateWriter, state: State) -> None:
    """Write what changes as one more run; when there are many, all of them as one."""
    engine = shop.engine
    product_types, frequent = engine.rows("SELECT * FROM product_types"), engine.rows("SELECT * FROM frequent_now")
    before, after = touched_lines(engine.connection)
    changes = changes_of(before, after, product_types, frequent, shop.n_types, shop.config)
    for table in PAIR_TABLES:
        engine.lay("changes", changes[table])
        if table == "by_type":
            change_types(shop, state)
        else:
            engine.make("changes", in_state(table, "changes"))
        first, later = state.runs(table)
        if writer.run == 0:
            runs = f"(SELECT * FROM {relation(later)} UNION ALL SELECT * FROM changes)" if later else "changes"
            writer.copy(engine.connection, table, f"SELECT * FROM ({merged(relation(first), runs)}) WHERE n > 0")
        else:
            writer.keep(state, table)
            writer.copy(engine.connection, table, "SELECT * FROM changes")


def change_types(shop: Shop, state: State) -> None:
    """Make `changes` of the pairs of types: of those in which no product changed, by what they are; else all anew."""
    engine = shop.engine
    unchanged = NONE_CHANGED.format(a="product_type", b="product")
    engine.make("changes", in_state("by_type", f"(SELECT * FROM changes WHERE {unchanged})"))
    if not int(engine.rows("SELECT count(*) AS n FROM changed_products")["n"][0]):
        return
    engine.make("count_lines", statements.count_lines(1), cut0=shop.cut)

    def add() -> None:
        engine.connection.execute(f"INSERT INTO changes {in_state('by_type', 'grouped')}")

    count_types(engine, CHANGED_TYPES, shop.n_types, add)
    first, later = state.runs("by_type")
    old = merged(relation(first), relation(later) if later else None)
    engine.connection.execute(
        f"INSERT INTO changes SELECT a, b, -n, -customers FROM ({old}) "
        f"WHERE NOT ({NONE_CHANGED.format(a='code', b='code')})"
    )
    engine.make(
        "changes",
        "SELECT a, b, CAST(sum(n) AS INTEGER) AS n, CAST(sum(customers) AS INTEGER) AS customers FROM changes "
        "GROUP BY a, b HAVING sum(n) <> 0 OR sum(customers) <> 0",
    )


def count_first(shop: Shop, writer: StateWriter) -> None:
    """Write the counts of all pairs of a shop that was trained."""
    lay_products(shop.engine, shop.attributes)
    Counting(shop.engine, [shop.cut], shop.config).count_products()
    shop.engine.make("frequent_now", "SELECT product FROM frequent_products")
    lay_codes(shop.engine, None)
    write_pairs(shop.engine, shop.n_types, shop.config, writer)
    write_codes(shop.engine, writer)
