"""A scorer over a synthetic catalogue of any size, as wide and as full as a bundle's own.

Tables, weights and trees are random, so that nothing here says what is relevant. As the catalogue grows, product types
and categories grow with its square root (2,400 types of 91,000 products, as the demo's catalogue has), and 30 % of the
products have neighbours of their own, as there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mersalg.bundle import Bundle
from mersalg.names import KINDS
from mersalg.recommender import Recommender
from mersalg.session import Session
from mersalg_training.calibration.curve import fit_calibration
from mersalg_training.config import Config
from mersalg_training.graph import trees as tree_tables
from mersalg_training.graph.decide import decision_of
from mersalg_training.graph.facts import STANDING
from mersalg_training.graph.features import STATISTICS
from mersalg_training.graph.scorer import scorer_model
from mersalg_training.graph.shortlist import GROUPS, SIGNALS
from mersalg_training.tables.accessories import FITS_ANY
from mersalg_training.tables.advantages import Advantages
from mersalg_training.tables.counts import Counts, PairCounts
from mersalg_training.tables.exclusive import NO_GROUP
from mersalg_training.tables.factors import Taste, halved
from mersalg_training.tables.neighbours import ANCHOR_CHANNELS, CART_CHANNELS, Neighbours, NeighbourTable
from mersalg_training.tables.relations import no_relations
from mersalg_training.tables.shop_tables import Rhythm, ShopTables
from mersalg_training.tables.vocabulary import Vocabulary

SUPPORTED = 0.3
TYPES_BY_ROOT, CATEGORIES_BY_ROOT, BRANDS_BY_ROOT = 8.0, 1.0, 2.0
WITHOUT_TYPE = 0.01
TYPE_NEIGHBOURS = 32
ORDER_GAP_DAYS = 3.3


def synthetic_recommender(n: int, config: Config, n_features: int, seed: int) -> tuple[Recommender, list[str]]:
    """A recommender of N products, and product ids drawn by how often they are bought.

    A straight calibration, and thresholds that let everything through.
    """
    random = np.random.default_rng(seed)
    tables = drawn_tables(n, config, random)
    ids = [f"{number:08d}" for number in range(n)]
    calibration = fit_calibration(
        np.tile(np.array([-5.0, 5.0], dtype=np.float32), 200),
        np.zeros(400, dtype=np.int64),
        np.tile(np.array([0.0, 1.0], dtype=np.float32), 200),
    )
    trees = [drawn_trees(config.ranker.trees, config.ranker.leaves, n_features, random) for _ in ("own", "new")]
    decision = decision_of(tree_tables.RankerTrees(*trees), calibration, dict.fromkeys(KINDS, 0.0))
    weights = random.normal(0.1, 0.1, (len(SIGNALS) + len(STANDING) + 1, len(GROUPS))).astype(np.float32)
    model = scorer_model(tables, weights, decision, ids).SerializeToString()
    manifest = {"name": "drawn", "kinds": {kind: {"threshold": 0.0} for kind in KINDS}, "vocabulary": {"products": n}}
    recommender = Recommender(Bundle(Path(), manifest, model, []), Session(model, f"{n:,} drawn products"))
    return recommender, [ids[item] for item in popular_items(20_000, n, random).tolist()]


def drawn_trees(trees: int, leaves: int, n_features: int, random: np.random.Generator) -> tree_tables.TreeTable:
    """Balanced trees with random splits, each laid out as a heap: the children of split i are 2 i + 1 and 2 i + 2."""
    splits = leaves - 1
    tree, child = np.arange(trees)[:, None, None], 2 * np.arange(splits)[:, None] + np.array([1, 2])
    reference = np.where(child < splits, child + tree * splits, ~(child - splits + tree * leaves))
    return tree_tables.TreeTable(
        n_features=n_features,
        roots=np.arange(trees) * splits,
        feature=random.integers(n_features, size=trees * splits),
        threshold=random.lognormal(size=trees * splits),
        default_left=random.random(trees * splits) < 0.5,
        left=reference[..., 0].ravel(),
        right=reference[..., 1].ravel(),
        leaf_value=random.normal(0.0, 0.1, trees * leaves),
    )


def drawn_tables(n: int, config: Config, random: np.random.Generator) -> ShopTables:
    """Tables of N products, the most bought first."""
    root = np.sqrt(n)
    n_types, n_categories, n_brands = (
        max(4, int(by * root)) for by in (TYPES_BY_ROOT, CATEGORIES_BY_ROOT, BRANDS_BY_ROOT)
    )
    supported = int(SUPPORTED * n)
    vocabulary = drawn_vocabulary(n, n_types, n_categories, n_brands, supported, config, random)
    width = config.factors.factors
    factors = random.standard_normal((n + 1, width), dtype=np.float32) / np.float32(np.sqrt(width))
    factors[supported:] = 0.0
    factors, of_customers = halved(factors), halved(factors * np.float32(0.3))
    taste = Taste(of_customers, np.eye(width, dtype=np.float32) * np.float32(0.01))
    neighbours = drawn_neighbours(vocabulary, n_types, supported, config, random)
    rhythm = Rhythm(ORDER_GAP_DAYS)
    advantages = Advantages(
        qualities=random.normal(0.0, 0.5, (3, n + 1)).astype(np.float32),
        features=random.integers(8, size=n + 1),
        line=vocabulary.brand,
    )
    return ShopTables(
        counts=no_counts(),
        vocabulary=vocabulary,
        neighbours=neighbours,
        factors=factors,
        taste=taste,
        advantages=advantages,
        variant=np.full(len(vocabulary.product_type), NO_GROUP),
        exclusive_group=np.where(vocabulary.product_type < n_types, vocabulary.product_type, NO_GROUP),
        fits=np.full(n + 1, FITS_ANY),
        relations=no_relations(n),
        n_types=n_types,
        n_categories=n_categories,
        n_brands=n_brands,
        rhythm=rhythm,
        config=config,
    )


def no_counts() -> Counts:
    """Counts of no order: the tables are drawn, not counted."""
    none = PairCounts(*(np.zeros(0, dtype=of) for of in (np.int64, np.int64, np.float64, np.float64)))
    return Counts(0.0, 0, {}, {}, {}, {}, {}, none, none, none, none, ORDER_GAP_DAYS)


def drawn_vocabulary(
    n: int, n_types: int, n_categories: int, n_brands: int, supported: int, config: Config, random: np.random.Generator
) -> Vocabulary:
    """Products with attributes, prices and statistics; orders fall with the rank."""
    orders = np.floor(1e5 / np.arange(1.0, n + 1.0) ** 0.8) + 1.0
    least = config.counts.min_support
    orders[:supported], orders[supported:] = np.maximum(orders[:supported], least), 1.0
    price = np.exp(random.normal(1.0, 0.8, n)).astype(np.float32)

    def codes(unknown: int) -> np.ndarray:
        found = random.integers(unknown, size=n + 1)
        found[random.random(n + 1) < WITHOUT_TYPE] = unknown
        found[n] = unknown
        return found

    statistics = {name: np.append(random.random(n), np.nan).astype(np.float32) for name in STATISTICS}
    statistics["log_orders"] = np.append(np.log1p(orders), np.nan).astype(np.float32)
    statistics["month_share"] = np.append(orders / orders[0], np.nan).astype(np.float32)
    statistics["interval_days"] = np.append(random.uniform(7, 90, n), np.nan).astype(np.float32)
    return Vocabulary(
        code=np.arange(n, dtype=np.int32),
        supported=supported,
        item_of_code=np.arange(n, dtype=np.int64),
        product_type=codes(n_types),
        category=codes(n_categories),
        brand=codes(n_brands),
        orders=np.append(orders, 0.0),
        price=np.append(price, np.float32(np.nan)),
        cost=np.full(n + 1, np.nan, dtype=np.float32),
        value=np.append(price, np.float32(0.0)),
        statistics=statistics,
    )


def drawn_neighbours(
    vocabulary: Vocabulary, n_types: int, supported: int, config: Config, random: np.random.Generator
) -> Neighbours:
    """Full rows of the widths of a real job; what is often bought is often a neighbour."""
    retrieve, n = config.retrieve, vocabulary.n_items
    rows = supported + n_types + 1
    row_of_item = supported + vocabulary.product_type
    row_of_item[:supported] = np.arange(supported)
    row_of_item[-1] = rows - 1

    def table(n_rows: int, width: int, channels: int, of: int) -> NeighbourTable:
        values = random.random((n_rows, width, channels), dtype=np.float32)
        values[..., 0] = -np.sort(-values[..., 0], axis=1)
        items = popular_items(n_rows * width, of, random).astype(np.int32).reshape(n_rows, width)
        items[-1], values[-1] = of, 0.0
        return NeighbourTable(items, values).halved()

    cart = table(rows, retrieve.basket_neighbours, len(CART_CHANNELS), n)
    cart.values[..., CART_CHANNELS.index("directed")] = cart.values[..., CART_CHANNELS.index("directed")] > 2 / 3
    later = 2 * retrieve.follow_neighbours + retrieve.ladder_steps // 4
    return Neighbours(
        row_of_item=row_of_item,
        cart=cart,
        ladder=table(rows, retrieve.ladder_steps, 1, n),
        anchor=table(rows, later, len(ANCHOR_CHANNELS), n),
        type_affinity=table(n_types + 1, min(TYPE_NEIGHBOURS, n_types), 1, n_types),
        popular_of_type=table(n_types + 1, retrieve.type_products + retrieve.type_unsold, 1, n),
    )


def popular_items(size: int, n: int, random: np.random.Generator) -> np.ndarray:
    """(size,) int64 items below N, the first often and the last seldom: half of them among the first tenth."""
    return (random.random(size, dtype=np.float32) ** 3.3 * n).astype(np.int64).clip(0, n - 1)
