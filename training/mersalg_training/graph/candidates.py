"""From a request to candidates that are ready for the trees."""

from __future__ import annotations

from dataclasses import dataclass

from mersalg_training.data.timeline import Float32
from mersalg_training.graph.better import advantages_of
from mersalg_training.graph.builder import GraphBuilder, Value
from mersalg_training.graph.facts import look_up
from mersalg_training.graph.features import candidate_features
from mersalg_training.graph.groups import read_groups
from mersalg_training.graph.kinds import UPSELL, type_pool
from mersalg_training.graph.request import read_request
from mersalg_training.graph.retrieve import Only, gather_pool
from mersalg_training.graph.shortlist import shorten
from mersalg_training.tables.shop_tables import ShopTables


@dataclass(frozen=True)
class Inputs:
    """One request as item indices and numbers: cart (B,); history, age, quantity (H,); exclude (X,); kinds (5,)."""

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
    """C candidates, ready for the trees: first the own products, then the new ones."""

    item: Value
    """(C,) int64."""
    kind: Value
    anchor: Value
    offerable: Value
    """(C,) bool: a new product has an anchor that brings it, an upsell something that makes it better. Nothing else is
    shown, however relevant."""
    beside_cart: Value
    """(C,) bool: of a type in the cart, or brought by a product of it."""
    better: Value
    """(C,) int64 bits of BETTER by position; 0 for what is no upsell."""
    strength: Value
    """(C,) float32, see `tables.association`."""
    days: Value
    """(2, C) float32: days since the last purchase, and expected from one purchase to the next; NaN where new."""
    retrieved: Value
    """(1,) float32."""
    feature_names: list[str]
    features: Value
    """(C, F) float32."""
    first_score: Value
    """(C,) float32 log-odds, to which the trees add."""
    signals: Value
    """(C, S) float32."""
    group: Value
    """(C,) int64 the group whose first score applied."""


def candidates(graph: GraphBuilder, tables: ShopTables, inputs: Inputs, first_weights: Float32) -> Candidates:
    """Retrieve, give kinds, shorten and featurise."""
    request = read_request(graph, tables, inputs.cart, inputs.history, inputs.age, inputs.quantity, inputs.moment)
    groups = read_groups(graph, tables, request)
    pool = gather_pool(graph, tables, request, groups, inputs.exclude, inputs.only)
    facts = look_up(graph, tables, pool.item)
    typed = type_pool(graph, tables, request, pool, facts, groups, inputs.kinds, inputs.only)
    shortlist = shorten(graph, tables, request, pool, typed, facts, groups, first_weights, inputs.only)
    names, features = candidate_features(graph, tables, request, groups, shortlist, inputs.moment)
    better = advantages_of(graph, tables, shortlist.item, shortlist.anchor, shortlist.kind)
    return Candidates(
        item=shortlist.item,
        kind=shortlist.kind,
        anchor=shortlist.anchor,
        offerable=shortlist.offerable & ((better > 0) | ~shortlist.kind.equal(UPSELL)),
        beside_cart=shortlist.beside_cart,
        better=better,
        strength=shortlist.strength,
        days=graph.concat(
            [request.own_columns[name].at(shortlist.own) for name in ("own_days", "own_interval")]
        ).reshape(2, -1),
        retrieved=shortlist.retrieved,
        feature_names=names,
        features=features,
        first_score=shortlist.first_score,
        signals=shortlist.signals,
        group=shortlist.group,
    )
