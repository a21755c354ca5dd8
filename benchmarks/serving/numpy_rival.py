"""The rival that a good engineer writes in a week: retrieval, features and decision in numpy, trees by a library.

One request at a time, by arrays throughout: the neighbours of all anchors are laid side by side, sorted once, and
added up by `reduceat`. It keeps as many candidates as the bundle and scores them with the same trees. It does not
check its requests, restrict (`only`), order by value, batch, or say why a list is empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy_features import feature_matrix, own_table

from mersalg.names import AFTER_PAYMENT, KINDS, KINDS_BY_MOMENT

STEPS = 2**20
CROSS_SELL, ADD_ON, UPSELL, MORE_OF_SAME, REPLACEMENT = range(5)
MOST_CART = 100
USUAL_TYPES = 16
Score = Callable[[np.ndarray], np.ndarray]
"""(n, n_features) float32 -> (n,) raw scores."""


@dataclass
class Known:
    """What a request tells, as item indices."""

    moment: str
    paid: bool
    cart: np.ndarray
    own: np.ndarray
    columns: dict[str, np.ndarray]
    """Of the own products."""
    times: np.ndarray
    """Distinct ages of the purchases, ascending, in days."""
    taste: np.ndarray
    sums: dict[str, dict[str, np.ndarray]]
    """type, category, brand -> in_cart, own_lines, own_share -> by code, 0 where it is unknown."""


class NumpyShop:
    """A shop's tables, and the trees of own and of new products."""

    def __init__(self, folder: Path, own_score: Score, new_score: Score) -> None:
        with np.load(folder / "tables.npz") as arrays:
            self.of = {name: arrays[name] for name in arrays.files}
        self.is_set: dict[str, Any] = json.loads((folder / "shop.json").read_text())
        self.ids: list[str] = self.is_set["product_ids"]
        self.item_of = {product_id: item for item, product_id in enumerate(self.ids)}
        self.thresholds = np.array(self.is_set["thresholds"], dtype=np.float32)
        self.trees = (own_score, new_score)

    def recommend(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """The offers of one request, best first."""
        known = self.read(request)
        pool = self.gather(known, self.items(request["exclude"]))
        kinds = request["kinds"] or KINDS_BY_MOMENT[known.moment]
        kept, retrieved = self.shorten(known, pool, np.array([kind in kinds for kind in KINDS]))
        return self.decide(known, kept, retrieved, request["limit"])

    def items(self, product_ids: list[str]) -> np.ndarray:
        """The known of the products, ascending, each once."""
        found = {self.item_of[p] for p in product_ids if p in self.item_of}
        return np.array(sorted(found), dtype=np.int64)

    def read(self, request: dict[str, Any]) -> Known:
        """Cart and history by product, and what they hold of each type, category and brand."""
        cart, lines = self.items(request["cart"]), request["history"]
        paid = request["moment"] in AFTER_PAYMENT
        item = np.array([self.item_of.get(line["product_id"], -1) for line in lines], dtype=np.int64)
        at = np.array([line["ordered_at"] for line in lines], dtype="datetime64[us]")
        age = ((np.datetime64(request["at"], "us") - at).astype(np.int64) / 86_400e6).astype(np.float32)
        quantity = np.array([line["quantity"] for line in lines], dtype=np.float32)
        used = (item >= 0) & (age >= 0) & (quantity > 0)
        item, age, quantity = item[used], age[used], quantity[used]
        if paid:
            item, nothing = np.concatenate([item, cart]), np.zeros(len(cart), dtype=np.float32)
            age, quantity = np.concatenate([age, nothing]), np.concatenate([quantity, nothing + 1])
        times = np.unique(age)
        own, columns = own_table(item, age, quantity, len(times), self.of["interval_days"], self.is_set)
        weight = np.log1p(columns["own_usual"])
        taste = weight @ self.of["taste_factors"][own] @ self.of["taste_solve"]
        cart_seen = cart[:MOST_CART]
        sums = {
            name: self.by_code(name, n, cart_seen, own, columns)
            for name, n in (("product_type", "n_types"), ("category", "n_categories"), ("brand", "n_brands"))
        }
        self.add_affinities(sums["product_type"], cart_seen)
        return Known(request["moment"], paid, cart, own, columns, times, taste, sums)

    def by_code(self, name: str, n: str, cart: np.ndarray, own: np.ndarray, columns: dict[str, np.ndarray]) -> Any:
        """Sums of cart and history by the codes of an attribute."""
        code, unknown = self.of[name], self.is_set[n]
        of_own, usual = code[own], columns["own_usual"]
        found = {
            "in_cart": np.bincount(code[cart], minlength=unknown + 1).astype(np.float32),
            "own_lines": np.bincount(of_own, columns["own_count"], unknown + 1),
            "own_share": np.bincount(of_own, usual / max(usual.sum(), 1e-6), unknown + 1),
        }
        for column in found.values():
            column[unknown] = 0.0
        return found

    def add_affinities(self, types: dict[str, np.ndarray], cart: np.ndarray) -> None:
        """How much the types of the cart, and the customer's usual ones, speak for each type."""
        n_types, share = self.is_set["n_types"], types["own_share"]
        usual = np.argsort(-np.round(share * STEPS), kind="stable")[:USUAL_TYPES]
        spoken = (("cart_affinity", self.of["product_type"][cart], None), ("own_affinity", usual, share[usual]))
        for name, code, weight in spoken:
            value = self.of["affinity_values"][code]
            value = value if weight is None else value * weight[:, None]
            types[name] = np.bincount(self.of["affinity_items"][code].ravel(), value.ravel(), n_types + 1)
            types[name][n_types] = 0.0

    def gather(self, known: Known, exclude: np.ndarray) -> dict[str, np.ndarray]:
        """Everything that the sources bring, each product once, with what is summed up of it."""
        of, n_items, cart = self.of, self.is_set["n_items"], known.cart[:MOST_CART]
        usual = np.argsort(-np.round(known.columns["own_usual"] * 1024), kind="stable")[: self.is_set["own_anchors"]]
        later = np.concatenate([cart, known.own[usual]])
        row, later_row = of["row_of_item"][cart], of["row_of_item"][later]
        plain = [known.own, self.of_types(known), self.liked(known), of["popular"]]
        plain_keys = np.concatenate(plain) * STEPS + (STEPS - 1)
        blocks = [of["cart_keys"][row].ravel(), of["ladder_keys"][row].ravel(), of["anchor_keys"][later_row].ravel()]
        bounds = np.cumsum([len(block) for block in blocks])
        key = np.concatenate([*blocks, plain_keys])
        values = np.zeros((len(key), 6), dtype=np.float32)  # cosine, confidence, ladder, follow, near, directed
        values[: bounds[0], [0, 1, 5]] = of["cart_values"][row].reshape(-1, 3)
        values[bounds[0] : bounds[1], 2] = of["ladder_values"][row].ravel()
        values[bounds[1] : bounds[2], 2:5] = of["anchor_values"][later_row].reshape(-1, 3)
        anchor = np.full(len(key), n_items, dtype=np.int64)
        width = [of[f"{name}_keys"].shape[1] for name in ("cart", "ladder", "anchor")]
        anchor[: bounds[2]] = np.concatenate([np.repeat(a, w) for a, w in zip((cart, cart, later), width, strict=True)])
        order = np.argsort(key, kind="stable")
        item = key[order] // STEPS
        first = np.flatnonzero(np.r_[True, item[1:] != item[:-1]])
        first = first[item[first] < n_items]
        sorted_values = values[order]
        ends = np.searchsorted(item, n_items)
        sums = np.add.reduceat(sorted_values[:ends], first, axis=0)
        item = item[first]
        own_place = np.minimum(np.searchsorted(known.own, item), max(len(known.own) - 1, 0))
        is_own = known.own[own_place] == item if len(known.own) else np.zeros(len(item), dtype=bool)
        blocked = exclude if known.paid else np.union1d(exclude, known.cart)
        return {
            "item": item,
            "anchor": anchor[order][first],
            "directed": sorted_values[first, 5] > 0,
            "sums": sums[:, :5],
            "closest": np.maximum.reduceat(sorted_values[:ends, 0], first),
            "is_own": is_own,
            "own_place": np.where(is_own, own_place, len(known.own)),
            "blocked": np.isin(item, blocked),
        }

    def of_types(self, known: Known) -> np.ndarray:
        """The products of the types that have most to do with the request."""
        types = known.sums["product_type"]
        score = np.round((types["cart_affinity"] + types["own_affinity"] + types["own_share"])[:-1] * STEPS)
        k = min(self.is_set["types"], len(score))
        best = np.argpartition(-score, k - 1)[:k]
        return self.of["products_of_type"][best[score[best] > 0]].ravel().astype(np.int64)

    def liked(self, known: Known) -> np.ndarray:
        """Popular products, new to the customer, that fit the taste best."""
        scanned = self.of["scanned"]
        fit = np.round(self.of["taste_factors"][scanned] @ known.taste * STEPS)
        fit[np.isin(scanned, known.own)] = 0
        k = min(self.is_set["taste_candidates"], len(scanned))
        best = np.argpartition(-fit, k - 1)[:k]
        return scanned[best[fit[best] > 0]]

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
        score = signals @ self.of["first_weights"][:, group : group + 2]
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
