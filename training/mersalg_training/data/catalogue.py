"""The catalogue: one row a product, from a products source or from what order lines tell.

And which products are fees, what they declare of one another, and which category is no type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import duckdb
import numpy as np
import scipy.sparse as sp

from mersalg.errors import DataError
from mersalg_training.columns import ProductColumn
from mersalg_training.data.casts import id_text, is_unusable, number, truth
from mersalg_training.data.sources import literal

LABELS: Final = ("name", "category", "product_type", "brand", "size", "variant_of")
RELATIONS: Final = ("accessory_for", "excludes", "similar_to", "successor_of")
"""To other products, by their ids."""
LISTS: Final = ("features", *RELATIONS)
"""Of several values: a list, or a text with `|` or `;` between them."""
AMOUNTS: Final[tuple[ProductColumn, ...]] = ("price", "cost")
GOODS: Final = "(?i)^(manual|samples?)$"
"""As a name it is a fee, as a type it may be one of goods: toothbrushes are "manual" or "electric"."""
MAX_TYPE_SHARE: Final = 0.9
"""A category of more than this share of the products is no type. The largest of five histories hold 0.93, 0.81 and at
most 0.11; without the second as a type, apparel, a shop's next products were found worse."""
MIN_PRODUCTS: Final = 20
"""Fewer products tell nothing of their categories."""
APART: Final = ("excludes", "similar_to", "successor_of")
"""Relations of products that do not stand beside one another."""
MAX_PARTNERS: Final = 256
"""Of one product by one of APART, its own declarations and those of others; the graph looks at all of them."""
Declared = dict[str, dict[str, set[str]]]
"""Relation -> product id -> the ids that it names."""


def gather_catalogue(connection: duckdb.DuckDBPyConnection, size_unit: str = "") -> list[str]:
    """Make `catalogue`, each product of `raw_products` once, and say what was not as clear as that.

    Where rows of a product differ, its most frequent label counts (ties: the smallest) and its median amount. An
    amount of zero or below, or that is no number, is unknown. A product is a fee where every row says so.
    size_unit is the unit of a size that is a number alone.
    """
    labels = ", ".join(f"{id_text(label)} AS {label}" for label in LABELS if label != "size")
    size = id_text("size")
    size = (
        f"CASE WHEN TRY_CAST({size} AS DOUBLE) IS NULL THEN {size} ELSE concat({size}, ' ', {literal(size_unit)}) END"
    )
    lists = ", ".join(f"{joined(connection, name)} AS {name}" for name in LISTS)
    amounts = ", ".join(f"{number(f'CAST({amount} AS VARCHAR)')} AS {amount}" for amount in AMOUNTS)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE catalogue_rows AS
        SELECT {id_text("product_id")} AS product_id, {labels}, {size} AS size, {lists}, {amounts},
               {truth("is_fee")} AS is_fee, count(*) AS copies
        FROM raw_products GROUP BY ALL
    """)
    medians = ", ".join(f"median(CASE WHEN {amount} > 0 THEN {amount} END) AS {amount}" for amount in AMOUNTS)
    joins = "\n".join(
        f"LEFT JOIN ({most_frequent(label)}) {label}_of USING (product_id)" for label in (*LABELS, *LISTS)
    )
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE catalogue AS
        WITH once AS (
            SELECT product_id, {medians}, bool_and(is_fee) AS is_fee
            FROM catalogue_rows WHERE NOT {is_unusable("product_id")} GROUP BY product_id
        )
        SELECT product_id, {", ".join(f"{label}_of.value AS {label}" for label in (*LABELS, *LISTS))},
               price, cost, is_fee
        FROM once {joins}
    """)
    nameless, unusable, unpriced = connection.execute(f"""
        SELECT coalesce(sum(copies) FILTER (WHERE product_id IS NULL), 0),
               coalesce(sum(copies) FILTER (WHERE {is_unusable("product_id")}), 0), count(*) FILTER (WHERE price <= 0)
        FROM catalogue_rows
    """).fetchall()[0]
    notes = []
    if nameless:
        notes.append(f"catalogue: {nameless} rows without a product_id are left out")
    if unusable:
        notes.append(f"catalogue: {unusable} rows whose product_id is too long or has control characters are left out")
    if unpriced:
        notes.append(f"catalogue: {unpriced} prices of zero or below are taken as unknown")
    return notes


def joined(connection: duckdb.DuckDBPyConnection, column: str) -> str:
    """SQL for a column of `raw_products` with several values as one text, `|` between them."""
    described = connection.execute(f"SELECT column_type FROM (DESCRIBE SELECT {column} FROM raw_products)").fetchall()
    return id_text(f"array_to_string({column}, '|')" if str(described[0][0]).endswith("]") else column)


def most_frequent(label: str) -> str:
    """SQL for the label that most rows of a product bear."""
    return f"""
        SELECT product_id, value FROM (
            SELECT product_id, value, row_number() OVER (PARTITION BY product_id ORDER BY rows DESC, value) AS place
            FROM (SELECT product_id, {label} AS value, sum(copies) AS rows FROM catalogue_rows
                  WHERE {label} IS NOT NULL GROUP BY product_id, {label})
        ) WHERE place = 1
    """


def find_fees(connection: duckdb.DuckDBPyConnection, fee_pattern: str) -> None:
    """Make `fees(product_id)` of the products that are marked as a fee, or whose id or labels match the pattern.

    Every field is matched by itself, so that `^...$` means a whole name or a whole type. An empty pattern matches none.
    """
    groups = ("category", "product_type")
    matches = [f"regexp_matches({field}, {literal(fee_pattern)})" for field in ("product_id", "name", *groups)]
    matches[2:] = [
        f"{match} AND NOT regexp_matches({group}, {literal(GOODS)})"
        for match, group in zip(matches[2:], groups, strict=True)
    ]
    matches = matches if fee_pattern else []
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE fees AS
        SELECT product_id
        FROM (SELECT DISTINCT product_id FROM typed WHERE product_id IS NOT NULL) FULL JOIN catalogue USING (product_id)
        WHERE coalesce({" OR ".join(f"coalesce({match}, false)" for match in [*matches, "is_fee"])}, false)
    """)


def build_products(connection: duckdb.DuckDBPyConnection, fees_are_out: bool, is_listed: bool) -> list[str]:
    """Make `products`, each product of `lines` or of the catalogue once.

    is_listed: whether the catalogue is a source of its own, so that a product in it is known before it is sold.
    """
    connection.execute(f"""
        CREATE OR REPLACE TABLE products AS
        WITH ids AS (
            SELECT product_id FROM lines
            UNION
            SELECT c.product_id FROM catalogue c LEFT JOIN fees f ON c.product_id = f.product_id
            WHERE {"f.product_id IS NULL" if fees_are_out else "true"}
        )
        SELECT i.product_id, c.name, c.category, c.product_type, c.brand, c.price, c.cost,
               {", ".join(f"c.{name}" for name in ("size", "variant_of", *LISTS))},
               {"c.product_id IS NOT NULL" if is_listed else "false"} AS listed
        FROM ids i LEFT JOIN catalogue c ON i.product_id = c.product_id
    """)
    fees = connection.execute("SELECT count(*) FROM fees").fetchall()[0][0]
    return [f"{fees} products are fees and no merchandise"] if fees and fees_are_out else []


def clear_catch_all(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Take the type from the products of a category that holds nearly all of them, and say so.

    For a category that stands in for the type. All products count that the catalogue lists, sold or not, so that no
    order changes it; without a catalogue, all that are sold.
    """
    found = connection.execute("""
        WITH counted AS (SELECT * FROM products WHERE listed OR NOT (SELECT bool_or(listed) FROM products))
        SELECT product_type, count(*), (SELECT count(*) FROM counted) FROM counted
        WHERE product_type IS NOT NULL GROUP BY product_type ORDER BY count(*) DESC, product_type LIMIT 1
    """).fetchall()
    if not found:
        return []
    name, members, products = found[0]
    if products < MIN_PRODUCTS or members <= MAX_TYPE_SHARE * products:
        return []
    connection.execute("UPDATE products SET product_type = NULL WHERE product_type = $name", {"name": name})
    return [f"the category {name!r} holds {members:,} of {products:,} products: it is no type, and theirs is unknown"]


def several(text: str) -> frozenset[str]:
    """The values of a text with `|` or `;` between them."""
    return frozenset(filter(None, map(str.strip, re.split("[|;]", text))))


def settle_relations(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Take out of `products` what relations cannot mean, and say what: themselves, and what contradicts.

    Products that replace each other in a circle replace nothing. An accessory does not fit what it is kept apart from.
    An id that names no product is told and stays where it is: nothing is looked up by it. DataError where a product
    has more than MAX_PARTNERS.
    """
    declared: Declared = {name: {} for name in RELATIONS}
    for name, of_product in declared.items():
        rows = connection.execute(f"SELECT product_id, {name} FROM products WHERE {name} IS NOT NULL ORDER BY ALL")
        of_product.update((product_id, set(several(text))) for product_id, text in rows.fetchall())
    if not any(declared.values()):
        return []
    known = {row[0] for row in connection.execute("SELECT product_id FROM products").fetchall()}
    notes = [note for name in RELATIONS for note in (unknown_note(name, declared[name], known),) if note]
    notes += take_out(connection, declared, {n: themselves(declared[n]) for n in RELATIONS}, "names itself")
    notes += take_out(connection, declared, {"successor_of": in_circle(declared["successor_of"])}, "goes in a circle")
    apart = {pair for name in APART for a, b in pairs(declared[name]) for pair in ((a, b), (b, a))}
    torn = [pair for pair in pairs(declared["accessory_for"]) if pair in apart]
    notes += take_out(connection, declared, {"accessory_for": torn}, "contradicts a relation that keeps both apart")
    check_partners(declared, known)
    return notes


def pairs(of_product: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Each product and an id that it names, in the order of both."""
    return ((a, b) for a, named in of_product.items() for b in sorted(named))


def unknown_note(name: str, of_product: Mapping[str, set[str]], known: set[str]) -> str:
    """A sentence where a relation names ids that are no product's; empty where all are."""
    unknown = [(a, b) for a, b in pairs(of_product) if b not in known]
    if not unknown:
        return ""
    return f"{name}: {len(unknown)} ids name no product, as {unknown[0][1]!r} of {unknown[0][0]!r}; they bind nothing"


def take_out(
    connection: duckdb.DuckDBPyConnection, declared: Declared, found: Mapping[str, list[tuple[str, str]]], why: str
) -> list[str]:
    """Remove pairs by relation, in `products` too, with a sentence for each relation that has any."""
    notes = []
    for name, wrong in found.items():
        for a, b in wrong:
            declared[name][a].discard(b)
            connection.execute(
                f"UPDATE products SET {name} = $text WHERE product_id = $a",
                {"text": "|".join(sorted(declared[name][a])), "a": a},
            )
        if wrong:
            a, b = wrong[0]
            notes.append(f"{name}: {len(wrong)} declarations do not count, as that of {a!r}: {b!r} {why}")
    return notes


def themselves(of_product: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The pairs of a product with itself."""
    return [(a, b) for a, b in pairs(of_product) if a == b]


def in_circle(of_product: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The pairs between products each of which, by others, replaces the other."""
    listed = list(pairs(of_product))
    if not listed:
        return []
    place = {product_id: i for i, product_id in enumerate(dict.fromkeys(one for pair in listed for one in pair))}
    a, b = (np.array([place[pair[side]] for pair in listed], dtype=np.int64) for side in (0, 1))
    graph = sp.csr_array((np.ones(len(listed)), (a, b)), shape=(len(place), len(place)))
    _, circle = sp.csgraph.connected_components(graph, connection="strong")
    return [pair for pair, x, y in zip(listed, a, b, strict=True) if x != y and circle[x] == circle[y]]


def check_partners(declared: Declared, known: set[str]) -> None:
    """DataError where a product has more partners by a relation than the graph looks at."""
    for name in APART:
        partners: dict[str, set[str]] = {}
        for a, b in pairs(declared[name]):
            if b in known:
                partners.setdefault(a, set()).add(b)
                partners.setdefault(b, set()).add(a)
        most = max(partners, key=lambda product_id: len(partners[product_id]), default=None)
        if most is not None and len(partners[most]) > MAX_PARTNERS:
            raise DataError(
                f"data.products: {name}: expected at most {MAX_PARTNERS} products for each, got "
                f"{len(partners[most]):,} of {most!r}; products of one product_type, or one variant_of, exclude one "
                "another without it"
            )
