"""What each part of a request adds to the score of an offer.

The game: its players are the parts of the request (`players`), the value of a coalition is the score, in log-odds, that
the bundle's graph gives the product when the request holds those parts and nothing else. Shapley values with absence as
the baseline: "baseline Shapley", Sundararajan and Najmi 2020, arXiv 1908.08474. Nothing is imputed, for an absent line
is a request that a shop could send.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mersalg.offers import Offer
from mersalg.reasons import say_again, whole
from mersalg.requests import Request
from mersalg_training.explanation.players import REFERENCE_MOMENT, Player, players_of, request_of, without
from mersalg_training.explanation.result import Contribution, OfferExplanation, Removal
from mersalg_training.explanation.shapley import shapley_values
from mersalg_training.explanation.traced_scorer import TracedScorer

Name = Callable[[str], str]


class OfferGame:
    """One offer's game; every coalition is scored once."""

    def __init__(self, scorer: TracedScorer, request: Request, product_id: str, players: Sequence[Player]) -> None:
        self.scorer = scorer
        self.request = request
        self.product_id = product_id
        self.players = players
        self.scored: dict[frozenset[int], Offer] = {}

    def offer(self, members: frozenset[int]) -> Offer:
        """The product as it is scored with some parts of the request."""
        if members not in self.scored:
            part = self.request if len(members) == len(self.players) else self.part(members)
            self.scored[members] = self.scorer.scored(part, self.product_id)
        return self.scored[members]

    def part(self, members: frozenset[int]) -> Request:
        """The request of a coalition."""
        return request_of(self.request, self.players, sorted(members))

    def value(self, members: frozenset[int]) -> float:
        """Log-odds."""
        return self.offer(members).score


def explain_offer(
    scorer: TracedScorer, request: Request, offer: Offer, name: Name, threshold: float | None
) -> OfferExplanation:
    """Why an offer of a request is made: its contributions, and what its score is without each part."""
    players = players_of(request, offer.product_id, type_codes(scorer), name)
    game, before = OfferGame(scorer, request, offer.product_id, players), scorer.runs
    shares = shapley_values(len(players), game.value)
    everyone = frozenset(range(len(players)))
    without = [game.offer(everyone - {player}) for player in everyone]
    contributions = [
        Contribution(
            given=player.given,
            label=player.label,
            product_ids=player.product_ids,
            value=float(value),
            error=float(error),
            score_without=missing.score,
            relevance_without=missing.relevance,
            words=words_of(player, offer, game.offer(frozenset({place}))),
        )
        for place, (player, value, error, missing) in enumerate(
            zip(players, shares.values, shares.errors, without, strict=True)
        )
    ]
    removals = removals_of(scorer, request, offer, name)
    return OfferExplanation(
        offer=offer,
        name=name(offer.product_id),
        reason=offer.reason.text(name),
        threshold=threshold,
        base=shares.base,
        contributions=tuple(sorted(contributions, key=lambda part: -abs(part.value))),
        method=shares.method,
        runs=scorer.runs - before,
        removals=removals,
        because_confirmed=is_confirmed(removals, offer),
    )


def type_codes(scorer: TracedScorer) -> Callable[[str], int | None]:
    """The code of a product's type; None where product or type are not known."""
    no_type = scorer.type_of_item[-1]

    def type_of(product_id: str) -> int | None:
        item = scorer.item_of.get(product_id)
        code = scorer.type_of_item[item] if item is not None else no_type
        return int(code) if code != no_type else None

    return type_of


def words_of(player: Player, offer: Offer, alone: Offer) -> str:
    """What is known of a part beside the offer. alone: the offer as it is scored with that part alone."""
    if player.is_itself(offer.product_id):
        told = say_again(offer.times_bought, "en")
        every = f", every {whole(offer.interval_days)} days" if offer.interval_days and offer.times_bought > 1 else ""
        return told + every
    if player.given == "cart" and alone.because == player.product_ids[0]:
        return alone.reason.text(lambda product_id: "it")
    if player.given == "history":
        return f"{player.lines} line{'s' if player.lines > 1 else ''}"
    return f"rather than in a {REFERENCE_MOMENT}" if player.given == "context" else ""


def removals_of(scorer: TracedScorer, request: Request, offer: Offer, name: Name) -> tuple[Removal, ...]:
    """The score without each product of the cart, and without `because`; the lowest first.

    A product goes wherever it stands, in the cart and in the history: a line that stays could still bring the offer.
    """
    products = dict.fromkeys([*request.cart, *([offer.because] if offer.because is not None else [])])
    result = []
    for gone in products:
        there = scorer.scored(without(request, gone), offer.product_id)
        result.append(Removal(gone, name(gone), there.score, there.relevance))
    return tuple(sorted(result, key=lambda removal: removal.score))


def is_confirmed(removals: Sequence[Removal], offer: Offer) -> bool | None:
    """Whether no removal lowers the score more than that of `because`; None where nothing is compared with it."""
    if offer.because is None or len(removals) < 2:
        return None
    (own,) = (removal.score for removal in removals if removal.product_id == offer.because)
    return own == removals[0].score and own < offer.score
