"""What a policy would have been worth on the log of another one, by six estimators, each with its interval.

Every offer of the log has a weight: the chance that the policy puts this product at this position of this request,
over the chance that the logging policy did. Then, with `a` for accepted and `q` for a model of acceptance, per request:

    IPS        sum(w a)                                        Horvitz and Thompson 1952
    clipped    sum(min(w, M) a), M = sqrt(requests)            Ionides 2008
    SNIPS      E(sum w) x sum(w a) / sum(w)                    Swaminathan and Joachims, NeurIPS 2015
    DR         sum(q of the policy's offers) + sum(w (a - q))  Dudik, Langford and Li, ICML 2011
    SNDR       the same with sum(w) for its expectation        Thomas and Brunskill, ICML 2016
    Switch-DR  DR with w = 0 where w > M                       Wang, Agarwal and Dudik, ICML 2017

IPS and DR are unbiased where every offer of the policy had a chance in the log and the propensities are true; the
others trade a bias for less variance. A position counts as the item-position model of Li et al. (KDD 2018) has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from mersalg_training.data.timeline import Float64, Int64
from mersalg_training.evaluation.metrics import RESAMPLES, Estimate
from mersalg_training.off_policy.resampling import Figure, Resampled, Sums, resample

Estimator = Literal["IPS", "clipped IPS", "SNIPS", "DR", "SNDR", "Switch-DR"]
ESTIMATORS: Final[tuple[Estimator, ...]] = get_args(Estimator)
BOUNDED: Final[tuple[Estimator, ...]] = ("clipped IPS", "Switch-DR")
"""Those in which no single offer weighs more than M; they alone are stated where a few offers outweigh all others."""

MIN_SAMPLE: Final = 30.0
"""An effective sample of fewer matched offers states no value."""
MIN_ACCEPTED: Final = 30.0
"""With an effective sample of fewer acceptances the sums are too skewed for percentiles, and it is said."""
MIN_SUPPORT: Final = 0.9
"""Nor do weights that sum, at the upper end of their interval, to less than this share of the policy's offers."""


@dataclass(frozen=True)
class Weighted:
    """A log seen by a policy: n logged offers of n_requests requests."""

    request: Int64
    """(n,) the request of each offer."""
    unit: Int64
    """(n_requests,) what is drawn independently."""
    accepted: Float64
    """(n,) 1 or 0."""
    weight: Float64
    """(n,) finite, 0 where the policy does not make the offer."""
    modelled: Float64
    """(n,) acceptance of the logged offer by a model that has not seen it."""
    offers: Float64
    """(n_requests,) how many offers the policy makes."""
    mass: Float64
    """(n_requests,) what their weights sum to in expectation where each has a chance: the same number, one for each,
    where offers are matched in the same position."""
    promised: Float64
    """(n_requests,) the modelled acceptance of those offers, summed."""
    own: Float64
    """(n_requests,) what the logging policy got accepted, to compare with."""


@dataclass(frozen=True)
class Support:
    """How much of the policy the log can speak of."""

    matched: int
    """Logged offers that the policy makes, too."""
    effective: float
    """(sum w)^2 / sum w^2 (Kish 1965): so many offers of equal weight would tell as much."""
    effective_clipped: float
    """The same with no weight above M."""
    effective_accepted: float
    """The same of the accepted among them: below MIN_ACCEPTED the intervals are too narrow."""
    largest: float
    clip: float
    """M; offers with a larger weight:"""
    clipped: int
    covered: Estimate
    """The sum of the weights over what is expected for the policy's offers: 1 where each of them had a chance and
    the propensities are true."""


@dataclass(frozen=True)
class OffPolicy:
    """Acceptances per request of a policy that was not shown, beside those of the one that was."""

    support: Support
    missing: str | None
    """Why no value is stated; None where one is."""
    values: Mapping[Estimator, Estimate]
    """Empty where none is stated, BOUNDED alone where a few offers outweigh all others."""
    per_offer: Mapping[Estimator, Estimate]
    """The same for each offer that the policy makes."""
    more: Mapping[Estimator, Estimate]
    """How much more than the logging policy's own, on the same draws."""
    own: Estimate
    """Acceptances per request of the logging policy, of these requests."""


def off_policy(log: Weighted, random: np.random.Generator, resamples: int = RESAMPLES) -> OffPolicy:
    """Every estimator with its interval by customer, or the reason why no value can be stated."""
    clip = float(np.sqrt(max(1, len(log.unit))))
    sums = resample(log.unit, request_sums(log, clip), random, resamples)
    support = support_of(log, clip, sums)
    own = sums.estimate(lambda s: s["own"] / s["requests"])
    missing = why_missing(support, float(log.offers.sum()))
    stated = () if missing is not None else ESTIMATORS if support.effective >= MIN_SAMPLE else BOUNDED
    return OffPolicy(
        support,
        missing,
        {name: sums.estimate(per_request(name)) for name in stated},
        {name: sums.estimate(per_offer(name)) for name in stated},
        {name: sums.estimate(beyond_log(name)) for name in stated},
        own,
    )


def request_sums(log: Weighted, clip: float) -> dict[str, Float64]:
    """Name -> (n_requests,) what each request adds to the sums that the estimators are made of."""
    n = len(log.unit)
    residual = log.weight * (log.accepted - log.modelled)

    def summed(values: Float64) -> Float64:
        return np.asarray(np.bincount(log.request, weights=values, minlength=n), dtype=np.float64)

    return {
        "requests": np.ones(n),
        "offers": log.offers,
        "mass": log.mass,
        "promised": log.promised,
        "own": log.own,
        "weight": summed(log.weight),
        "weighted": summed(log.weight * log.accepted),
        "clipped": summed(np.minimum(log.weight, clip) * log.accepted),
        "residual": summed(residual),
        "switched": summed(np.where(log.weight <= clip, residual, 0.0)),
    }


def total(name: Estimator) -> Figure:
    """The sum over requests that an estimator puts for the policy's acceptances."""
    figures: dict[Estimator, Figure] = {
        "IPS": lambda s: s["weighted"],
        "clipped IPS": lambda s: s["clipped"],
        "SNIPS": lambda s: s["mass"] * s["weighted"] / s["weight"],
        "DR": lambda s: s["promised"] + s["residual"],
        "SNDR": lambda s: s["promised"] + s["mass"] * s["residual"] / s["weight"],
        "Switch-DR": lambda s: s["promised"] + s["switched"],
    }
    return figures[name]


def per_request(name: Estimator) -> Figure:
    """Acceptances per request."""
    return lambda s: total(name)(s) / s["requests"]


def per_offer(name: Estimator) -> Figure:
    """Acceptances per offer of the policy."""
    return lambda s: total(name)(s) / s["offers"]


def beyond_log(name: Estimator) -> Figure:
    """Acceptances per request beyond those of the logging policy."""
    return lambda s: (total(name)(s) - s["own"]) / s["requests"]


def support_of(log: Weighted, clip: float, sums: Resampled) -> Support:
    """Matched offers, effective sample, largest weight, and the share of the policy that the weights account for."""
    return Support(
        matched=int((log.weight > 0).sum()),
        effective=effective_sample(log.weight),
        effective_clipped=effective_sample(np.minimum(log.weight, clip)),
        effective_accepted=effective_sample(log.weight * log.accepted),
        largest=float(log.weight.max(initial=0.0)),
        clip=clip,
        clipped=int((log.weight > clip).sum()),
        covered=sums.estimate(covered),
    )


def effective_sample(weight: Float64) -> float:
    """So many offers of equal weight; 0 without any."""
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def covered(s: Sums) -> Float64:
    """The sum of the weights over what is expected."""
    return np.asarray(s["weight"] / s["mass"])


def why_missing(support: Support, offers: float) -> str | None:
    """The reason why the log cannot tell what the policy is worth; None where it can."""
    if not offers:
        return "the policy makes no offer in these requests, so its value is 0 by definition"
    if support.effective_clipped < MIN_SAMPLE:
        return (
            f"the log holds too few of the policy's offers: {support.matched} matched, effective sample "
            f"{support.effective_clipped:.1f} after clipping; at least {MIN_SAMPLE:.0f} are needed"
        )
    if support.covered.high < MIN_SUPPORT:
        return (
            f"support is missing: by the propensities at most {support.covered.high:.0%} of what the policy offers had "
            f"a chance of being shown; at least {MIN_SUPPORT:.0%} is needed"
        )
    return None
