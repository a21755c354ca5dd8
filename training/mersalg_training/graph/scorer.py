"""The two graphs: one that retrieves and featurises for training, and the scorer that a bundle holds."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from mersalg.names import KINDS
from mersalg_training.graph.builder import ML, GraphBuilder
from mersalg_training.graph.candidates import Inputs, candidates
from mersalg_training.graph.decide import Decision, Wish, decide, scores
from mersalg_training.graph.retrieve import Only
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32
from mersalg_training.trees import TreeTable

INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT
BOOL, STRING = TensorProto.BOOL, TensorProto.STRING
TEXTS = {"cart": "b", "history": "h", "exclude": "x", "only": "o"}
"""The inputs that hold product ids, and the names of their widths."""


def featurise_model(
    tables: ShopTables, first_weights: Float32, trees: tuple[TreeTable, TreeTable] | None = None
) -> tuple[onnx.ModelProto, list[str]]:
    """The training graph, over item indices, and the names of its features.

    Inputs: cart, history, exclude (N, .) int64 item indices, "no item" pads; history_age_days, history_quantity
    float32; moment (N,); kinds (N, 5) bool. Outputs: item, kind, anchor (N, C) int64; retrieved (N,) int64; without
    trees features (N, C, F), first_score (N, C), signals (N, C, S) float32 and group (N, C) int64, with trees score
    (N, C) float32.
    """
    graph = GraphBuilder("mersalg_featurise")
    inputs = Inputs(
        cart=graph.input("cart", INT64, ["n", "b"]),
        history=graph.input("history", INT64, ["n", "h"]),
        age=graph.input("history_age_days", FLOAT, ["n", "h"]),
        quantity=graph.input("history_quantity", FLOAT, ["n", "h"]),
        exclude=graph.input("exclude", INT64, ["n", "x"]),
        moment=graph.input("moment", INT64, ["n"]),
        kinds=graph.input("kinds", BOOL, ["n", len(KINDS)]),
    )
    found = candidates(graph, tables, inputs, first_weights)
    width = tables.places
    graph.output(found.item, "item", INT64, ["n", width])
    graph.output(found.kind, "kind", INT64, ["n", width])
    graph.output(found.anchor, "anchor", INT64, ["n", width])
    graph.output(found.retrieved, "retrieved", INT64, ["n"])
    if trees is None:
        graph.output(found.features, "features", FLOAT, ["n", width, len(found.feature_names)])
        graph.output(found.first_score, "first_score", FLOAT, ["n", width])
        graph.output(found.signals.turned(), "signals", FLOAT, ["n", width, "s"])
        graph.output(found.group, "group", INT64, ["n", width])
    else:
        graph.output(scores(graph, tables, found, *trees), "score", FLOAT, ["n", width])
    return graph.model(), found.feature_names


def scorer_model(
    tables: ShopTables, first_weights: Float32, decision: Decision, product_ids: list[str]
) -> onnx.ModelProto:
    """The scorer of a bundle, over raw product ids; inputs and outputs as `models/README.md` specifies.

    product_ids: (n_items,) by item index.
    """
    graph = GraphBuilder("mersalg_scorer")
    names = {
        "keys_strings": product_ids,
        "values_int64s": list(range(len(product_ids))),
        "default_int64": tables.n_items,
    }

    texts = {name: graph.input(name, STRING, ["n", axis]) for name, axis in TEXTS.items()}
    # One encoder for all: each would hold the whole vocabulary.
    item = graph.op("LabelEncoder", graph.concat(list(texts.values()), 1), domain=ML, **names)
    sizes = graph.concat([text.dim(1) for text in texts.values()], 0)
    items = dict(zip(texts, graph.node("Split", [item, sizes], len(texts), axis=1), strict=True))
    present = graph.op("LabelEncoder", texts["only"], domain=ML, keys_strings=[""], values_int64s=[0], default_int64=1)
    inputs = Inputs(
        cart=items["cart"],
        history=items["history"],
        age=graph.input("history_age_days", FLOAT, ["n", "h"]),
        quantity=graph.input("history_quantity", FLOAT, ["n", "h"]),
        exclude=items["exclude"],
        moment=graph.input("moment", INT64, ["n"]),
        kinds=graph.input("kinds", BOOL, ["n", len(KINDS)]),
        only=Only(items["only"], present.max(1, keep=True) > 0),
    )
    wish = Wish(
        limit=graph.input("limit", INT64, ["n"]),
        apply_threshold=graph.input("apply_threshold", BOOL, ["n"]),
        by_value=graph.input("by_value", BOOL, ["n"]),
    )
    found = candidates(graph, tables, inputs, first_weights)
    offers = decide(graph, tables, found, decision, wish)
    ids = graph.constant(np.array([*product_ids, ""], dtype=object), "product_ids")
    graph.output(ids.gather(offers.item), "product_id", STRING, ["n", "k"])
    graph.output(offers.kind, "kind", INT64, ["n", "k"])
    graph.output(offers.relevance, "relevance", FLOAT, ["n", "k"])
    graph.output(offers.score, "score", FLOAT, ["n", "k"])
    graph.output(ids.gather(offers.anchor), "because", STRING, ["n", "k"])
    graph.output(found.retrieved, "retrieved", INT64, ["n"])
    graph.output(offers.best_relevance, "best_relevance", FLOAT, ["n", len(KINDS)])
    return graph.model()
