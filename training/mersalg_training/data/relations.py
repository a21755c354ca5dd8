"""What products of a catalogue declare of one another, without what cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import duckdb
import numpy as np
import scipy.sparse as sp

from mersalg.errors import DataError
from mersalg_training.data.catalogue import RELATIONS

APART: Final = ("excludes", "similar_to", "successor_of")
"""Relations of products that do not stand beside one another."""
MAX_PARTNERS: Final = 256
"""Of one product by one of APART, its own declarations and those of others; the graph looks at all of them."""
Declared = dict[str, dict[str, set[str]]]
"""Relation -> product id -> the ids that it names."""


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
