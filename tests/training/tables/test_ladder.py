"""Claims: of all dearer products of its type a row keeps the best, without all of them being looked at."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from mersalg_training.config import KindsConfig
from mersalg_training.tables.counts import PairCounts
from mersalg_training.tables.entries import Entries
from mersalg_training.tables.ladder import ladder_entries
from mersalg_training.tables.vocabulary import Vocabulary

N_TYPES = 3
KINDS = KindsConfig()


def vocabulary_of(n: int, seed: int, n_types: int = N_TYPES) -> Vocabulary:
    """Products of a few prices and orders, so that many are equal; some without a price, some without a type."""
    random = np.random.default_rng(seed)
    price = random.choice([np.nan, 1.0, 1.1, 2.0, 5.0, 9.0], n + 1).astype(np.float32)
    item = np.arange(n + 1)
    return Vocabulary(
        code=item[:-1].astype(np.int32),
        supported=n * 2 // 3,
        item_of_code=item[:-1],
        product_type=np.append(random.integers(0, n_types + 1, n), n_types),
        category=item,
        brand=item,
        orders=np.append(random.choice([0.0, 1.0, 3.0, 8.0], n), 0.0),
        price=price,
        cost=price,
        value=price,
        statistics={},
    )


def switches_of(vocabulary: Vocabulary, seed: int) -> PairCounts:
    """Switches between products of one type, each pair once."""
    random = np.random.default_rng(seed)
    a, b = np.unique(random.integers(0, vocabulary.n_items, (2, 6 * vocabulary.n_items)), axis=1)
    same = (vocabulary.product_type[a] == vocabulary.product_type[b]) & (vocabulary.product_type[a] < N_TYPES)
    n = random.integers(1, 9, int(same.sum())).astype(np.float64)
    return PairCounts(a[same], b[same], n, n)


def rows(entries: Entries) -> dict[tuple[int, int], float]:
    return dict(
        zip(
            zip(entries.row.tolist(), entries.item.tolist(), strict=True),
            entries.values["ladder"].tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("width", [0, 1, 4])
def test_a_row_keeps_the_best_of_all_dearer_products_of_its_type(width: int, seed: int) -> None:
    vocabulary = vocabulary_of(90, seed)
    switches = switches_of(vocabulary, seed)
    everything = rows(ladder_entries(switches, vocabulary, N_TYPES, KINDS, vocabulary.n_items))
    price, types = vocabulary.price.astype(np.float64), vocabulary.product_type
    dearer = {
        (a, b)
        for a in range(vocabulary.supported)
        for b in range(vocabulary.n_items)
        if types[a] == types[b] < N_TYPES and price[b] >= 1.1 * price[a]
    }
    assert {pair for pair in everything if pair[0] < vocabulary.supported} == dearer
    best = {}
    for row in {row for row, _ in everything}:
        of_row = sorted((-value, item) for (at, item), value in everything.items() if at == row)
        best.update({(row, item): -value for value, item in of_row[:width]})
    assert rows(ladder_entries(switches, vocabulary, N_TYPES, KINDS, width)) == best


def test_a_type_of_many_products_is_not_squared() -> None:
    vocabulary = vocabulary_of(20_000, 1, n_types=1)
    nothing = np.zeros(0, dtype=np.int64)
    tracemalloc.start()
    entries = ladder_entries(PairCounts(nothing, nothing, np.zeros(0), np.zeros(0)), vocabulary, 1, KINDS, 8)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(entries.row) > 20_000
    assert most < 10_000 * 10_000, "a byte for each of its products with each"
