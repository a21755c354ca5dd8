"""The two graphs: one that retrieves and featurises for training, and the scorer that a bundle holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.features import candidate_features
from mersalg_training.graph.groups import cart_affinity, read_group, type_anchor
from mersalg_training.graph.kinds import type_pool
from mersalg_training.graph.request import read_request
from mersalg_training.graph.retrieve import gather_pool
from mersalg_training.graph.shortlist import shorten
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32

INT64, FLOAT, BOOL, STRING = TensorProto.INT64, TensorProto.FLOAT, TensorProto.BOOL, TensorProto.STRING


@dataclass(frozen=True)
class Inputs:
    """The request as item indices and numbers."""

    cart: Value
    history: Value
    age: Value
    quantity: Value
    exclude: Value
    moment: Value
    kinds: Value


@dataclass(frozen=True)
class Candidates:
    """C candidates of N requests, ready for the trees."""

    item: Value
    """(N, C) int64, "no item" in unused places."""
    kind: Value
    anchor: Value
    valid: Value
    """(N, C) bool."""
    retrieved: Value
    """(N,) int64."""
    features: dict[str, Value]
    signals: Value


def candidates(graph: GraphBuilder, tables: ShopTables, inputs: Inputs, first_weights: Float32) -> Candidates:
    """Retrieve, give kinds, shorten and featurise."""
    request = read_request(graph, tables, inputs.cart, inputs.history, inputs.age, inputs.quantity, inputs.moment)
    vocabulary = tables.vocabulary
    groups = {
        "type": read_group(graph, request, vocabulary.product_type, tables.n_types, "type"),
        "category": read_group(graph, request, vocabulary.category, tables.n_categories, "category"),
        "brand": read_group(graph, request, vocabulary.brand, tables.n_brands, "brand"),
    }
    affinity = cart_affinity(graph, tables, request, groups["type"])
    pool = gather_pool(graph, tables, request, inputs.exclude)
    anchors = type_anchor(graph, tables, request, groups["type"])
    typed = type_pool(graph, tables, request, pool, groups["type"], anchors, inputs.kinds)
    shortlist = shorten(graph, tables, request, pool, typed, groups["type"], affinity, first_weights)
    features = candidate_features(
        graph, tables, request, pool, typed, groups, affinity, shortlist, inputs.moment
    )
    place = shortlist.place
    return Candidates(
        item=graph.where(shortlist.valid, pool.item.gather_elements(place), tables.n_items),
        kind=typed.kind.gather_elements(place),
        anchor=typed.anchor.gather_elements(place),
        valid=shortlist.valid,
        retrieved=shortlist.retrieved,
        features=features,
        signals=shortlist.signals,
    )


def feature_matrix(graph: GraphBuilder, found: Candidates) -> Value:
    """(N * C, F) float32."""
    stacked = graph.concat([value.unsqueeze(2) for value in found.features.values()], 2)
    return stacked.reshape(-1, len(found.features))


def featurise_model(tables: ShopTables, first_weights: Float32) -> tuple[onnx.ModelProto, list[str]]:
    """The training graph, over item indices, and the names of its features.

    Inputs: cart, history, exclude (N, .) int64 item indices, "no item" pads; history_age_days, history_quantity
    float32; moment (N,); kinds (N, 5) bool. Outputs: item, kind, anchor (N, C) int64; features (N, C, F) and
    signals (N, C, S) float32; retrieved (N,) int64.
    """
    graph = GraphBuilder("mersalg_featurise")
    inputs = Inputs(
        cart=graph.input("cart", INT64, ["n", "b"]),
        history=graph.input("history", INT64, ["n", "h"]),
        age=graph.input("history_age_days", FLOAT, ["n", "h"]),
        quantity=graph.input("history_quantity", FLOAT, ["n", "h"]),
        exclude=graph.input("exclude", INT64, ["n", "x"]),
        moment=graph.input("moment", INT64, ["n"]),
        kinds=graph.input("kinds", BOOL, ["n", 5]),
    )
    found = candidates(graph, tables, inputs, first_weights)
    width = tables.config.retrieve.candidates
    features = feature_matrix(graph, found).reshape(-1, width, len(found.features))
    graph.output(found.item, "item", INT64, ["n", width])
    graph.output(found.kind, "kind", INT64, ["n", width])
    graph.output(found.anchor, "anchor", INT64, ["n", width])
    graph.output(features, "features", FLOAT, ["n", width, len(found.features)])
    graph.output(found.signals, "signals", FLOAT, ["n", width, "s"])
    graph.output(found.retrieved, "retrieved", INT64, ["n"])
    return graph.model(), list(found.features)


__all__ = ["Candidates", "Inputs", "candidates", "feature_matrix", "featurise_model", "np"]
