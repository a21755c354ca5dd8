"""Bare lookups, as libraries of recommenders give them: no features, no trees, no probability, no kinds, no thresholds.

They answer another question than a bundle does. They stand here because they are what a shop has otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from request_file import Request

Ask = Callable[[Request], Any]


def open_item_item(folder: Path) -> Ask:
    """Implicit's item-item `recommend` on what the request holds, cart and history alike."""
    import scipy.sparse as sp  # noqa: PLC0415
    from implicit.nearest_neighbours import CosineRecommender  # noqa: PLC0415

    model, ids, items = CosineRecommender.load(str(folder / "item_item.npz")), *read_ids(folder)
    n_items = len(ids)

    def ask(request: Request) -> list[str]:
        bought = items(request)
        row = sp.csr_matrix((np.ones(len(bought), np.float32), bought, [0, len(bought)]), shape=(1, n_items))
        found, _ = model.recommend(0, row, N=request["limit"])
        return [ids[item] for item in found.tolist()]

    return ask


def open_als(folder: Path) -> Ask:
    """Implicit's ALS `recommend` for customers that it was fitted on, one after the other: nothing is folded in."""
    import scipy.sparse as sp  # noqa: PLC0415
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: PLC0415

    model, ids, items = AlternatingLeastSquares.load(str(folder / "als.npz")), *read_ids(folder)
    n_users, turn = model.user_factors.shape[0], iter(range(2**62))

    def ask(request: Request) -> list[str]:
        bought = items(request)
        row = sp.csr_matrix((np.ones(len(bought), np.float32), bought, [0, len(bought)]), shape=(1, len(ids)))
        found, _ = model.recommend(next(turn) % n_users, row, N=request["limit"])
        return [ids[item] for item in found.tolist()]

    return ask


def open_scan(folder: Path) -> Ask:
    """The mean factors of cart and history times those of every product, in numpy."""
    factors, (ids, items) = np.load(folder / "factors.npy"), read_ids(folder)

    def ask(request: Request) -> list[str]:
        bought, limit = items(request), request["limit"]
        taste = factors[bought].mean(axis=0) if len(bought) else factors[:100].mean(axis=0)
        score = factors @ taste
        score[bought] = -np.inf
        best = np.argpartition(-score, limit)[:limit]
        return [ids[item] for item in best[np.argsort(-score[best])].tolist()]

    return ask


def read_ids(folder: Path) -> tuple[list[str], Callable[[Request], np.ndarray]]:
    """The product ids, and what makes the known, distinct item indices of a request's cart and history."""
    ids: list[str] = json.loads((folder / "ids.json").read_text())
    item_of = {product_id: item for item, product_id in enumerate(ids)}

    def items(request: Request) -> np.ndarray:
        asked = {*request["cart"], *(line["product_id"] for line in request["history"])}
        return np.array(sorted(item_of[p] for p in asked if p in item_of), dtype=np.int32)

    return ids, items
