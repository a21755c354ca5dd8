"""The two graphs: one that retrieves and featurises for training, and the scorer that a bundle holds."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from mersalg.names import KINDS
from mersalg_training.data.timeline import Float32
from mersalg_training.graph.builder import ML, GraphBuilder, Value
from mersalg_training.graph.candidates import Inputs, candidates
from mersalg_training.graph.decide import DecisionTables, Wish, decide, scores
from mersalg_training.graph.retrieve import Only
from mersalg_training.graph.trees import RankerTrees
from mersalg_training.tables.shop_tables import ShopTables

INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT
BOOL, STRING = TensorProto.BOOL, TensorProto.STRING
TEXTS = {"cart": "b", "history": "h", "exclude": "x", "only": "o"}
"""The inputs that hold product ids, and the names of their widths."""


def featurise_model(
    tables: ShopTables, first_weights: Float32, trees: RankerTrees | None = None
) -> tuple[onnx.ModelProto, list[str]]:
    """The training graph for one request, over item indices, and the names of its features.

    Inputs: cart, history, exclude (width,) int64 item indices, at least one each, "no item" for none;
    history_age_days, history_quantity float32; moment (1,); kinds (5,) bool. Outputs: item, kind, anchor, group (C,)
    int64; offerable (C,) bool; without trees features (C, F), first_score (C,), signals (C, S) float32, with trees
    score (C,) float32.
    """
    graph = GraphBuilder("mersalg_featurise")
    inputs = Inputs(
        cart=graph.input("cart", INT64, ["b"]),
        history=graph.input("history", INT64, ["h"]),
        age=graph.input("history_age_days", FLOAT, ["h"]),
        quantity=graph.input("history_quantity", FLOAT, ["h"]),
        exclude=graph.input("exclude", INT64, ["x"]),
        moment=graph.input("moment", INT64, [1]),
        kinds=graph.input("kinds", BOOL, [len(KINDS)]),
    )
    result = candidates(graph, tables, inputs, first_weights)
    graph.output(result.item, "item", INT64, ["c"])
    graph.output(result.kind, "kind", INT64, ["c"])
    graph.output(result.anchor, "anchor", INT64, ["c"])
    graph.output(result.group, "group", INT64, ["c"])
    graph.output(result.offerable, "offerable", BOOL, ["c"])
    if trees is None:
        graph.output(result.features, "features", FLOAT, ["c", len(result.feature_names)])
        graph.output(result.first_score, "first_score", FLOAT, ["c"])
        graph.output(result.signals, "signals", FLOAT, ["c", "s"])
    else:
        graph.output(scores(graph, result, trees), "score", FLOAT, ["c"])
    return graph.model(), result.feature_names


def scorer_model(
    tables: ShopTables, first_weights: Float32, decision: DecisionTables, product_ids: list[str]
) -> onnx.ModelProto:
    """The scorer of a bundle, over raw product ids; inputs and outputs as `models/README.md` specifies.

    product_ids: (n_items,) by item index.
    """
    graph = GraphBuilder("mersalg_scorer")
    # As tensors: a loader walks over a list of whole numbers one by one.
    names = {
        "keys_strings": product_ids,
        "values_tensor": numpy_helper.from_array(np.arange(len(product_ids))),
        "default_tensor": numpy_helper.from_array(np.array([tables.n_items])),
    }

    def read(name: str, dtype: int, width: str) -> Value:
        """(width,) of an input (1, width)."""
        return graph.input(name, dtype, [1, width]).flat()

    texts = {name: graph.input(name, STRING, [1, axis]) for name, axis in TEXTS.items()}
    # One encoder for all: each would hold the whole vocabulary.
    item = graph.op("LabelEncoder", graph.concat(list(texts.values()), 1), domain=ML, **names).flat()
    sizes = graph.concat([text.dim(1) for text in texts.values()])
    items = dict(zip(texts, graph.node("Split", [item, sizes], len(texts), axis=0), strict=True))
    present = graph.op("LabelEncoder", texts["only"], domain=ML, keys_strings=[""], values_int64s=[0], default_int64=1)
    inputs = Inputs(
        cart=items["cart"],
        history=items["history"],
        age=read("history_age_days", FLOAT, "h"),
        quantity=read("history_quantity", FLOAT, "h"),
        exclude=items["exclude"],
        moment=graph.input("moment", INT64, [1]),
        kinds=graph.input("kinds", BOOL, [1, len(KINDS)]).flat(),
        only=Only(items["only"], present.flat().max() > 0),
    )
    wish = Wish(
        limit=graph.input("limit", INT64, [1]),
        apply_threshold=graph.input("apply_threshold", BOOL, [1]),
        by_value=graph.input("by_value", BOOL, [1]),
        by_moment=graph.input("by_moment", BOOL, [1]),
    )
    result = candidates(graph, tables, inputs, first_weights)
    offers = decide(graph, tables, result, decision, wish, inputs.moment)
    ids = graph.constant(np.array([*product_ids, ""], dtype=object), "product_ids")

    def give(value: Value, name: str, dtype: int, width: int | str) -> None:
        """(width,) as an output (1, width)."""
        graph.output(value.unsqueeze(0), name, dtype, [1, width])

    give(ids.at(offers.item), "product_id", STRING, "k")
    give(offers.kind, "kind", INT64, "k")
    give(offers.relevance, "relevance", FLOAT, "k")
    give(offers.score, "score", FLOAT, "k")
    give(ids.at(offers.anchor), "because", STRING, "k")
    give(offers.lift, "lift", FLOAT, "k")
    give(offers.due_in_days, "due_in_days", FLOAT, "k")
    give(offers.interval_days, "interval_days", FLOAT, "k")
    give(offers.better, "better", INT64, "k")
    graph.output(result.retrieved.integers(), "retrieved", INT64, [1])
    give(offers.best_relevance, "best_relevance", FLOAT, len(KINDS))
    return graph.model()
