"""The tables of the numpy rival: counted from the same purchases, written as one .npz that it loads without training.

The first score's weights and the calibration are the bundle's own, so that both keep the same candidates.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from bundle_parts import as_lightgbm, constants, read_model, tree_tables, trees_alone
from numpy_features import FEATURES
from numpy_retrieval import ANCHORS, STEPS
from real_requests import Source

from mersalg.errors import BundleError
from mersalg.names import KINDS
from mersalg_training.data.calendar import time_to_day
from mersalg_training.graph.features import STATISTICS
from mersalg_training.graph.retrieve import SCANNED
from mersalg_training.graph.shortlist import SIGNALS
from mersalg_training.graph.trees import TreeTable
from mersalg_training.progress import quiet
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.shop_tables import Rhythm, ShopTables

NEEDED = (
    "first_weights", "standing_of_item", "calibration_score", "calibration_score_flat", "calibration_relevance",
    "calibration_slope",
)  # fmt: skip


def write_numpy_rival(bundle: Path, manifest: dict[str, Any], source: Source, tables: ShopTables, folder: Path) -> None:
    """Write tables.npz, shop.json and the trees in both forms.

    BundleError where the bundle's graph, its features or its first score are other than this rival knows.
    """
    model = read_model(bundle)
    names = manifest["features"]
    if unknown := sorted({*names, *SIGNALS} - FEATURES):
        raise BundleError(f"{bundle}: the numpy rival cannot make {', '.join(unknown)}; add it to numpy_features.py")
    adds = manifest["config"]["ranker"]["kind"] == "lightgbm"
    trees = tree_tables(model, len(names), adds_to_start=adds)
    folder.mkdir(parents=True, exist_ok=True)
    thresholds = [manifest["kinds"][kind]["threshold"] for kind in KINDS]
    codes = tables.vocabulary.code.tolist()
    ids = [source.purchased.timeline.product_ids[code] for code in codes]
    write_rival(folder, tables, ids, constants(model, NEEDED), names, trees, thresholds)


def tables_of(source: Source, manifest: dict[str, Any]) -> ShopTables:
    """The shop's tables of all that lies before the test window, as training makes them."""
    gap = manifest["data"]["statistics"]["order_gap_days"]
    rhythm = Rhythm(float("nan") if gap is None else gap)
    purchased, day = source.purchased, time_to_day(source.purchased.windows.test_from)
    return learn_shop(purchased.timeline, purchased.attributes, day, source.config, quiet, rhythm)


def write_rival(
    folder: Path,
    tables: ShopTables,
    product_ids: list[str],
    of_bundle: dict[str, np.ndarray],
    names: list[str],
    trees: tuple[TreeTable, TreeTable],
    thresholds: list[float | None],
) -> None:
    """The rival's files. of_bundle: the constants NEEDED; names: of the features, in the trees' order."""
    near, words = tables.neighbours, tables.vocabulary
    cart, ladder, anchor = near.cart, near.ladder, near.anchor
    scanned = tables.most_popular(min(SCANNED, tables.n_items))
    place_of_scanned = np.full(tables.n_items + 1, -1)
    place_of_scanned[scanned] = np.arange(len(scanned))
    ladder_of, follow, near_of = (anchor.values[..., n] for n in range(3))
    later = (follow + near_of) * np.float32(0.3) + ladder_of * np.float32(0.05)
    np.savez(
        folder / "tables.npz",
        row_of_item=near.row_of_item,
        cart_keys=keys(cart.items, cart.values[..., 0], cart.values[..., 2]),
        cart_values=cart.values[..., :2],
        ladder_keys=keys(ladder.items, ladder.values[..., 0] * np.float32(0.05)),
        ladder_values=ladder.values[..., 0],
        anchor_keys=keys(anchor.items, later),
        anchor_values=anchor.values,
        affinity_items=near.type_affinity.items,
        affinity_values=near.type_affinity.values[..., 0],
        products_of_type=near.popular_of_type.items,
        **{name: getattr(words, name) for name in ("product_type", "category", "brand", "price")},
        interval_days=words.statistics["interval_days"],
        share_root=np.sqrt(np.nan_to_num(words.statistics["type_share"])),
        statistics=np.stack([words.statistics[name] for name in STATISTICS], axis=1),
        taste_factors=tables.taste.factors,
        taste_solve=tables.taste.solve,
        factors=tables.factors,
        scanned=scanned,
        place_of_scanned=place_of_scanned,
        popular=tables.most_popular(tables.config.retrieve.popular_candidates),
        standing=of_bundle["standing_of_item"].reshape(len(of_bundle["first_weights"]), -1).T,
        **{name: array for name, array in of_bundle.items() if name != "standing_of_item"},
    )
    shop = settings(tables) | {
        "product_ids": product_ids,
        "features": names,
        "signals": list(SIGNALS),
        "adds_to_start": trees[0].adds_to_start,
        "thresholds": [2.0 if threshold is None else threshold for threshold in thresholds],
    }
    (folder / "shop.json").write_text(json.dumps(shop))
    for side, table in zip(("own", "new"), trees, strict=True):
        (folder / f"{side}.txt").write_text(as_lightgbm(table, names))
        (folder / f"{side}.onnx").write_bytes(trees_alone(table))


def keys(items: np.ndarray, strength: np.ndarray, directed: np.ndarray | float = 0.0) -> np.ndarray:
    """(rows, width) int64 sort keys: ascending by item, the strongest first within one; 1 more where it is directed.

    Twice the anchor's item is added when it is known.
    """
    weak = STEPS - 1
    steps = (np.minimum(strength, 1.0).astype(np.float32) * np.float32(weak)).astype(np.int64)
    return (items.astype(np.int64) * STEPS + (weak - steps)) * ANCHORS + np.asarray(directed).astype(np.int64)


def settings(tables: ShopTables) -> dict[str, Any]:
    """The numbers by which candidates are retrieved and get their kinds."""
    retrieve, rules = tables.config.retrieve, tables.config.kinds
    of_tables = (
        "n_items",
        "n_types",
        "n_categories",
        "n_brands",
        "own_places",
        "new_places",
        "unsold_places",
        "n_sold",
    )
    return {
        **{name: getattr(tables, name) for name in (*of_tables, "supported")},
        "short_days": tables.rhythm.short_days,
        "long_days": tables.rhythm.long_days,
        **{name: getattr(retrieve, name) for name in ("own_anchors", "types", "taste_candidates")},
        **rules.model_dump(),
    }
