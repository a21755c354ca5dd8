"""What makes an upsell better than its anchor, as the bits of BETTER; none for the smaller, or for a lower grade."""

from __future__ import annotations

import numpy as np

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.kinds import UPSELL
from mersalg_training.tables.advantages import APART, DIMENSIONS, MAX_CHEAPER, MIN_STEPS, SMALLER
from mersalg_training.tables.shop_tables import ShopTables


def advantages_of(graph: GraphBuilder, tables: ShopTables, item: Value, anchor: Value, kind: Value) -> Value:
    """(C,) int64 of candidates beside their anchors, (C,) each; 0 for what is no upsell."""
    qualities = graph.constant(tables.advantages.qualities, "qualities_of_item")
    step = qualities.rows_at(item, axis=1) - qualities.rows_at(anchor, axis=1)
    reaches = (step >= graph.constant(MIN_STEPS[:, None])) & (step < APART / 2.0)
    line = graph.constant(tables.advantages.line, "line_of_item")
    same_line = line.at(item).equal(line.at(anchor))
    reaches = reaches & (same_line | ~(step.row(1) > graph.constant(MAX_CHEAPER[:, None])))
    bits = graph.constant(np.array([[2.0**i for i in range(len(DIMENSIONS))]], dtype=np.float32))
    better = bits.op("MatMul", reaches.floats()).flat()
    features = graph.constant(tables.advantages.features, "features_of_item")
    of_item, of_anchor = features.at(item), features.at(anchor)
    has_all = of_item.op("BitwiseAnd", of_anchor).equal(of_anchor)
    better = better + ((of_item > of_anchor) & has_all).floats() * float(2 ** len(DIMENSIONS))
    size = step.row(0)
    is_less = (size < SMALLER) & (size > -APART / 2.0)
    is_less = is_less | (same_line & (step.row(2) < -float(MIN_STEPS[2])))
    return graph.where(kind.equal(UPSELL) & ~is_less, better.integers(), 0)
