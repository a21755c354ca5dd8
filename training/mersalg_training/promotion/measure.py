"""What two bundles make of the same requests, and how far they are apart, request by request.

The interval of a difference is that of a cluster bootstrap: customers are drawn with replacement, and both bundles are
judged on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from mersalg.names import KINDS, Kind
from mersalg_training.calibration.scored_offers import OFFERED, SHOWN, ScoredOffers
from mersalg_training.data.timeline import UNKNOWN, Float64, Int64
from mersalg_training.drift.scoring import all_retrieved, worth_of
from mersalg_training.evaluation.beyond_best_sellers import (
    BEST_SELLER_SHARE,
    PS_NDCG,
    best_sellers,
    hit_weights,
    orders_holding,
    propensity_scored,
)
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod
from mersalg_training.evaluation.counted_lift import CountedLift, counted_lift
from mersalg_training.evaluation.follow_on import MIN_LIFT, NEW_KINDS
from mersalg_training.evaluation.labelled_offers import labelled_offers
from mersalg_training.evaluation.metrics import (
    LEVEL,
    NDCG,
    Estimate,
    Resamples,
    ratio,
    request_metrics,
    resample_customers,
)
from mersalg_training.evaluation.tasks.task import Bools
from mersalg_training.progress import Tick
from mersalg_training.promotion.window import SharedWindow

Weight = Literal["headline", "guard", "told"]
"""A headline has to be shown not to be worse; a guard must not be shown to be worse; what is told decides nothing."""
ALL_KINDS: Final = "all kinds"
BOUGHT: Final = "bought a request"
SEEN: Final = "requests with an offer"
PRECISION_SHOWN: Final = "precision shown"
LIFTED: Final = f"offers of lift {MIN_LIFT}+"


@dataclass(frozen=True)
class PairedFigure:
    """One figure of both bundles and how much more the challenger has."""

    name: str
    kind: str
    """A kind, or ALL_KINDS."""
    weight: Weight
    champion: float
    challenger: float
    difference: Estimate
    """Challenger less champion, with its 95 % interval on the same draws of customers."""


@dataclass(frozen=True)
class Sums:
    """A figure as sums over requests: (n,) each; the figure is the sum of the one over the sum of the other."""

    above: Float64
    below: Float64


@dataclass(frozen=True)
class Answered:
    """What a bundle makes of the requests of a window; what nobody ever sold keeps its place, and is never bought."""

    shown: list[BundleAnswer]
    """By default: at its thresholds, the moment's kinds, three offers at most."""
    ranked: list[BundleAnswer]
    """All that it retrieves."""
    outcomes: ScoredOffers
    """The best SHOWN of each kind, whatever the threshold, and what came of them."""
    thresholds: dict[Kind, float]
    """Of the kinds that are not silent."""


def ask(bundle: BundleMethod, window: SharedWindow, tick: Tick) -> Answered:
    """Put every request to a bundle, as a shop does and without thresholds."""
    cases = window.cases
    ranked = list(all_retrieved(bundle, cases, tick))
    outcomes = labelled_offers(ranked, cases, len(window.timeline.customer_ids), worth_of(window.attributes))
    kinds = bundle.recommender.manifest["kinds"]
    least = {kind: kinds[kind]["threshold"] for kind in KINDS}
    thresholds = {kind: float(threshold) for kind, threshold in least.items() if threshold is not None}
    shown = list(bundle.answers(bundle.requests.make(cases, case) for case in range(len(cases))))
    return Answered(shown, ranked, outcomes, thresholds)


def compare(window: SharedWindow, answered: tuple[Answered, Answered], seed: int) -> list[PairedFigure]:
    """Every measure, the headlines first; one that nothing tells of is left out. answered: champion, challenger."""
    cases = window.cases
    draws = resample_customers(cases.customer, cases.order, np.random.default_rng([seed, 7]))
    scale = Yardstick.of(window)
    pairs = zip(*map(scale.tallies, answered), strict=True)
    measures = [measure(name, draws, theirs, ours) for (name, theirs), (_, ours) in pairs]
    return sorted((m for m in measures if m is not None), key=lambda m: ("headline", "guard", "told").index(m.weight))


Name = tuple[str, str, Weight]


@dataclass(frozen=True)
class Yardstick:
    """What answers are measured by."""

    window: SharedWindow
    is_best_seller: Bools
    weight: Float64
    """(n_products,) what a hit counts where hits are propensity-scored."""
    lift: CountedLift

    @classmethod
    def of(cls, window: SharedWindow) -> Yardstick:
        """Counted from the orders before the window."""
        holding = orders_holding(window.timeline, window.first_day)
        orders = int(np.count_nonzero(window.timeline.order_day < window.first_day))
        lift = counted_lift(window.timeline, window.first_day)
        return cls(window, best_sellers(holding), hit_weights(holding, orders), lift)

    def tallies(self, answered: Answered) -> list[tuple[Name, Sums]]:
        """Every figure of a bundle, in one order for all bundles."""
        cases = self.window.cases
        ones = np.ones(len(cases))
        offers, hits = (self.per_case(answered.shown, of) for of in ("offers", "hits"))
        new, lifted, best = (self.per_case(answered.shown, of) for of in ("new", "lifted", "best-sellers"))
        result: list[tuple[Name, Sums]] = [
            *self.ranking(answered.ranked, None),
            ((BOUGHT, ALL_KINDS, "headline"), Sums(hits, ones)),
            ((LIFTED, ALL_KINDS, "guard"), Sums(lifted, new)),
            ((PRECISION_SHOWN, ALL_KINDS, "guard"), Sums(hits, offers)),
            ((SEEN, ALL_KINDS, "told"), Sums((offers > 0).astype(np.float64), ones)),
            ((BEST_SELLER_SHARE, ALL_KINDS, "told"), Sums(best, new)),
        ]
        for kind in KINDS:
            made, came = self.could_be_shown(answered, kind)
            result += self.ranking(answered.ranked, kind)
            result.append(((BOUGHT, kind, "guard"), Sums(came, self.asked(kind))))
            result.append(((PRECISION_SHOWN, kind, "told"), Sums(came, made)))
        return result

    def asked(self, kind: Kind) -> Float64:
        """(n,) 1 where the moment of a request offers a kind."""
        return np.asarray(OFFERED[self.window.cases.moment, KINDS.index(kind)], dtype=np.float64)

    def ranking(self, answers: Sequence[BundleAnswer], kind: Kind | None) -> list[tuple[Name, Sums]]:
        """How far up stands what is bought, in the whole list or in that of a kind; of requests that buy something."""
        cases = self.window.cases
        asked = (cases.target.lengths > 0).astype(np.float64)
        if kind is not None:
            asked *= self.asked(kind)
        rows = np.flatnonzero(asked)
        lists = [products_of(answers[row], kind) for row in rows.tolist()]
        target = cases.target.take(rows)
        values = request_metrics(lists, target, {}) | propensity_scored(lists, target, self.weight)
        names: list[tuple[str, Weight]] = [(NDCG, "headline" if kind is None else "guard")]
        if kind is None:
            names.append((PS_NDCG, "headline"))
        of = kind or ALL_KINDS
        return [((name, of, weight), Sums(spread(values[name], rows, len(cases)), asked)) for name, weight in names]

    def could_be_shown(self, answered: Answered, kind: Kind) -> tuple[Float64, Float64]:
        """(n,) the offers of a kind that reach its threshold, SHOWN at most, and those of them that were bought."""
        rows = answered.outcomes.of_kind(kind)
        least = np.float32(answered.thresholds.get(kind, np.inf))
        rows = rows.take((rows.place < SHOWN) & (rows.relevance >= least))
        n = len(self.window.cases)
        made = np.bincount(rows.request, minlength=n).astype(np.float64)
        return made, np.bincount(rows.request, weights=rows.label, minlength=n).astype(np.float64)

    def per_case(
        self, answers: Sequence[BundleAnswer], of: Literal["offers", "hits", "new", "lifted", "best-sellers"]
    ) -> Float64:
        """(n,) how many of the offers of each answer are of a sort; the last three are of NEW_KINDS."""
        cases = self.window.cases
        rows = [(case, offer) for case, answer in enumerate(answers) for offer in answer.offers]
        if of not in ("offers", "hits"):
            rows = [(case, offer) for case, offer in rows if offer.kind in NEW_KINDS]
        case = np.array([case for case, _ in rows], dtype=np.int64)
        product = np.array([offer.product for _, offer in rows], dtype=np.int64)
        counts = np.ones(len(rows))
        if of == "hits":
            counts = np.array([p in cases.target[c] for c, p in zip(case, product, strict=True)], dtype=np.float64)
        elif of == "best-sellers":
            counts = (self.is_best_seller[product] & (product != UNKNOWN)).astype(np.float64)
        elif of == "lifted":
            anchor = np.array([offer.because for _, offer in rows], dtype=np.int64)
            counts = np.zeros(len(rows))
            brought = np.flatnonzero((anchor != UNKNOWN) & (product != UNKNOWN))
            counts[brought] = self.lift.of(anchor[brought], product[brought]) >= MIN_LIFT
        return np.bincount(case, weights=counts, minlength=len(cases)).astype(np.float64)


def products_of(answer: BundleAnswer, kind: Kind | None) -> Int64:
    """The products of an answer, or those of a kind, the best first; UNKNOWN for what the timeline lacks."""
    return np.array([offer.product for offer in answer.offers if kind in (None, offer.kind)], dtype=np.int64)


def spread(values: Float64, rows: Int64, n: int) -> Float64:
    """(n,) the values at some rows, 0 at the others."""
    result = np.zeros(n)
    result[rows] = values
    return result


def measure(name: Name, draws: Resamples, champion: Sums, challenger: Sums) -> PairedFigure | None:
    """A figure of both and the difference on the same draws; None where one is unknown, or both are 0."""
    theirs, ours = ratio(champion.above, champion.below, draws), ratio(challenger.above, challenger.below, draws)
    if not np.isfinite([theirs.value, ours.value]).all() or theirs.value == ours.value == 0.0:
        return None
    drawn = per_draw(challenger, draws) - per_draw(champion, draws)
    low, high = np.percentile(drawn[np.isfinite(drawn)], LEVEL)
    n = int(np.count_nonzero(challenger.below))
    difference = Estimate(ours.value - theirs.value, float(low), float(high), n)
    return PairedFigure(*name, theirs.value, ours.value, difference)


def per_draw(tally: Sums, draws: Resamples) -> Float64:
    """(n_resamples,) the figure of each draw; NaN where the sum below is zero."""
    n = draws.times.shape[1]
    above, below = (
        draws.times @ np.bincount(draws.cluster, weights=values, minlength=n) for values in (tally.above, tally.below)
    )
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))
