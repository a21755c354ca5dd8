"""What a customer sees at the default thresholds, and how much of it is bought: by kind and by moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.names import KINDS, KINDS_BY_MOMENT, MOMENTS
from mersalg_training.data.timeline import Float64
from mersalg_training.evaluation.bundle_method import BundleAnswer
from mersalg_training.evaluation.metrics import Estimate, mean, ratio, resample_customers
from mersalg_training.ranking.cases import Cases

EVERY: Final = "every"
"""Stands for all kinds, or all moments, together."""


@dataclass(frozen=True)
class ShownPrecision:
    """What is shown of a kind at a moment."""

    moment: str
    kind: str
    requests: int
    offers: int
    relevant: int
    """Of the offers, those that were bought: in the rest of the order, or (after payment) within the horizon."""
    precision: Estimate | None
    """Relevant of the offers shown; None where none is."""
    seen: Estimate
    """The share of requests that see an offer of the kind."""


def shown_precision(cases: Cases, answers: Sequence[BundleAnswer], random: np.random.Generator) -> list[ShownPrecision]:
    """A row for each moment and kind that it offers, and for all together; a moment without requests has no row."""
    offers, relevant = tally(cases, answers)
    rows = []
    for moment in (None, *MOMENTS):
        at = np.arange(len(cases)) if moment is None else np.flatnonzero(cases.moment == MOMENTS.index(moment))
        if not len(at):
            continue
        draws = resample_customers(cases.customer[at], cases.order[at], random)
        for kind in (None, *(KINDS if moment is None else KINDS_BY_MOMENT[moment])):
            columns = slice(None) if kind is None else [KINDS.index(kind)]
            shown, bought = offers[at][:, columns].sum(axis=1), relevant[at][:, columns].sum(axis=1)
            precision = ratio(bought, shown, draws) if shown.any() else None
            seen = mean((shown > 0).astype(np.float64), draws)
            amounts = len(at), int(shown.sum()), int(bought.sum())
            rows.append(ShownPrecision(moment or EVERY, kind or EVERY, *amounts, precision, seen))
    return rows


def tally(cases: Cases, answers: Sequence[BundleAnswer]) -> tuple[Float64, Float64]:
    """(n, 5) offers of each case by kind, and how many of them are in its target."""
    offers, relevant = np.zeros((len(cases), len(KINDS))), np.zeros((len(cases), len(KINDS)))
    for case, answer in enumerate(answers):
        target = set(cases.target[case].tolist())
        for offered in answer.offers:
            offers[case, KINDS.index(offered.kind)] += 1.0
            relevant[case, KINDS.index(offered.kind)] += offered.product in target
    return offers, relevant
