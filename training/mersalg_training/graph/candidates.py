"""From a request to candidates that are ready for the trees."""

from __future__ import annotations

from dataclasses import dataclass

from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.facts import look_up
from mersalg_training.graph.features import candidate_features
from mersalg_training.graph.groups import read_groups, type_anchor
from mersalg_training.graph.kinds import type_pool
from mersalg_training.graph.request import read_request
from mersalg_training.graph.retrieve import Only, gather_pool
from mersalg_training.graph.shortlist import SIGNALS, shorten
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
    only: Only | None = None
    """None where no request is restricted: in training."""


@dataclass(frozen=True)
class Candidates:
    """C candidates of N requests, ready for the trees: first the own products, then the new ones."""

    item: Value
    """(N, C) int64, "no item" in unused places."""
    kind: Value
    anchor: Value
    valid: Value
    """(N, C) bool."""
    retrieved: Value
    """(N,) int64."""
    feature_names: list[str]
    features: Value
    """(N, C, F) float32."""
    first_score: Value
    """(N, C) float32 log-odds, to which the trees add."""
    signals: Value
    """(N, S, C) float32."""
    group: Value
    """(N, C) int64 the group whose first score applied."""


def candidates(graph: GraphBuilder, tables: ShopTables, inputs: Inputs, first_weights: Float32) -> Candidates:
    """Retrieve, give kinds, shorten and featurise."""
    request = read_request(graph, tables, inputs.cart, inputs.history, inputs.age, inputs.quantity, inputs.moment)
    groups = read_groups(graph, tables, request)
    pool = gather_pool(graph, tables, request, groups, inputs.exclude, inputs.only)
    facts = look_up(graph, tables, first_weights[len(SIGNALS) :], pool.item)
    own, of_type = request.of_own(pool.own), groups.sums_of(facts.product_type)
    beside = type_anchor(graph, tables, request, groups).gather_elements(facts.product_type)
    typed = type_pool(graph, tables, request, pool, facts, own, of_type, beside, inputs.kinds, inputs.only)
    moving = first_weights[: len(SIGNALS)]
    shortlist = shorten(graph, tables, request, pool, typed, facts, own, groups, moving, inputs.only)
    names, features = candidate_features(graph, tables, request, groups, shortlist, inputs.moment)
    return Candidates(
        item=shortlist.item,
        kind=shortlist.kind,
        anchor=shortlist.anchor,
        valid=shortlist.valid,
        retrieved=shortlist.retrieved,
        feature_names=names,
        features=features,
        first_score=shortlist.first_score,
        signals=shortlist.signals,
        group=shortlist.group,
    )
