"""Answers of a recommender whose order is drawn for a share of the requests, with the chance of each offer.

Nothing is shown that could not stand in an answer anyway: all of the pool clear their thresholds and may be shown
together, as the recommender answers a higher limit with them. So any some of them keep the mosts, exclusions and sums
of the moment and of a policy, whatever their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mersalg.names import KINDS, MANNERS, MOMENTS, Kind
from mersalg.offers import Comparison, Offer, Offers
from mersalg.policy import PolicyRecommender
from mersalg.recommender import AnswersRequests, Recommender
from mersalg.requests import MAX_LIMIT, Request
from mersalg_service.experiment.exploration import DrawPool, Exploration, make_pool


@dataclass(frozen=True, slots=True, repr=False)
class ExploredOffers(Offers):
    """Offers with the chance of each to stand where it stands."""

    propensity: tuple[float | None, ...] = ()
    """Of each offer; None where the request has no id, so that nothing could be drawn."""
    explored: bool = False
    """The order was drawn."""
    relevance_drawn: float = 0.0
    """Summed relevance of what a drawn order shows on average."""
    relevance_own: float = 0.0
    """Summed relevance of what is shown without drawing."""


class Explorer:
    """Explores the answers of one recommender. As safe to share between threads as that is."""

    def __init__(self, exploration: Exploration, recommender: AnswersRequests) -> None:
        self.exploration = exploration
        self.recommender = recommender
        self.wider = wider(recommender)

    def answer(self, requests: Sequence[Request]) -> list[Offers]:
        """The answers in their order, at the thresholds. A retry, which has the same request_id, gets the same one."""
        own = self.recommender.answer(list(requests), threshold=True)
        whole = self.whole(requests, own)
        return [self.explored(*each) for each in zip(requests, own, whole, strict=True)]

    def whole(self, requests: Sequence[Request], own: Sequence[Offers]) -> list[Offers]:
        """Of each answer all that may be shown together, its own offers first; asked for where the answer is full."""
        result = list(own)
        if self.wider is None:
            return result
        full = [place for place, answer in enumerate(own) if answer and len(answer) == self.limit(requests[place])]
        asked = [replace(requests[place], limit=MAX_LIMIT) for place in full]
        for place, answer in zip(full, self.wider.answer(asked, threshold=True) if asked else (), strict=True):
            result[place] = answer
        return result

    def limit(self, request: Request) -> int:
        """The most offers of an answer."""
        if not isinstance(self.recommender, PolicyRecommender):
            return request.limit
        most = self.recommender.policy.moments[MOMENTS[request.moment]].limit
        return min(request.limit, most) if "limit" in request.stated else most

    def explored(self, request: Request, own: Offers, whole: Offers) -> Offers:
        """One answer in the order that is drawn, or in its own."""
        if not own:
            return own
        pool = make_pool(whole, self.turns(request, whole), len(own))
        chances = pool.chances()
        is_drawn = bool(request.request_id) and self.exploration.explores(request.request_id)
        order = self.exploration.order(request.request_id, pool) if is_drawn else list(range(len(pool.offers)))
        shown = [*order[: pool.places], *range(len(pool.offers), len(own))]
        propensity = [self.chance(chances, i, place) for place, i in enumerate(shown)]
        kept, first = relevance_of(pool, chances)
        return ExploredOffers(
            tuple(replace(whole[i], rank=rank) for rank, i in enumerate(shown, start=1)),
            None,
            own.retrieved,
            own.best_relevance,
            own.filtered,
            self.beside(whole, shown),
            tuple(propensity) if request.request_id else (None,) * len(shown),
            is_drawn,
            kept,
            first,
        )

    def chance(self, chances: list[list[float]], i: int, place: int) -> float:
        """With which chance an offer of the whole answer stands at a place: it is drawn there, or it is its own."""
        if i >= len(chances):
            return 1.0
        share = self.exploration.share
        return share * chances[i][place] + (1.0 - share) * (i == place)

    def beside(self, whole: Offers, shown: Sequence[int]) -> tuple[Comparison, ...]:
        """The comparisons of what is shown, where there are any."""
        return tuple(whole.beside[i] for i in shown) if whole.beside else ()

    def turns(self, request: Request, whole: Sequence[Offer]) -> list[int]:
        """The turn of each offer, ascending: the policy's, or the moment's where the request leaves the kinds to it."""
        kinds = [offer.kind for offer in whole]
        if isinstance(self.recommender, PolicyRecommender):
            first = self.recommender.policy.moments[MOMENTS[request.moment]].first
            return turns_of(kinds, [tuple(kind for kind in KINDS if kind in group) for group in first])
        if not request.by_moment:
            return [0] * len(kinds)
        return turns_of(kinds, [turn.kinds for turn in MANNERS[MOMENTS[request.moment]]])


def turns_of(kinds: Sequence[Kind], groups: Sequence[Sequence[Kind]]) -> list[int]:
    """The first group that takes each kind; the last offer of kinds that two groups take is the second one's.

    Two groups of one kind are what stands beside the cart and, one at most, what does not: that one comes last.
    """
    fits = [[place for place, group in enumerate(groups) if kind in group] or [len(groups)] for kind in kinds]
    result = [places[0] for places in fits]
    twice = [i for i, places in enumerate(fits) if len(places) > 1]
    if twice:
        result[twice[-1]] = fits[twice[-1]][-1]
    return result


def relevance_of(pool: DrawPool, chances: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The summed relevance that a drawn order shows on average, and that of the pool's own."""
    relevance = [offer.relevance for offer in pool.offers]
    drawn = sum(r * sum(row) for r, row in zip(relevance, chances, strict=True))
    return drawn, sum(relevance[: pool.places])


def expected_cost(explorer: Explorer, requests: Iterable[Request]) -> tuple[float, float, int]:
    """Summed relevance of the requests' own orders and, on average, of drawn ones, and how many have an offer."""
    answers = [answer for answer in explorer.answer(list(requests)) if isinstance(answer, ExploredOffers)]
    return sum(a.relevance_own for a in answers), sum(a.relevance_drawn for a in answers), len(answers)


def wider(recommender: AnswersRequests) -> AnswersRequests | None:
    """What answers with all that may be shown together; None where nobody knows, so that nothing else is shown."""
    if isinstance(recommender, PolicyRecommender):
        moments = {name: replace(rules, limit=MAX_LIMIT) for name, rules in recommender.policy.moments.items()}
        policy = replace(recommender.policy, moments=moments)
        return PolicyRecommender(recommender.recommender, policy, recommender.catalogue)
    return recommender if isinstance(recommender, Recommender) else None
