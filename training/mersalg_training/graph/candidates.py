"""From a request to candidates that are ready for the trees."""

from __future__ import annotations

from dataclasses import dataclass

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.features import candidate_features
from mersalg_training.graph.groups import cart_affinity, read_group, type_anchor
from mersalg_training.graph.kinds import type_pool
from mersalg_training.graph.request import read_request
from mersalg_training.graph.retrieve import gather_pool
from mersalg_training.graph.shortlist import shorten
from mersalg_training.graph.tables import ShopTables
from mersalg_training.timeline import Float32


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
    """(N, C, 1) float32 each."""
    signals: Value
    group: Value
    """(N, C) int64 the group whose first score applied."""


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
    features = candidate_features(graph, tables, request, groups, affinity, shortlist, inputs.moment)
    return Candidates(
        item=shortlist.item.squeeze(2),
        kind=shortlist.kind.squeeze(2),
        anchor=shortlist.anchor.squeeze(2),
        valid=shortlist.valid,
        retrieved=shortlist.retrieved,
        features=features,
        signals=shortlist.signals,
        group=shortlist.group.squeeze(2),
    )


def stacked_features(graph: GraphBuilder, found: Candidates) -> Value:
    """(N, C, F) float32."""
    return graph.concat(list(found.features.values()), 2)
