"""Two policies on one log: how much more the second would have been worth, on the same draws of customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mersalg.recommender import AnswersRequests
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.timeline import Float64, Timeline
from mersalg_training.evaluation.metrics import LEVEL, RESAMPLES, Estimate
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.acceptance_rates import AUC_RESAMPLES, MIN_OFFERS, auc
from mersalg_training.off_policy.bundle_answers import ask_policy, score_offers
from mersalg_training.off_policy.estimators import (
    Estimator,
    Support,
    Weighted,
    per_request,
    request_sums,
    support_of,
    why_missing,
)
from mersalg_training.off_policy.resampling import Figure, Resampled, Sums, resample
from mersalg_training.off_policy.value import weigh

COMPARED: Final[tuple[Estimator, ...]] = ("SNIPS", "DR")
"""By which two policies are compared: one without a model of acceptance, and one with it."""
FIRST, SECOND = "first", "second"


@dataclass(frozen=True)
class PairedValue:
    """Acceptances per request of two policies that were not shown."""

    missing: str | None
    """Why nothing is stated; None where something is."""
    requests: int
    offers: int
    """Of the log, those with a propensity."""
    values: dict[str, tuple[Estimate, Estimate]]
    """Estimator -> of the first and of the second policy."""
    more: dict[str, Estimate]
    """Estimator -> how much more the second one is worth, on the same draws."""
    area: Estimate | None
    """How much oftener the second scores an accepted offer above another; None where the log cannot tell."""


def compare_on_log(
    first: AnswersRequests,
    second: AnswersRequests,
    timeline: Timeline,
    offers: LoggedOffers,
    random: np.random.Generator,
) -> PairedValue:
    """Both at their own thresholds, on the requests of a log whose offers all have a propensity."""
    known = offers.take_requests(np.flatnonzero(offers.has_propensity()))
    if not len(known):
        missing = "no offer of the log has a propensity, so it cannot tell what others would have been worth"
        return PairedValue(missing, 0, 0, {}, {}, None)
    for_draws, for_area = random.spawn(2)
    seed = int(random.integers(2**32))  # of the folds, which are alike for both
    scored = [score_offers(one, timeline, known) for one in (first, second)]
    logs = [
        weigh(
            known,
            of,
            ask_policy(one, timeline, known, among_logged=False),
            len(timeline.product_ids),
            None,
            np.random.default_rng(seed),
        )[0].weighted()
        for one, of in zip((first, second), scored, strict=True)
    ]
    return paired_value(logs[0], logs[1], for_draws, area_gain(known, scored[0], scored[1], for_area))


def paired_value(
    first: Weighted, second: Weighted, random: np.random.Generator, area: Estimate | None = None
) -> PairedValue:
    """The values of two policies weighed on the same log."""
    clip = float(np.sqrt(max(1, len(first.unit))))
    columns = {
        f"{policy} {name}": column
        for policy, log in ((FIRST, first), (SECOND, second))
        for name, column in request_sums(log, clip).items()
    }
    sums = resample(first.unit, columns, random, RESAMPLES)
    missing = next(
        (
            f"{name} policy: {why}"
            for name, log in ((FIRST, first), (SECOND, second))
            if (why := why_missing(support_in(log, clip, sums, name), float(log.offers.sum()))) is not None
        ),
        None,
    )
    if missing is not None:
        return PairedValue(missing, len(first.unit), len(first.accepted), {}, {}, area)
    return PairedValue(
        None,
        len(first.unit),
        len(first.accepted),
        {name: (sums.estimate(of(FIRST, name)), sums.estimate(of(SECOND, name))) for name in COMPARED},
        {name: sums.estimate(beyond(name)) for name in COMPARED},
        area,
    )


def support_in(log: Weighted, clip: float, sums: Resampled, policy: str) -> Support:
    """How much of one policy the log can speak of."""
    own = Resampled(sums_of(sums.whole, policy), sums_of(sums.drawn, policy), sums.n, sums.units)
    return support_of(log, clip, own)


def sums_of(sums: Sums, policy: str) -> Sums:
    """The sums of one policy under their own names."""
    start = f"{policy} "
    return {name.removeprefix(start): value for name, value in sums.items() if name.startswith(start)}


def of(policy: str, name: Estimator) -> Figure:
    """Acceptances per request of one policy."""
    return lambda sums: per_request(name)(sums_of(sums, policy))


def beyond(name: Estimator) -> Figure:
    """How much more per request the second policy is worth."""
    return lambda sums: np.asarray(of(SECOND, name)(sums) - of(FIRST, name)(sums))


def area_gain(
    offers: LoggedOffers, first: ScoredOffers, second: ScoredOffers, random: np.random.Generator
) -> Estimate | None:
    """How much oftener the second scores an accepted offer above one that was not, of offers that both answer for.

    With an interval by customer on the same draws; None with too few of them, or where all or none are accepted.
    """
    rows = np.flatnonzero(first.answered & second.answered)
    taken = offers.accepted[rows]
    if len(rows) < MIN_OFFERS or not 0 < taken.sum() < len(rows):
        return None
    levels = [np.unique(one.score[rows], return_inverse=True)[1] for one in (first, second)]
    _, cluster = np.unique(offers.unit[offers.request[rows]], return_inverse=True)
    n_units = int(cluster.max()) + 1

    def gain(times: Float64) -> float:
        before, after = (auc(level, taken, times) for level in levels)
        return after - before

    share = np.full(n_units, 1.0 / n_units)
    drawn = [gain(random.multinomial(n_units, share)[cluster].astype(np.float64)) for _ in range(AUC_RESAMPLES)]
    low, high = np.nanpercentile(drawn, LEVEL)
    return Estimate(gain(np.ones(len(rows))), float(low), float(high), len(rows))
