"""The first stage: what each source says of every product, and the few hundred candidates that they agree to name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from mersalg_training.data.timeline import UNKNOWN, Float32, Int64
from mersalg_training.evaluation.baselines.two_stage.facts import Bools, ProductFacts, rows_of, strongest
from mersalg_training.evaluation.baselines.two_stage.past import Past
from mersalg_training.ranking.cases import Cases

Scores = Callable[[Cases], npt.NDArray[np.floating]]
"""(n, n_products) scores of requests; not above 0 where the method does not name the product."""

CART_SIDE: Final = 0.7
CANDIDATE_SIDE: Final = 0.3
"""Exponents of the softened cosine: pairs / (orders of the cart's product ** .7 x orders of the candidate ** .3)."""
NEAR_ANCHORS: Final = 40
"""Own products whose neighbours count."""
CANDIDATES: Final = 250
FEW: Final = 400
"""So many permitted products are all candidates."""
BLOCK: Final = 64
DEPTH: Final[dict[str, int]] = {
    "own": 100,
    "cosine_sum": 80,
    "cosine_max": 40,
    "confidence_max": 50,
    "near": 50,
    "type_partner": 40,
    "type_mate": 40,
    "month": 40,
}
"""Candidates of a source when all have their say; a source that says less leaves its places to the others."""
OTHER_DEPTH: Final = 50
"""Of the fitted methods."""
SILENT: Final = ("confidence_sum", "pairs")
"""Scores that are features alone and name no candidates."""


@dataclass(frozen=True)
class Sources:
    """Everything that names candidates, fitted on the lines before one day."""

    facts: ProductFacts
    together: sp.csr_array
    """(n_products, n_products) float32: orders with both."""
    methods: Mapping[str, Scores]
    """Fitted lookups by name."""

    def score(self, cases: Cases, past: Past) -> dict[str, Float32]:
        """(n, n_products) by name."""
        n, width = len(cases), len(self.facts.price)
        result = {name: np.zeros((n, width), dtype=np.float32) for name in (*DEPTH, *SILENT)}
        owned = past.tallies["product"]
        result["own"][np.divmod(owned.keys, width)] = owned.sums["long"] + 1e-3 * owned.sums["count"]
        result["month"] += (self.facts.month + 1e-3 * self.facts.week).astype(np.float32)
        for row in range(n):
            self.by_cart(cases.cart[row], result, row)
            self.by_type(cases.cart[row], result, row)
            self.by_own(result["own"][row], result["near"][row])
        for name, method in self.methods.items():
            result[name] = method(cases).astype(np.float32)
        return result

    def by_cart(self, cart: Int64, result: dict[str, Float32], row: int) -> None:
        """What was bought together with the cart."""
        column, pairs, which = rows_of(self.together, cart)
        orders = np.maximum(self.facts.orders, 1.0)
        confidence = (pairs / orders[cart][which]).astype(np.float32)
        cosine = (pairs * (orders[cart] ** -CART_SIDE)[which] * orders[column] ** -CANDIDATE_SIDE).astype(np.float32)
        width = len(orders)
        result["cosine_sum"][row] = np.bincount(column, cosine, width)
        result["confidence_sum"][row] = np.bincount(column, confidence, width)
        result["pairs"][row] = np.bincount(column, pairs, width)
        np.maximum.at(result["cosine_max"][row], column, cosine)
        np.maximum.at(result["confidence_max"][row], column, confidence)

    def by_type(self, cart: Int64, result: dict[str, Float32], row: int) -> None:
        """The popular products of the types that go with the cart's types, and of the cart's types themselves."""
        types = np.unique(self.facts.groups["type"][cart])
        types = types[types != UNKNOWN]
        if not len(types):
            return
        partner = np.append(strongest(self.facts.affine["confidence"], types), 0.0)
        inside = np.zeros(len(partner), dtype=np.float32)
        inside[types] = 1.0
        code = self.facts.groups["type"]  # UNKNOWN reads the last place, which is 0
        result["type_partner"][row] = partner[code] * self.facts.share_in_type
        result["type_mate"][row] = inside[code] * self.facts.share_in_type

    def by_own(self, own: Float32, near: Float32) -> None:
        """Write into `near` what was bought together with the products that the customer buys most."""
        anchors = np.flatnonzero(own)
        if len(anchors) > NEAR_ANCHORS:
            anchors = anchors[np.argpartition(-own[anchors], NEAR_ANCHORS)[:NEAR_ANCHORS]]
        column, pairs, which = rows_of(self.together, anchors)
        orders = np.maximum(self.facts.orders, 1.0)
        weight = np.log1p(own[anchors]) * orders[anchors] ** -CART_SIDE
        near[:] = np.bincount(column, pairs * weight[which], len(orders)) * orders**-CANDIDATE_SIDE


def candidates(scores: Mapping[str, Float32], row: int, permitted: Bools, popular: Int64) -> Int64:
    """Ascending product codes: all that are permitted where these are few, else the best CANDIDATES of all sources.

    Sources take turns by depth: a product's turn is its least place in a source over that source's DEPTH.
    popular: sold products, the most bought first, that fill what is left.
    """
    few = np.flatnonzero(permitted)
    if len(few) <= FEW:
        return few
    named, turns = [], []
    for name, result in scores.items():
        if name in SILENT:
            continue
        depth = DEPTH.get(name, OTHER_DEPTH)
        best = foremost(result[row], permitted, CANDIDATES if name == "own" else 2 * depth)
        named.append(best)
        turns.append(np.arange(len(best)) / depth)
    product, turn = np.concatenate(named), np.concatenate(turns)
    order = np.lexsort((product, turn))
    _, first = np.unique(product[order], return_index=True)
    chosen = product[order][np.sort(first)[:CANDIDATES]]
    if len(chosen) < CANDIDATES:
        rest = popular[permitted[popular]]
        chosen = np.append(chosen, rest[~np.isin(rest, chosen)][: CANDIDATES - len(chosen)])
    return np.sort(chosen)


def foremost(scores: Float32, permitted: Bools, most: int) -> Int64:
    """At most so many permitted products of a score above 0, the highest first; of equals the lowest code."""
    able = np.flatnonzero((scores > floor_of(scores, permitted, most)) & permitted)
    if len(able) > most:
        able = able[np.argpartition(-scores[able], most - 1)[:most]]
    return able[np.lexsort((able, -scores[able]))]


def floor_of(scores: Float32, permitted: Bools, most: int) -> float:
    """A score below which, or at 0, none of the foremost lies: found on the maxima of blocks, which is quick."""
    blocks = len(scores) // BLOCK
    if blocks <= most:
        return 0.0
    highest = (scores * permitted)[: blocks * BLOCK].reshape(blocks, BLOCK).max(axis=1)
    least = float(-np.partition(-highest, most - 1)[most - 1])
    return max(0.0, float(np.nextafter(np.float32(least), np.float32(-np.inf))))
