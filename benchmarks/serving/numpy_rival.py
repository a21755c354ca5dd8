"""The rival that a good engineer writes in a week: retrieval, features and decision in numpy, trees by a library.

One request at a time, by arrays throughout. It keeps as many candidates as the bundle and scores them with the same
trees. It does not check its requests, restrict (`only`), order by value, batch, or say why a list is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy_features import feature_matrix
from numpy_retrieval import MOST_CART, Known, Retrieval

from mersalg.names import KINDS, KINDS_BY_MOMENT

CROSS_SELL, ADD_ON, UPSELL, MORE_OF_SAME, REPLACEMENT = range(5)
Score = Callable[[np.ndarray], np.ndarray]
"""(n, n_features) float32 -> (n,) raw scores."""


class NumpyShop(Retrieval):
    """A shop's tables, and the trees of own and of new products."""

    def __init__(self, folder: Path, own_score: Score, new_score: Score) -> None:
        super().__init__(folder)
        self.thresholds = np.array(self.is_set["thresholds"], dtype=np.float32)
        self.trees = (own_score, new_score)

    def recommend(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """The offers of one request, best first."""
        known = self.read(request)
        pool = self.gather(known, self.items(request["exclude"]))
        kinds = request["kinds"] or KINDS_BY_MOMENT[known.moment]
        kept, retrieved = self.shorten(known, pool, np.array([kind in kinds for kind in KINDS]))
        return self.decide(known, kept, retrieved, request["limit"])

    def beside(self, known: Known) -> np.ndarray:
        """Of each type what a candidate stands beside: the dearest in the cart, else the usual own product."""
        n_items, n_types, price = self.is_set["n_items"], self.is_set["n_types"], self.of["price"]
        found = np.full(n_types + 1, n_items, dtype=np.int64)
        least = max(len(known.times) * self.is_set["usual_type_share"], self.is_set["usual_type_lines"])
        own_type = self.of["product_type"][known.own]
        usual = np.flatnonzero(known.sums["product_type"]["own_lines"][own_type] >= least)
        usual = usual[np.argsort(np.round(known.columns["own_usual"][usual] * 1024), kind="stable")]
        found[own_type[usual]] = known.own[usual]  # the last, which is the most bought, stays
        cart = known.cart[:MOST_CART]
        cart = cart[np.argsort(np.nan_to_num(price[cart], nan=-1.0), kind="stable")]
        found[self.of["product_type"][cart]] = cart
        found[n_types] = n_items
        return found

    def kinds(self, known: Known, pool: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The kind of each candidate and its anchor."""
        rules, price, item = self.is_set, self.of["price"], pool["item"]
        of_type, n_items = self.of["product_type"][item], self.is_set["n_items"]
        same = self.beside(known)[of_type]
        due = known.columns["own_due"]
        is_due = np.append(due >= rules["due_ratio"], False)[pool["own_place"]]
        dearer = price[item] >= price[same] * np.float32(rules["upsell_step"])
        instead = dearer & (known.sums["product_type"]["in_cart"][of_type] > 0) & (not known.paid)
        again = pool["is_own"] & ~instead
        cheaper = price[item] <= price[pool["anchor"]] * np.float32(rules["add_on_price"])
        kind = np.where(pool["directed"] & cheaper, ADD_ON, CROSS_SELL)
        kind = np.where(same < n_items, np.where(dearer, UPSELL, MORE_OF_SAME), kind)
        kind = np.where(again, np.where(is_due, REPLACEMENT, MORE_OF_SAME), kind)
        return kind, np.where(again, item, np.where(same < n_items, same, pool["anchor"]))

    def shorten(
        self, known: Known, pool: dict[str, np.ndarray], asked: np.ndarray
    ) -> tuple[list[dict[str, np.ndarray]], int]:
        """The candidates of own and of new products that the first score keeps, and how many there were."""
        item = pool["item"]
        kind, anchor = self.kinds(known, pool)
        allowed = ~pool["blocked"] & asked[kind]
        if known.paid:
            allowed &= kind != UPSELL
        signals = self.signals(known, pool, anchor)
        group = 2 * int(len(known.cart) > 0)
        score = signals @ self.of["first_weights"][group : group + 2].T
        score += self.of["standing"][item, group : group + 2]
        score = np.where(pool["is_own"], score[:, 0], score[:, 1])
        n_sold, new = self.is_set["n_sold"], allowed & ~pool["is_own"]
        sides = [(allowed & pool["is_own"], "own_places"), (new & (item < n_sold), "new_places")]
        sides.append((new & (item >= n_sold), "unsold_places"))
        kept = []
        for side, places in sides:
            rows = np.flatnonzero(side)
            kept.append(rows[np.argsort(-score[rows], kind="stable")[: self.is_set[places]]])
        columns = {"item": item, "kind": kind, "anchor": anchor, "first_score": score, "signals": signals}
        columns["own_place"] = pool["own_place"]
        rows_of = (kept[0], np.concatenate(kept[1:]))
        return [{name: values[rows] for name, values in columns.items()} for rows in rows_of], int(allowed.sum())

    def signals(self, known: Known, pool: dict[str, np.ndarray], anchor: np.ndarray) -> np.ndarray:
        """(n, signals) float32 what the first score sees."""
        of, item, types, columns = self.of, pool["item"], known.sums["product_type"], known.columns
        of_type, share, place = of["product_type"][item], of["share_root"][item], pool["own_place"]
        frequent = item < self.is_set["supported"]
        cart = known.cart[:MOST_CART]
        mean = of["factors"][cart[cart < self.is_set["supported"]]].sum(axis=0) / max(1, len(cart))
        due = np.where(columns["own_due"] > 0, np.minimum(columns["own_due"], 2.0), 0.0)
        by_name = dict(zip(("cosine", "confidence", "ladder", "follow", "near"), np.sqrt(pool["sums"]).T, strict=True))
        by_name |= {
            "closest": np.sqrt(pool["closest"]),
            "cart_affinity": np.sqrt(types["cart_affinity"][of_type] * share),
            "own_affinity": np.sqrt(types["own_affinity"][of_type] * share),
            "share_of_own": np.sqrt(types["own_share"][of_type]),
            "like_cart": np.sqrt(types["in_cart"][of_type]),
            "taste": np.where(frequent, of["taste_factors"][item] @ known.taste, 0.0),
            "cart_fit": np.where(frequent, of["factors"][item] @ mean, 0.0),
            "own_long": np.log1p(np.append(columns["own_usual"], 0.0))[place],
            "own_short": np.sqrt(np.append(columns["own_recent"], 0.0))[place],
            "due": np.append(due, 0.0)[place],
            "has_anchor": anchor < self.is_set["n_items"],
        }
        found = np.empty((len(item), len(self.is_set["signals"])), dtype=np.float32)
        for n, name in enumerate(self.is_set["signals"]):
            found[:, n] = by_name[name]
        return found

    def decide(self, known: Known, sides: list[dict[str, np.ndarray]], retrieved: int, limit: int) -> list[Any]:
        """Trees, calibration, thresholds, order and cut."""
        scores = []
        for side, trees in zip(sides, self.trees, strict=True):
            first = side["first_score"] if self.is_set["adds_to_start"] else 0.0
            X = feature_matrix(self.of, self.is_set, known, side, retrieved)
            scores.append(trees(X) + first if len(X) else np.zeros(0))
        item, kind, anchor = (np.concatenate([side[name] for side in sides]) for name in ("item", "kind", "anchor"))
        score = np.concatenate(scores).astype(np.float32)
        relevance = self.calibrated(score, kind)
        shown = np.flatnonzero(relevance >= self.thresholds[kind])
        shown = shown[np.argsort(-score[shown], kind="stable")[:limit]]
        return [
            {
                "rank": rank,
                "product_id": self.ids[item[row]],
                "kind": KINDS[kind[row]],
                "relevance": float(relevance[row]),
                "score": float(score[row]),
                "because": self.ids[anchor[row]] if anchor[row] < self.is_set["n_items"] else None,
            }
            for rank, row in enumerate(shown.tolist(), start=1)
        ]

    def calibrated(self, score: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """(n,) float32 relevance: piecewise linear in the score, by kind."""
        knots = self.of["calibration_score"]
        piece = np.maximum((score[:, None] >= knots[kind]).sum(axis=1) - 1, 0) + kind * knots.shape[1]
        start, base, slope = (self.of[f"calibration_{name}"][piece] for name in ("score_flat", "relevance", "slope"))
        return np.clip(base + np.maximum(score - start, 0) * slope, 0, 1)
