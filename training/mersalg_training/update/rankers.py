"""What stays as it was trained: trees, weights of the first score, the shop's pace; and how it is kept in a state."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from onnx import numpy_helper

from mersalg_training.data.timeline import Float32
from mersalg_training.drift.scorer import find_initializer, parse
from mersalg_training.graph.calibration import KNOTS, Calibration
from mersalg_training.graph.decide import DecisionTables
from mersalg_training.graph.trees import RankerTrees, TreeTable
from mersalg_training.tables.shop_tables import Rhythm


@dataclass(frozen=True)
class KeptRankers:
    """Of a training job."""

    trees: RankerTrees
    first_weights: Float32
    rhythm: Rhythm


def write_rankers(path: Path, kept: KeptRankers) -> None:
    """Write arrays alone, by name."""
    arrays: dict[str, Any] = {"first_weights": kept.first_weights, "order_gap_days": kept.rhythm.order_gap_days}
    for ranker, table in vars(kept.trees).items():
        if table is not None:
            arrays |= {f"{ranker}.{field.name}": getattr(table, field.name) for field in fields(TreeTable)}
    np.savez(path, allow_pickle=False, **arrays)


def read_rankers(path: Path) -> KeptRankers:
    """What `write_rankers` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        tables = {
            ranker: TreeTable(**{field.name: plain(arrays[f"{ranker}.{field.name}"]) for field in fields(TreeTable)})
            for ranker in ("own", "new", "upsell")
            if f"{ranker}.roots" in arrays
        }
        return KeptRankers(RankerTrees(**tables), arrays["first_weights"], Rhythm(float(arrays["order_gap_days"])))


def plain(array: Any) -> Any:
    """A number where it is one."""
    return array.item() if array.ndim == 0 else array


def decision_of_scorer(trees: RankerTrees, scorer: bytes, where: str) -> DecisionTables:
    """The trees with the calibration and the thresholds of a scorer. BundleError where it has no such constants."""
    model = parse(scorer)

    def constant(name: str) -> Float32:
        return np.asarray(numpy_helper.to_array(find_initializer(model, name, where)), dtype=np.float32)

    score = constant("calibration_score")
    shape = (score.size // KNOTS, KNOTS)
    relevance, slope = (constant(f"calibration_{name}").reshape(shape) for name in ("relevance", "slope"))
    return DecisionTables(trees, Calibration(score.reshape(shape), relevance, slope), constant("thresholds"))
