"""Products that exclude, resemble or replace one another, as a catalogue declares it: what that teaches and binds.

Exclusion and likeness hold in pairs, both ways; what replaces a product replaces what that one replaced, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Float32, Float64, Int64
from mersalg_training.tables.vocabulary import Vocabulary

REPLACED: Final = 1
"""A newer product replaces it: nobody is offered it as new."""
NO_LONGER_SOLD: Final = 2
"""Replaced, and the catalogue does not list it: nobody is offered it."""
Pairs = Collection[tuple[int, int]]


@dataclass(frozen=True)
class Partners:
    """Of each item those that it is related to; for few items, so that only these have a row."""

    row_of_item: Int64
    """(n_items + 1,) of items; the last row, of "no item" alone, for what has none."""
    items: npt.NDArray[np.int32]
    """(n_rows + 1, width) item indices, ascending; "no item" in unused places."""

    @property
    def are_declared(self) -> bool:
        """Whether any item has any."""
        return len(self.items) > 1


@dataclass(frozen=True)
class Relations:
    """What is declared among the products that are known at the cut."""

    excluded: Partners
    """Those that an item excludes, or is excluded by."""
    alternatives: Partners
    """Those that are similar to it, that it replaces or that replace it."""
    apart: Partners
    """Both: what does not stand beside it in an answer."""
    standing: Int64
    """(n_items + 1,) 0, REPLACED or NO_LONGER_SOLD."""
    teacher: Int64
    """(n_items + 1,) of an item without neighbours of its own: the item with them that it replaces; else "no item"."""
    stand_in: Int64
    """(n_items + 1,) likewise: the most bought of those that are similar to it."""
    old: Int64
    """(n,) replaced items, and below the item without neighbours of its own that replaces each."""
    new: Int64

    def inherited(
        self, row: Int64, item: Int64, values: Mapping[str, Float64]
    ) -> tuple[Int64, Int64, dict[str, Float64]]:
        """The entries (n,) of rows, and behind them those of replaced items as entries of what replaces them.

        Where it replaces several, a row has it once, with the largest of what is said of them. Its lift is unknown: 0.
        """
        old = np.flatnonzero(np.isin(item, self.old))
        place, which = np.nonzero(item[old, None] == self.old)
        place = old[place]
        width = int(self.new.max(initial=0)) + 1
        pair, where = np.unique(row[place] * width + self.new[which], return_inverse=True)
        added = {name: np.zeros(len(pair)) for name in values}
        for name in added.keys() - {"lift"}:
            np.maximum.at(added[name], where, values[name][place])
        all_values = {name: np.append(value, added[name]) for name, value in values.items()}
        return np.append(row, pair // width), np.append(item, pair % width), all_values

    def taught(self, row_of_item: Int64, filled: Int64) -> Int64:
        """(n_items + 1,) rows of neighbour tables, for products without neighbours of their own those of others.

        What it replaces teaches a product, and what it is similar to where its type has no neighbours either. filled:
        the rows that bring anything to a cart.
        """
        no_item = len(row_of_item) - 1
        lost = ~np.isin(row_of_item, filled)
        teacher = np.where((self.teacher == no_item) & lost, self.stand_in, self.teacher)
        return np.where(teacher < no_item, row_of_item[teacher], row_of_item)

    def expected(self, statistics: Mapping[str, Float32]) -> dict[str, Float32]:
        """The statistics of items, (n_items + 1,) each, where one without support has those of what it replaces.

        Its place by price is its own.
        """
        source = np.where(self.teacher < len(self.teacher) - 1, self.teacher, np.arange(len(self.teacher)))
        return {name: values if name == "price_rank" else values[source] for name, values in statistics.items()}


def find_relations(vocabulary: Vocabulary, attributes: Attributes) -> Relations:
    """The relations among the items of a vocabulary."""
    n, supported = vocabulary.n_items, vocabulary.supported
    excluded = item_pairs(attributes.excludes, vocabulary)
    similar = item_pairs(attributes.similar_to, vocabulary)
    older = predecessors(item_pairs(attributes.successor_of, vocabulary))
    replaces = {(item, old) for item, olds in older.items() for old in olds}
    replaced = np.isin(np.arange(n + 1), [old for _, old in replaces])
    listed = np.append(attributes.listed[vocabulary.code], True)
    learners = [(item, old) for item, old in sorted(replaces) if item >= supported and not replaced[item]]
    teacher, stand_in = (np.full(n + 1, n, dtype=np.int64) for _ in range(2))
    for item, olds in older.items():
        if item >= supported:
            teacher[item] = next((old for old in olds if old < supported), n)
    for a, b in both_ways(similar):
        if a >= supported > b:
            stand_in[a] = min(stand_in[a], b)
    return Relations(
        excluded=partners_of(excluded, n),
        alternatives=partners_of({*similar, *replaces}, n),
        apart=partners_of({*excluded, *similar, *replaces}, n),
        standing=np.where(replaced, np.where(listed | ~attributes.listed.any(), REPLACED, NO_LONGER_SOLD), 0),
        teacher=teacher,
        stand_in=stand_in,
        old=np.array([old for _, old in learners], dtype=np.int64),
        new=np.array([item for item, _ in learners], dtype=np.int64),
    )


def as_it_was(attributes: Attributes, sold: Int64) -> Attributes:
    """The attributes as requests of the past knew them: what was not sold before a day replaced nothing then.

    sold: codes of the products that were sold before it. What was bought of a predecessor would otherwise be no
    purchase to learn from, and its successor an offer that everybody declined.
    """
    if not any(attributes.successor_of):
        return attributes
    is_sold = np.zeros(len(attributes.names), dtype=np.bool_)
    is_sold[sold] = True
    then = [olds if known else frozenset() for olds, known in zip(attributes.successor_of, is_sold, strict=True)]
    return replace(attributes, successor_of=then)


def no_relations(n_items: int) -> Relations:
    """Of a catalogue that declares none."""
    nobody, nothing = partners_of((), n_items), np.full(n_items + 1, n_items)
    none = np.zeros(0, dtype=np.int64)
    return Relations(nobody, nobody, nobody, np.zeros(n_items + 1, dtype=np.int64), nothing, nothing, none, none)


def item_pairs(declared: Collection[frozenset[int]], vocabulary: Vocabulary) -> set[tuple[int, int]]:
    """Pairs of an item and one that it names, both known at the cut. declared: by product code, or empty."""
    item_of = vocabulary.item_of_code
    named = {(int(item_of[a]), int(item_of[b])) for a, codes in enumerate(declared) for b in codes}
    return {pair for pair in named if max(pair) < vocabulary.n_items}


def both_ways(pairs: Pairs) -> set[tuple[int, int]]:
    """Each pair, and the same turned round."""
    return {pair for a, b in pairs for pair in ((a, b), (b, a))}


def predecessors(replaces: Pairs) -> Mapping[int, list[int]]:
    """Item -> those that it replaces: the nearest generation first, the most bought first within one."""
    direct: dict[int, set[int]] = {}
    for item, old in replaces:
        direct.setdefault(item, set()).add(old)
    result = {}
    for item, nearest in direct.items():
        found: dict[int, None] = {}
        generation = nearest
        while generation:
            found.update(dict.fromkeys(sorted(generation)))
            generation = {older for old in generation for older in direct.get(old, ())} - set(found) - {item}
        result[item] = list(found)
    return result


def partners_of(pairs: Pairs, n_items: int) -> Partners:
    """The partners by item of pairs, whichever names the other."""
    partners: dict[int, list[int]] = {}
    for a, b in sorted(both_ways(pairs)):
        partners.setdefault(a, []).append(b)
    row_of_item = np.full(n_items + 1, len(partners), dtype=np.int64)
    items = np.full((len(partners) + 1, max(map(len, partners.values()), default=1)), n_items, dtype=np.int32)
    for row, (item, others) in enumerate(partners.items()):
        row_of_item[item] = row
        items[row, : len(others)] = others
    return Partners(row_of_item, items)
