"""What is looked up of every candidate of the pool: one row of one table, for a row costs as much as a number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32
from mersalg_training.vocabulary import Vocabulary

STANDING = ("log_orders", "recent", "trend", "repeat_rate", "idle", "share_of_type", "unsold")
"""What the first score sees of the product alone."""


@dataclass(frozen=True)
class Facts:
    """Of candidates (N, U)."""

    price: Value
    """(N, U) float32."""
    product_type: Value
    """(N, U) int64, n_types where there is none."""
    share_root: Value
    """(N, 1, U) float32: the square root of the share of its type's orders; 0 without a type."""
    standing: Value
    """(N, U, groups) float32: the first score of the product alone, for each group."""


def look_up(graph: GraphBuilder, tables: ShopTables, standing_weights: Float32, item: Value) -> Facts:
    """The facts of candidates; standing_weights: (len(STANDING) + 1, groups), the last row is the intercept."""
    vocabulary, groups = tables.vocabulary, standing_weights.shape[1]
    standing = standing_signals(vocabulary) @ standing_weights[:-1] + standing_weights[-1]
    columns = [
        vocabulary.price[:, None],
        vocabulary.product_type[:, None],
        np.sqrt(np.nan_to_num(vocabulary.statistics["type_share"]))[:, None],
        np.append(standing, np.zeros((1, groups)), axis=0),
    ]
    table = graph.constant(np.concatenate(columns, axis=1).astype(np.float32), "facts_of_item")
    sizes = graph.constant(np.array([1, 1, 1, groups]))
    price, product_type, share_root, base = graph.node("Split", [table.gather(item), sizes], 4, axis=2)
    return Facts(price.squeeze(2), product_type.squeeze(2).integers(), share_root.reshape(0, 1, -1), base)


def standing_signals(vocabulary: Vocabulary) -> Float32:
    """(n_items, len(STANDING)) float32."""
    known = {name: values[:-1] for name, values in vocabulary.statistics.items()}
    found = {
        "log_orders": known["log_orders"],
        "recent": np.sqrt(known["month_share"]),
        "trend": np.minimum(known["trend"], 3.0),
        "repeat_rate": known["repeat_rate"],
        "idle": np.log1p(np.nan_to_num(known["idle_days"])),
        "share_of_type": np.nan_to_num(known["type_share"]),
        "unsold": (vocabulary.orders[:-1] == 0).astype(np.float32),
    }
    return np.stack([found[name] for name in STANDING], axis=1).astype(np.float32)
