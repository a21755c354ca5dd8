"""The batch of a mailing: for each customer the few follow-ups that the ledger lets out, or none and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mersalg.names import KINDS_BY_MOMENT, Kind
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg_service.ledger import Answer, Ask, Batch, Decision, Ledger, Rules, View
from mersalg_service.ledger.ledger import MAX_BATCH
from mersalg_service.ledger.rules import OFFERED

if TYPE_CHECKING:
    from mersalg_service.follow_up.orders import Histories

HELD_OUT: Final = "hold-out"
"""The reason of a decision for the hold-out of a trial."""
ROUNDS: Final = 8
"""How often a customer is asked for again, for twice as many offers each time, before a short list is final."""


@dataclass(frozen=True, slots=True)
class MailingRequest:
    """What a mailing wants of each customer."""

    rules: Rules = field(default_factory=Rules)
    kinds: tuple[Kind, ...] | None = None
    """None: those of the moment."""
    order: str = "relevance"


@dataclass(slots=True)
class Undecided:
    """A customer who is not decided yet."""

    customer_id: str
    exclude: dict[str, str]
    """Product id -> why it may not be offered."""
    kinds: tuple[Kind, ...]


Claim = Callable[[Sequence[Ask]], list[Answer]]
"""What decides who gets what: the ledger's claim, or the same without a word written."""


def nobody(_customer_id: str) -> bool:
    """Without a trial nobody is held out."""
    return False


def follow_up(
    answers: AnswersRequests,
    ledger: Ledger,
    batch: Batch,
    histories: Histories,
    mailing: MailingRequest,
    is_held_out: Callable[[str], bool] = nobody,
) -> Iterator[tuple[str, Decision | None]]:
    """Each customer, in the order of the ids, with the decision; None for one who is not in a finished batch.

    A decision is in the ledger before it comes out here. One that the batch has made already comes out as it was,
    except that a customer who has opted out since gets nothing. Who is held out gets nothing, and uses up no cap.
    """
    customers = iter(sorted(histories.by_customer))
    while piece := list(islice(customers, MAX_BATCH)):
        decided = decide(answers, ledger, batch, histories, mailing, is_held_out, piece)
        yield from ((customer_id, decided.get(customer_id)) for customer_id in piece)


def decide(
    answers: AnswersRequests,
    ledger: Ledger,
    batch: Batch,
    histories: Histories,
    mailing: MailingRequest,
    is_held_out: Callable[[str], bool],
    customer_ids: Sequence[str],
) -> dict[str, Decision]:
    """The decisions for some customers; in a finished batch those that it has."""
    decided: dict[str, Decision] = {}
    hopeless, asked = [], []
    for customer_id, view in zip(customer_ids, ledger.look(batch, customer_ids, mailing.rules), strict=True):
        kinds = open_kinds(mailing, view)
        if view.decision is not None:
            decided[customer_id] = Decision((), "opted out") if view.opted_out else view.decision
        elif view.opted_out or view.standing.full or not kinds:
            hopeless.append(Ask(customer_id, (), closed_reason(view)))
        elif is_held_out(customer_id):
            hopeless.append(Ask(customer_id, (), HELD_OUT))
        else:
            asked.append(Undecided(customer_id, dict.fromkeys(view.standing.taken, OFFERED), kinds))
    if batch.finished:
        return decided
    for ask, answer in zip(hopeless, ledger.claim(batch, hopeless, mailing.rules), strict=True):
        decided[ask.customer_id] = answer.decision or Decision((), ask.reason)
    decided |= all_rounds(answers, lambda asks: ledger.claim(batch, asks, mailing.rules), histories, mailing, asked)
    return decided


def open_kinds(mailing: MailingRequest, view: View) -> tuple[Kind, ...]:
    """The kinds that are asked for and that no cap closes."""
    return tuple(k for k in mailing.kinds or KINDS_BY_MOMENT[mailing.rules.moment] if k in view.standing.open_kinds)


def all_rounds(
    answers: AnswersRequests, claim: Claim, histories: Histories, mailing: MailingRequest, asked: list[Undecided]
) -> dict[str, Decision]:
    """The decisions for those who are asked for, however many rounds that takes."""
    decided: dict[str, Decision] = {}
    for number in range(ROUNDS):
        if asked:
            asked = one_round(answers, claim, histories, mailing, asked, decided, number)
    return decided


def closed_reason(view: View) -> str:
    """Why nothing is asked for."""
    if view.opted_out:
        return "opted out"
    closed = view.standing.full or next((cap for cap, room in view.standing.room.items() if room <= 0), None)
    return f"cap {closed}" if closed else "no kind asked for"


def one_round(
    answers: AnswersRequests,
    claim: Claim,
    histories: Histories,
    mailing: MailingRequest,
    asked: list[Undecided],
    decided: dict[str, Decision],
    number: int,
) -> list[Undecided]:
    """Ask for offers and claim them; those whose list came out short for what was refused are given back.

    Where no kinds are wanted and no cap closes one, none are named, and the moment's manners hold.
    """
    usual = KINDS_BY_MOMENT[mailing.rules.moment] if mailing.kinds is None else None

    def request(one: Undecided, *, exclude: bool) -> dict[str, Any]:
        return {
            "history": histories.by_customer[one.customer_id].history(),
            "at": histories.at,
            "moment": mailing.rules.moment,
            "kinds": None if one.kinds == usual else list(one.kinds),
            "limit": mailing.rules.limit << number,
            "exclude": sorted(one.exclude) if exclude else [],
            "order": mailing.order,
        }

    result = list(stream_answers(answers, (request(one, exclude=True) for one in asked)))
    silenced = [one for one, offers in zip(asked, result, strict=True) if not offers and one.exclude]
    anyway = stream_answers(answers, (request(one, exclude=False) for one in silenced))
    reasons = {
        one.customer_id: one.exclude.get(offers[0].product_id, OFFERED)
        for one, offers in zip(silenced, anyway, strict=True)
        if offers
    }
    last = number == ROUNDS - 1
    asks = [
        Ask(one.customer_id, tuple(offers), reasons.get(one.customer_id, offers.reason), last)
        for one, offers in zip(asked, result, strict=True)
    ]
    again = []
    for one, answer in zip(asked, claim(asks), strict=True):
        if answer.decision is not None:
            decided[one.customer_id] = answer.decision
        else:
            one.exclude.update(answer.refused)
            again.append(one)
    return again
