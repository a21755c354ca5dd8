"""The second stage's view of a candidate: what the sources, the history, the cart and the catalogue say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64
from mersalg_training.evaluation.baselines.two_stage.facts import ProductFacts, strongest
from mersalg_training.evaluation.baselines.two_stage.past import Past, tallied
from mersalg_training.ranking.cases import Cases

Columns = dict[str, Float64]
"""Features by name, each (n_rows,)."""

GAP_PRIOR: Final = 2.0
"""So many intervals of all customers count beside the customer's own."""


@dataclass(frozen=True)
class CandidateRows:
    """Candidates of several questions. Arrays (n_rows,)."""

    owner: Int64
    """The question, ascending."""
    request: Int64
    """The request that the question is about, ascending."""
    product: Int64


def featurise(
    rows: CandidateRows, scores: Mapping[str, Float32], cases: Cases, past: Past, facts: ProductFacts
) -> Float32:
    """(n_rows, n_features) float32; NaN = unknown."""
    columns: Columns = {
        **source_columns(rows, scores),
        **own_columns(rows, past, facts),
        **group_columns(rows, past, facts),
        **cart_columns(rows, cases, facts),
        **price_columns(rows, cases, past, facts),
        **{name: values[rows.product] for name, values in facts.static.items()},
        **{name: values[rows.request] for name, values in past.context.items()},
        "candidates": np.bincount(rows.owner)[rows.owner].astype(np.float64),
    }
    return np.stack([values.astype(np.float32) for values in columns.values()], axis=1)


def source_columns(rows: CandidateRows, scores: Mapping[str, Float32]) -> Columns:
    """What each source says, and the part of its highest among the candidates."""
    result: Columns = {}
    for name, values in scores.items():
        score = values[rows.request, rows.product].astype(np.float64)
        result[f"source_{name}"] = score
        highest = np.zeros(int(rows.owner.max(initial=-1)) + 1)
        np.maximum.at(highest, rows.owner, score)
        result[f"part_{name}"] = score / np.maximum(highest[rows.owner], 1e-12)
    return result


def own_columns(rows: CandidateRows, past: Past, facts: ProductFacts) -> Columns:
    """The customer's purchases of the product itself."""
    keys, tally = rows.request * len(facts.price) + rows.product, past.tallies["product"]
    context = {name: past.context[name][rows.request] for name in ("own_orders", "short_orders", "long_orders")}
    count = tally.get("count", keys)
    since, oldest = tally.get("youngest", keys, np.nan), tally.get("oldest", keys, np.nan)
    usual = facts.static["interval"][rows.product]
    gaps = np.maximum(count - 1.0, 0.0)
    prior = np.where(np.isnan(usual), 0.0, GAP_PRIOR)
    with np.errstate(invalid="ignore", divide="ignore"):
        own_gap = np.where(gaps > 0, (oldest - since) / gaps, np.nan)
        expected = (np.nan_to_num(own_gap) * gaps + prior * np.nan_to_num(usual)) / (gaps + prior)
        due = since / (expected + 1.0)
    return {
        "own_count": count,
        "own_rate": count / np.maximum(context["own_orders"], 1.0),
        "own_short": tally.get("short", keys),
        "own_long": tally.get("long", keys),
        "own_short_rate": tally.get("short", keys) / (context["short_orders"] + 1e-3),
        "own_long_rate": tally.get("long", keys) / (context["long_orders"] + 1e-3),
        "own_since": since,
        "own_gap": own_gap,
        "own_due": due,
        "own_usual_due": since / (usual + 1.0),
        "own_in_last": tally.get("in_last", keys),
        "own_quantity": tally.get("quantity", keys) / np.maximum(count, 1.0),
    }


def group_columns(rows: CandidateRows, past: Past, facts: ProductFacts) -> Columns:
    """The customer's affinity to the product's type, category and brand."""
    result: Columns = {}
    lines = np.maximum(past.context["own_lines"][rows.request], 1.0)
    own = past.tallies["product"].get("count", rows.request * len(facts.price) + rows.product)
    for name, codes in facts.groups.items():
        code, tally = codes[rows.product], past.tallies[name]
        keys = np.where(code == UNKNOWN, -1, rows.request * max(1, facts.n_groups[name]) + code)
        count = tally.get("count", keys)
        result[f"{name}_share"] = count / lines
        result[f"{name}_long"] = tally.get("long", keys)
        if name != "brand":
            result[f"{name}_since"] = tally.get("youngest", keys, np.nan)
            result[f"own_share_of_{name}"] = own / np.maximum(count, 1.0)
        if name == "type":
            result["type_in_last"] = tally.get("in_last", keys)
    return result


def cart_columns(rows: CandidateRows, cases: Cases, facts: ProductFacts) -> Columns:
    """How the product stands to what is in the cart."""
    result: Columns = {}
    request, cart = cases.cart.row, cases.cart.values
    for name, codes in facts.groups.items():
        width, known = max(1, facts.n_groups[name]), codes[cart] != UNKNOWN
        keys = request[known] * width + codes[cart[known]]
        tally = tallied(keys, {"count": np.ones(len(keys))}, np.zeros(len(keys)))
        code = codes[rows.product]
        result[f"cart_same_{name}"] = tally.get("count", np.where(code == UNKNOWN, -1, rows.request * width + code))
    types = facts.groups["type"]
    ends = np.searchsorted(rows.request, np.arange(len(cases) + 1))
    for name, pairs in facts.affine.items():
        values = np.zeros(len(rows.product))
        for row in range(len(cases)):
            known = np.unique(types[cases.cart[row]])
            known = known[known != UNKNOWN]
            if len(known):
                part = slice(ends[row], ends[row + 1])
                values[part] = np.append(strongest(pairs, known), np.nan)[types[rows.product[part]]]
        result[f"type_{name}"] = values
    return result


def price_columns(rows: CandidateRows, cases: Cases, past: Past, facts: ProductFacts) -> Columns:
    """Logarithms of the product's price to the cart's, the customer's and that of the cart's product of its type.

    Without one of the type in the cart the customer's mean price in the type takes its place. 0.0 = equal.
    """
    price = facts.price[rows.product]
    cart_row, cart = cases.cart.row, cases.cart.values
    priced = ~np.isnan(facts.price[cart])
    n, width, types = len(cases), max(1, facts.n_groups["type"]), facts.groups["type"]
    spent, items = (np.bincount(cart_row[priced], w, n) for w in (facts.price[cart[priced]], np.ones(priced.sum())))
    keys = np.where(types[rows.product] == UNKNOWN, -1, rows.request * width + types[rows.product])
    kept = priced & (types[cart] != UNKNOWN)
    mates = {"spent": facts.price[cart[kept]], "priced": np.ones(int(kept.sum()))}
    anchor = tallied(cart_row[kept] * width + types[cart[kept]], mates, np.zeros(int(kept.sum())))
    usual = past.tallies["type"]
    with np.errstate(divide="ignore", invalid="ignore"):
        in_cart = anchor.get("spent", keys, np.nan) / anchor.get("priced", keys, np.nan)
        by_habit = usual.get("spent", keys, np.nan) / usual.get("priced", keys, np.nan)
        against = {
            "price_to_cart": (spent / items)[rows.request],
            "price_to_own": past.context["own_price"][rows.request],
            "price_to_habit": by_habit,
            "price_to_anchor": np.where(np.isnan(in_cart), by_habit, in_cart),
        }
        result = {name: np.log(price / other) for name, other in against.items()}
    return {name: np.where(np.isfinite(values), values, np.nan) for name, values in result.items()}
