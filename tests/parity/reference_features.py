"""What the trees see of a candidate, in plain numpy, and the decision after them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mersalg.names import KINDS, MANNERS, MOMENTS, Kind
from mersalg_training.config import KindsConfig
from mersalg_training.data.timeline import Float32
from mersalg_training.graph.calibration import Calibration
from mersalg_training.graph.shortlist import START_SHARE
from mersalg_training.graph.trees import RankerTrees, predict_raw
from parity.reference import (
    NAN,
    Ask,
    Asked,
    Candidate,
    F,
    Own,
    Shop,
    Shortlisted,
    lift_of,
    offerable,
    shortlisted,
    stepped,
)

STATISTICS = (
    "log_orders", "month_share", "trend", "repeat_rate", "interval_days", "age_days", "idle_days", "type_share",
    "price_rank",
)  # fmt: skip


STEPS = 2**12
LEAST_LIFT = KindsConfig().least_lift
"""Steps of 1 in which the trees see what is computed for a request."""


def seen(name: str, value: np.float32) -> np.float32:
    """A feature as the trees see it: what is looked up as it is, all others in steps."""
    return value if name in STATISTICS else stepped(value, STEPS)


def featured(asked: Asked, shortlist: Shortlisted) -> list[Candidate]:
    """The candidates that were kept, with their features."""
    of_request = request_features(asked, shortlist.found)
    return [
        replace(
            candidate,
            features=of_request
            | {"first_score": candidate.first_score}
            | candidate.signals
            | own_features(asked, candidate.item)
            | group_features(asked, candidate.item)
            | {name: asked.shop.statistic(name, candidate.item) for name in STATISTICS}
            | price_features(asked, candidate)
            | {"kind": F(KINDS.index(candidate.kind)), "is_upsell": F(candidate.kind == "upsell")},
        )
        for candidate in shortlist.kept
    ]


def request_features(asked: Asked, retrieved: int) -> dict[str, np.float32]:
    times = asked.times
    gap = (F(times[-1]) - F(times[0])) / F(len(times) - 1) if len(times) > 1 else NAN
    return {
        "moment": F(MOMENTS.index(asked.ask.moment)),
        "cart_size": F(len(asked.cart)),
        "orders_made": F(len(times)),
        "last_order_days": F(times[0]) if times else NAN,
        "order_gap_days": gap,
        "retrieved": F(retrieved),
    }


def own_features(asked: Asked, item: int) -> dict[str, np.float32]:
    own = asked.own.get(item)
    if own is None:
        zeros = dict.fromkeys(("own_count", "own_rate"), F(0))
        return zeros | dict.fromkeys(("own_days", "own_due", "own_quantity"), NAN)
    return {
        "own_count": own.count,
        "own_rate": own.count / F(len(asked.times)),
        "own_days": own.age,
        "own_due": own.due,
        "own_quantity": own.pieces / own.count,
    }


def group_features(asked: Asked, item: int) -> dict[str, np.float32]:
    found = {}
    for name, group in (("type", asked.types), ("category", asked.categories), ("brand", asked.brands)):
        found[f"{name}_in_cart"] = group.of(group.in_cart, item)
        found[f"{name}_own_lines"] = group.of(group.lines, item)
        found[f"{name}_own_share"] = group.of(group.share, item)
    return found | {
        "type_cart_affinity": asked.types.of(asked.cart_affinity, item),
        "type_own_affinity": asked.types.of(asked.own_affinity, item),
    }


def price_features(asked: Asked, candidate: Candidate) -> dict[str, np.float32]:
    price = asked.shop.price(candidate.item)
    in_cart = [(asked.shop.price(item), 1.0) for item in asked.cart]
    bought = [(asked.shop.price(item), float(own.long)) for item, own in asked.own.items()]
    return {
        "price": price,
        "price_over_anchor": price / asked.shop.price(candidate.anchor),
        "price_over_cart": price / mean_price(in_cart),
        "price_over_history": price / mean_price(bought),
    }


def mean_price(weighted: list[tuple[np.float32, float]]) -> np.float32:
    known = [(float(price), weight) for price, weight in weighted if not np.isnan(price)]
    return F(sum(p * w for p, w in known) / sum(w for _, w in known)) if known else NAN


@dataclass(frozen=True)
class Decider:
    """Trees, calibration and thresholds."""

    trees: RankerTrees
    calibration: Calibration
    thresholds: dict[Kind, float | None]


@dataclass(frozen=True)
class Ranked:
    """A candidate with its score and relevance."""

    candidate: Candidate
    score: float
    relevance: float
    expected: float
    """Relevance times what a sale brings."""
    excludes: int | None
    """Those with the same stand in no answer together; None = it stands beside anything."""
    lift: float
    due_in_days: float
    interval_days: float

    def key(self, ask: Ask) -> tuple[float, float]:
        """What it is ranked by, and what decides between equals."""
        if ask.by_value:
            return self.expected, self.score
        return (self.brought if ask.by_moment else self.score), self.score

    @property
    def brought(self) -> float:
        """What of a new product's relevance is due to the anchor: 1 - 1 / lift, by the least lift at least."""
        if self.candidate.kind not in ("cross-sell", "add-on"):
            return self.relevance
        if self.candidate.anchor is None:
            return 0.0
        return self.relevance * (1.0 - min(2.0 ** (10.0 - 20.0 * float(self.candidate.strength)), 1.0 / LEAST_LIFT))


@dataclass(frozen=True)
class Answer:
    """All candidates in the order asked for, and what an answer says of them."""

    ranked: list[Ranked]
    left_out: list[Candidate]
    """Eligible candidates that the first score dropped."""
    retrieved: int
    best_relevance: dict[Kind, float]

    def offers(self, decider: Decider, ask: Ask) -> list[Ranked]:
        """What is shown."""
        passing = [r for r in self.ranked if not ask.threshold or r.relevance >= least(decider, r)]
        return mannered(passing, ask)[: ask.limit]


def mannered(ranked: list[Ranked], ask: Ask) -> list[Ranked]:
    """What the manners of the moment leave, its turns one after the other: one of a group, of a turn its most."""
    if not ask.by_moment:
        return ranked
    result: list[Ranked] = []
    left = list(ranked)
    for turn in MANNERS[ask.moment]:
        shown = 0
        taken = [
            r for r in left if r.candidate.kind in turn.kinds and (r.candidate.beside_cart or not turn.beside_cart)
        ]
        left = [r for r in left if r not in taken]
        for r in taken:
            if any(r.excludes is not None and r.excludes == other.excludes for other in result):
                continue
            shown += 1
            if turn.most is None or shown <= turn.most:
                result.append(r)
    return result


def facts_of(asked: Asked, candidate: Candidate) -> tuple[int | None, float, float, float]:
    """Its group of those that exclude one another, lift, days until it is due, and interval; NaN for none."""
    own = asked.own.get(candidate.item, Own())
    due = float(own.interval - own.age) if candidate.kind == "replacement" else float("nan")
    excludes = int(asked.tables.exclusive_group[candidate.item])
    group = None if excludes < 0 else excludes
    return group, lift_of(asked, candidate), due, float(own.interval)


def least(decider: Decider, ranked: Ranked) -> float:
    """The threshold of the candidate's kind, which nothing reaches that is not offerable."""
    if not offerable(ranked.candidate):
        return float("inf")
    threshold = decider.thresholds[ranked.candidate.kind]
    return float("inf") if threshold is None else threshold


def ranker_of(candidate: Candidate, trees: RankerTrees) -> str:
    """Which ranker scores it."""
    if candidate.kind == "upsell" and trees.upsell is not None:
        return "upsell"
    return "own" if candidate.is_own else "new"


def answer(shop: Shop, decider: Decider, names: list[str], ask: Ask) -> Answer:
    """The whole path. names: the features in the order in which the trees know them."""
    asked = Asked(shop, ask)
    shortlist = shortlisted(asked)
    kept = featured(asked, shortlist)
    ranked = []
    for ranker in ("own", "new", "upsell"):
        side = [candidate for candidate in kept if ranker_of(candidate, decider.trees) == ranker]
        if side:
            trees = getattr(decider.trees, ranker)
            X = np.array([[seen(name, candidate.features[name]) for name in names] for candidate in side], dtype=F)
            first = np.array([candidate.first_score for candidate in side], dtype=F)
            start = first * F(START_SHARE) if trees.adds_to_start else np.zeros_like(first)
            scores: Float32 = predict_raw(trees, X).astype(F) + start
            kinds = np.array([KINDS.index(candidate.kind) for candidate in side])
            relevance = decider.calibration.apply(scores, kinds)
            expected = [F(r) * shop.value(c.item) for c, r in zip(side, relevance, strict=True)]
            told = zip(side, scores.tolist(), relevance.tolist(), map(float, expected), strict=True)
            ranked += [Ranked(*row, *facts_of(asked, row[0])) for row in told]
    best: dict[Kind, float] = {}
    for r in filter(lambda r: offerable(r.candidate), ranked):
        best[r.candidate.kind] = max(best.get(r.candidate.kind, -1.0), r.relevance)
    ordered = sorted(ranked, key=lambda r: r.key(ask), reverse=True)
    return Answer(ordered, shortlist.left, shortlist.retrieved, best)
