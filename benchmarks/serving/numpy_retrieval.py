"""The numpy rival's retrieval: what a request tells, and every product that its cart, history and taste bring.

The neighbours of all anchors are laid side by side, sorted once, and added up by `reduceat`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy_features import own_table

from mersalg.names import AFTER_PAYMENT

STEPS, ANCHORS = 2**20, 2**22
"""A sort key: the item, how many steps the pair's strength is from the strongest, 2 x the anchor, 1 if directed."""
MOST_CART = 100
USUAL_TYPES = 16


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


class Retrieval:
    """A shop's tables."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "tables.npz") as arrays:
            self.of = {name: arrays[name] for name in arrays.files}
        self.is_set: dict[str, Any] = json.loads((folder / "shop.json").read_text())
        self.ids: list[str] = self.is_set["product_ids"]
        self.item_of = {product_id: item for item, product_id in enumerate(self.ids)}

    def items(self, product_ids: list[str]) -> np.ndarray:
        """The known of the products, ascending, each once."""
        found = {self.item_of[p] for p in product_ids if p in self.item_of}
        return np.array(sorted(found), dtype=np.int64)

    def read(self, request: dict[str, Any]) -> Known:
        """Cart and history by product, and what they hold of each type, category and brand."""
        cart, lines = self.items(request["cart"]), request["history"]
        paid = request["moment"] in AFTER_PAYMENT
        item = np.array([self.item_of.get(line["product_id"], -1) for line in lines], dtype=np.int64)
        now = request["at"]
        seconds = np.array([(now - line["ordered_at"]).total_seconds() for line in lines], dtype=np.float64)
        age = (seconds / 86_400.0).astype(np.float32)
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
        plain = np.concatenate([known.own, self.of_types(known), self.liked(known), of["popular"]])
        blocks = [
            (of[f"{name}_keys"][rows] + 2 * anchors[:, None]).ravel()
            for name, rows, anchors in (("cart", row, cart), ("ladder", row, cart), ("anchor", later_row, later))
        ]
        bounds = np.cumsum([len(block) for block in blocks])
        key = np.concatenate([*blocks, (plain * STEPS + (STEPS - 1)) * ANCHORS + 2 * n_items])
        values = np.zeros((len(key), 5), dtype=np.float32)  # cosine, confidence, ladder, follow, near
        values[: bounds[0], :2] = of["cart_values"][row].reshape(-1, 2)
        values[bounds[0] : bounds[1], 2] = of["ladder_values"][row].ravel()
        values[bounds[1] : bounds[2], 2:] = of["anchor_values"][later_row].reshape(-1, 3)
        order = np.argsort(key)
        ordered = key[order]
        item = ordered // (STEPS * ANCHORS)
        ends = np.searchsorted(item, n_items)
        first = np.flatnonzero(np.r_[True, item[1:ends] != item[: ends - 1]])
        by_item = values[order[:ends]]
        item, code = item[first], ordered[first] % ANCHORS
        own_place, is_own = found_in(known.own, item)
        is_blocked = found_in(exclude, item)[1]
        if not known.paid:
            is_blocked |= found_in(known.cart, item)[1]
        return {
            "item": item,
            "anchor": code // 2,
            "directed": code % 2 == 1,
            "sums": np.add.reduceat(by_item, first, axis=0),
            "closest": np.maximum.reduceat(by_item[:, 0], first),
            "is_own": is_own,
            "own_place": np.where(is_own, own_place, len(known.own)),
            "blocked": is_blocked,
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
        place = self.of["place_of_scanned"][known.own]
        fit[place[place >= 0]] = 0
        k = min(self.is_set["taste_candidates"], len(scanned))
        best = np.argpartition(-fit, k - 1)[:k]
        return scanned[best[fit[best] > 0]]


def found_in(ascending: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each item its place among ascending ones, and whether it is there."""
    if not len(ascending):
        return np.zeros(len(item), dtype=np.int64), np.zeros(len(item), dtype=np.bool_)
    place = np.minimum(np.searchsorted(ascending, item), len(ascending) - 1)
    return place, ascending[place] == item
