"""The batch of a mailing: for each customer the few follow-ups that the ledger lets out, or none and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mersalg.names import KINDS_BY_MOMENT, Kind
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg_service.ledger import Answer, Ask, Batch, Decision, Ledger, Rules, View
from mersalg_service.ledger.ledger import MAX_BATCH
from mersalg_service.ledger.rules import OFFERED

if TYPE_CHECKING:
    from mersalg_service.follow_up.orders import Histories

T = TypeVar("T")

HELD_OUT: Final = "hold-out"
"""The reason of a decision for the hold-out of a trial."""
OPTED_OUT: Final = "opted out"
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
) -> dict[str, Decision | None]:
    """The decision for each customer, in the order of the ids; None for one who is not in a batch that is closed.

    All are asked for before anything is claimed: an answer that fails leaves nothing in the ledger. One that the batch
    has decided already gets what was decided, except that a customer who has opted out since gets nothing. Who is held
    out gets nothing, and uses up no cap.
    """
    customer_ids = sorted(histories.by_customer)
    decided: dict[str, Decision] = {}
    hopeless, asked = [], []
    for customer_id, view in look_at_all(ledger, batch, customer_ids, mailing.rules):
        kinds = open_kinds(mailing, view)
        if view.decision is not None:
            decided[customer_id] = Decision((), OPTED_OUT) if view.opted_out else view.decision
        elif view.opted_out or view.standing.full or not kinds:
            hopeless.append(Ask(customer_id, (), closed_reason(view)))
        elif is_held_out(customer_id):
            hopeless.append(Ask(customer_id, (), HELD_OUT))
        else:
            asked.append(Undecided(customer_id, dict.fromkeys(view.standing.taken, OFFERED), kinds))
    if not batch.closed:

        def claim(asks: Sequence[Ask]) -> list[Answer]:
            return [answer for piece in pieces(asks) for answer in ledger.claim(batch, piece, mailing.rules)]

        decided |= all_rounds(answers, claim, histories, mailing, asked)
        for ask, answer in zip(hopeless, claim(hopeless), strict=True):
            decided[ask.customer_id] = answer.decision or Decision((), ask.reason)
    return {customer_id: decided.get(customer_id) for customer_id in customer_ids}


def pieces(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Pieces that go into one transaction."""
    return (values[start : start + MAX_BATCH] for start in range(0, len(values), MAX_BATCH))


def look_at_all(ledger: Ledger, batch: Batch, customer_ids: Sequence[str], rules: Rules) -> Iterator[tuple[str, View]]:
    """Each customer with what the ledger knows."""
    for piece in pieces(customer_ids):
        yield from zip(piece, ledger.look(batch, piece, rules), strict=True)


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
        return OPTED_OUT
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
