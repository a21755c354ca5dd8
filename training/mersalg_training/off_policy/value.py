"""A bundle's offers weighed against a log with propensities: its off-policy value, in all, by kind and by moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS, MOMENTS
from mersalg_training.calibration.scored_offers import ScoredOffers
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import BundlePolicy, log_odds, places, rank_of_logged
from mersalg_training.off_policy.estimators import OffPolicy, Weighted, off_policy
from mersalg_training.off_policy.examination import Examination
from mersalg_training.off_policy.outcome import cross_fitted

Match = Literal["same", "any"]
"""A logged offer speaks for an offer of the policy in the same position, or in any one by the position-based model."""


def bundle_value(
    offers: LoggedOffers,
    scored: ScoredOffers,
    policy: BundlePolicy,
    n_products: int,
    examination: Examination | None,
    random: np.random.Generator,
) -> Mapping[str, OffPolicy]:
    """Group -> the value of the bundle's offers: every kind and moment together, each kind, each moment of the log.

    With an examination offers are matched in any position, else in the same one. Every offer needs a propensity.
    """
    for_model, for_draws = random.spawn(2)
    log, kind, policy_kind = weigh(offers, scored, policy, n_products, examination, for_model)
    logged_kind = np.where(offers.kind != UNKNOWN, offers.kind, scored.kind)
    result = {EVERY: off_policy(log.weighted(), for_draws)}
    for place, name in enumerate(KINDS):
        if (policy_kind == place).any():
            of_kind = log.weighted(kind == place, policy_kind == place, logged_kind == place)
            result[name] = off_policy(of_kind, for_draws)
    for moment in np.unique(offers.cases.moment).tolist():
        result[MOMENTS[moment]] = off_policy(log.at_moment(moment), for_draws)
    return result


class Weighed:
    """Weights and modelled acceptances, of which groups are taken."""

    def __init__(
        self,
        offers: LoggedOffers,
        policy: BundlePolicy,
        weight: Float64,
        mass: Float64,
        modelled: Float64,
        promised: Float64,
    ) -> None:
        self.offers, self.policy = offers, policy
        self.weight, self.mass, self.modelled, self.promised = weight, mass, modelled, promised

    def weighted(
        self,
        matched: npt.NDArray[np.bool_] | bool = True,
        made: npt.NDArray[np.bool_] | bool = True,
        own: npt.NDArray[np.bool_] | bool = True,
    ) -> Weighted:
        """What remains of the logged offers that match, of the policy's and of the log's own: (n,), (m,), (n,)."""
        n = len(self.offers.cases)
        return Weighted(
            request=self.offers.request,
            unit=self.offers.unit,
            accepted=self.offers.accepted,
            weight=self.weight * matched,
            modelled=self.modelled,
            offers=counted(self.policy.request, np.ones(len(self.policy.request)) * made, n),
            mass=counted(self.policy.request, self.mass * made, n),
            promised=counted(self.policy.request, self.promised * made, n),
            own=counted(self.offers.request, self.offers.accepted * own, n),
        )

    def at_moment(self, moment: int) -> Weighted:
        """The requests of one moment alone."""
        rows = np.flatnonzero(self.offers.cases.moment == moment)
        place = np.full(len(self.offers.cases), UNKNOWN, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        inside = self.offers.moment == moment
        whole = self.weighted()
        return Weighted(
            place[whole.request[inside]],
            whole.unit[rows],
            whole.accepted[inside],
            whole.weight[inside],
            whole.modelled[inside],
            whole.offers[rows],
            whole.mass[rows],
            whole.promised[rows],
            whole.own[rows],
        )


def counted(request: Int64, values: Float64, n_requests: int) -> Float64:
    """(n_requests,) values summed by request."""
    return np.asarray(np.bincount(request, weights=values, minlength=n_requests), dtype=np.float64)


def weigh(
    offers: LoggedOffers,
    scored: ScoredOffers,
    policy: BundlePolicy,
    n_products: int,
    examination: Examination | None,
    random: np.random.Generator,
) -> tuple[Weighed, Int64, Int64]:
    """The weights, and the bundle's kind of each logged offer that it makes, (n,), and of each of its own, (m,)."""
    rank, kind = rank_of_logged(offers, policy, n_products)
    weight = match_weights(offers, rank, examination)
    logged = features(scored.relevance, scored.kind, offers.moment, offers.position)
    ours = features(policy.relevance, policy.kind, offers.cases.moment[policy.request], policy.rank)
    learned = logged
    if examination is not None:  # the model must be of the same form: looked at x attractive
        logged, ours = in_first_position(logged), in_first_position(ours)
    modelled, promised = cross_fitted(
        learned, offers.accepted, offers.unit[offers.request], logged, ours, offers.unit[policy.request], random
    )
    if examination is not None:
        modelled, promised = modelled * examination.at(offers.position), promised * examination.at(policy.rank)
    mass = expected_weights(offers, policy, examination)
    return Weighed(offers, policy, weight, mass, modelled, promised), kind, policy.kind


def match_weights(offers: LoggedOffers, rank: Int64, examination: Examination | None) -> Float64:
    """(n,) weight of each logged offer; rank: (n,) the bundle's, 0 where it does not make the offer.

    In the same position, 1 / propensity. With an examination in any position: how often the bundle's rank is looked at
    over how often the logged one is, / (propensity x places), which takes it that a product that has a chance in a
    request has one in each of its places.
    """
    if examination is None:
        return np.where(rank == offers.position, 1.0 / offers.propensity, 0.0)
    looked_at = examination.at(np.maximum(rank, 1)) / examination.at(offers.position)
    return np.where(rank > 0, looked_at / (offers.propensity * places(offers)[offers.request]), 0.0)


def expected_weights(offers: LoggedOffers, policy: BundlePolicy, examination: Examination | None) -> Float64:
    """(m,) what the weights of the logged offers that match an offer of the policy sum to, on average."""
    if examination is None:
        return np.ones(len(policy.request))
    some = places(offers)
    inverse = {n: float((1.0 / examination.at(np.arange(1, n + 1))).mean()) for n in np.unique(some).tolist()}
    return np.array([inverse[n] for n in some[policy.request].tolist()]) * examination.at(policy.rank)


def features(relevance: Float32, kind: Int64, moment: Int64, position: Int64) -> Float64:
    """(n, 13) what the model of acceptance knows of an offer; an unanswered one has no relevance and no kind."""
    known = np.isfinite(relevance)
    odds = np.where(known, log_odds(np.where(known, relevance, np.float32(0.5))), 0.0)
    columns = [np.log(np.maximum(position, 1)), odds, known]
    columns += [kind == place for place in range(len(KINDS))]
    columns += [moment == place for place in range(len(MOMENTS))]
    return np.stack([column.astype(np.float64) for column in columns], axis=1)


def in_first_position(rows: Float64) -> Float64:
    """The same rows of features, put in the first position."""
    moved = rows.copy()
    moved[:, 0] = 0.0
    return moved
