"""What shoppers do with what they are shown: buy, be irritated, stay away, leave. The assumptions are a TOML file."""

from __future__ import annotations

import tomllib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from showing import Shown

from mersalg.names import KINDS

Float64 = npt.NDArray[np.float64]
WINDOWS = (30, 365)


@dataclass(frozen=True)
class Year:
    """Sums of each shopper and replicate, (shoppers, replicates) each, by window."""

    revenue: dict[int, Float64]
    orders: dict[int, Float64]
    attributed: Float64
    """Over the whole year: what was shown and then bought, anyway or not."""
    offers: Float64
    left: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Chances:
    """The luck of every shopper, replicate and visit. All policies meet the same: they differ by what they do."""

    come: Float64
    accept: Float64
    leave: Float64


def read_assumptions(path: Path) -> dict[str, dict[str, Any]]:
    """Variant -> all assumptions of it."""
    tables = tomllib.loads(path.read_text())
    variants = tables.pop("variants")
    return {name: laid_over(tables, changes) for name, changes in variants.items()}


def laid_over(tables: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with the changes in it."""
    result = deepcopy(tables)
    for key, value in changes.items():
        result[key] = laid_over(result[key], value) if isinstance(value, dict) else value
    return result


def draw(random: np.random.Generator, shoppers: int, visits: int, slots: int, replicates: int) -> Chances:
    """Uniform numbers: (shoppers, visits, replicates), with a slot each for accepting."""
    return Chances(
        random.random((shoppers, visits, replicates)),
        random.random((shoppers, visits, slots, replicates)),
        random.random((shoppers, visits, replicates)),
    )


def live(
    day: Float64, spent: Float64, usual: Float64, shown: Shown | None, chances: Chances, assumed: dict[str, Any]
) -> Year:
    """A year under a policy; `shown` None = nothing is ever shown. day, spent (shoppers, visits), usual (shoppers,)."""
    fatigue = assumed["fatigue"]
    size = (day.shape[0], chances.come.shape[2])
    irritation, last, left = np.zeros(size), np.zeros((size[0], 1)), np.zeros(size, dtype=bool)
    revenue, orders = {w: np.zeros(size) for w in WINDOWS}, {w: np.zeros(size) for w in WINDOWS}
    attributed, offers = np.zeros(size), np.zeros(size)
    for v in range(day.shape[1]):
        there = ~np.isnan(day[:, v : v + 1])
        now = np.where(there, day[:, v : v + 1], last)
        irritation *= 0.5 ** ((now - last) / fatigue["half_life_days"])
        last = now
        comes = there & ~left & (chances.come[:, v] < np.exp(-irritation))
        kept = there & ~left & ~comes
        base = np.nan_to_num(spent[:, v : v + 1])
        paid = comes * base + kept * base * (1.0 - fatigue["lost"])
        if shown is not None:
            extra, taken, more, count = react(shown, v, usual, chances.accept[:, v], assumed)
            paid = paid + comes * extra
            attributed += comes * taken
            offers += comes * count
            irritation += comes * more
            left |= comes & (chances.leave[:, v] < fatigue["leaves"] * irritation)
        for window in WINDOWS:
            within = now < window
            revenue[window] += within * paid
            orders[window] += within * comes
    return Year(revenue, orders, attributed, offers, left)


def react(
    shown: Shown, v: int, usual: Float64, luck: Float64, assumed: dict[str, Any]
) -> tuple[Float64, Float64, Float64, Float64]:
    """At a visit: extra revenue, attributed revenue and irritation (shoppers, replicates), and offers (shoppers, 1)."""
    response, fatigue = assumed["response"], assumed["fatigue"]
    forward = np.array([response["brought_forward"][kind] for kind in KINDS])
    filled = ~np.isnan(shown.relevance[:, v])
    relevance, price = np.nan_to_num(shown.relevance[:, v]), shown.price[:, v]
    effect = np.minimum(2.0, (np.maximum(price, 0.01) / usual[:, None]) ** -response["price_power"])
    anyway = (shown.bought_anyway[:, v] & filled)[:, :, None]
    accepted = (luck < (response["strength"] * relevance * effect * filled)[:, :, None]) & ~anyway
    gain = (shown.gain[:, v] * (1.0 - forward[shown.kind[:, v]]))[:, :, None]
    irritating = (fatigue["irritation"] * (1.0 - np.minimum(1.0, relevance / fatigue["relevant"])) * filled)[:, :, None]
    return (
        (accepted * gain).sum(axis=1),
        ((accepted | anyway) * price[:, :, None]).sum(axis=1),
        (~(accepted | anyway) * irritating).sum(axis=1),
        filled.sum(axis=1, keepdims=True).astype(np.float64),
    )
