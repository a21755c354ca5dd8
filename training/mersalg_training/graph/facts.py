"""What is looked up of every candidate of the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.data.timeline import Float32
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.tables.shop_tables import ShopTables
from mersalg_training.tables.vocabulary import Vocabulary

STANDING = ("log_orders", "recent", "trend", "repeat_rate", "idle", "share_of_type", "unsold")
"""What the first score sees of the product alone."""


@dataclass(frozen=True)
class CandidateFacts:
    """Of candidates (U,)."""

    price: Value
    """(U,) float32."""
    product_type: Value
    """(U,) int32, n_types where there is none."""
    share_root: Value
    """(U,) float32: the square root of the share of its type's orders; 0 without a type."""


def look_up(graph: GraphBuilder, tables: ShopTables, item: Value) -> CandidateFacts:
    """The facts of candidates (U,)."""
    vocabulary = tables.vocabulary
    root = np.sqrt(np.nan_to_num(vocabulary.statistics["type_share"])).astype(np.float32)
    return CandidateFacts(
        price=graph.constant(vocabulary.price, "price_of_item").at(item),
        product_type=graph.constant(vocabulary.product_type.astype(np.int32), "type_of_item").at(item),
        share_root=graph.constant(root, "type_share_root_of_item").at(item),
    )


def standing_of(graph: GraphBuilder, tables: ShopTables, standing_weights: Float32, item: Value, group: Value) -> Value:
    """(U,) float32: the first score of the product alone, by the weights of its group, (U,) int64.

    standing_weights: (len(STANDING) + 1, groups), the last row is the intercept.
    """
    standing = standing_signals(tables.vocabulary) @ standing_weights[:-1] + standing_weights[-1]
    by_group = np.append(standing, np.zeros((1, standing.shape[1])), axis=0).T.astype(np.float32)
    of_item = graph.constant(np.ascontiguousarray(by_group).reshape(-1), "standing_of_item")
    return of_item.at(group * (tables.n_items + 1) + item)


def standing_signals(vocabulary: Vocabulary) -> Float32:
    """(n_items, len(STANDING)) float32."""
    known = {name: values[:-1] for name, values in vocabulary.statistics.items()}
    result = {
        "log_orders": known["log_orders"],
        "recent": np.sqrt(known["month_share"]),
        "trend": np.minimum(known["trend"], 3.0),
        "repeat_rate": known["repeat_rate"],
        "idle": np.log1p(np.nan_to_num(known["idle_days"])),
        "share_of_type": np.nan_to_num(known["type_share"]),
        "unsold": (known["log_orders"] == 0).astype(np.float32),
    }
    return np.stack([result[name] for name in STANDING], axis=1).astype(np.float32)
