"""What it offers: six answers that were given for this page, with names and reasons, an honest empty one among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mersalg.names import AFTER_PAYMENT, KINDS, Kind
from mersalg.offers import REASONS, Offers
from mersalg_training.report.blocks import Block, ListCard, ListCards, PageSection, Paragraph
from mersalg_training.report.made_requests import AnsweredRequest
from mersalg_training.report.subject import Subject
from mersalg_training.report.wording import listed, number, sentence, share

MAX_PRODUCTS: Final = 3
MAX_BOUGHT: Final = 2
"""Products that are named, of a cart and of a history."""
OF_PATTERNS: Final = (
    "Answered for this page. No customer's cart is here: they are made of products that many bought together, and of "
    "what is bought again and again. For each kind of best offer the fullest answer, then the most relevant."
)
OF_FILE: Final = "Answered for this page: the first saved requests of the shop."


def answers(subject: Subject) -> PageSection:
    """An answer of each kind and one without an offer, or those to saved requests."""
    blocks: list[Block] = [Paragraph(OF_FILE if subject.saved else OF_PATTERNS, "note")]
    blocks.append(ListCards([card(subject, asked) for asked in subject.answers]))
    missing = [kind for kind in KINDS if kind not in {asked.kind for asked in subject.answers}]
    if missing and not subject.saved:
        blocks.append(Paragraph(f"No answer begins with {listed([of(subject, kind) for kind in missing])}.", "note"))
    question = "What does a shopper see, and why?"
    return PageSection("answers", "What it offers", question, blocks, opening=True)


def of(subject: Subject, kind: Kind) -> str:
    """A kind, and whether it is silent."""
    return kind if subject.thresholds.get(kind) is not None else f"{kind} (silent)"


def card(subject: Subject, asked: AnsweredRequest) -> ListCard:
    """A request in words and its answer."""
    request, offers = asked.request, asked.offers
    facts = given(subject, request)
    if request.get("kinds"):
        facts.append(("kinds", "all" if set(request["kinds"]) == set(KINDS) else ", ".join(request["kinds"])))
    if request.get("only"):
        facts.append(("only", named(subject, request["only"])))
    if request.get("exclude"):
        facts.append(("without", named(subject, request["exclude"])))
    if request.get("order") == "value":
        facts.append(("order", "by value"))
    title = str(request["request_id"]) if subject.saved else asked.kind or "no offer"
    entries = [
        (subject.product(offer.product_id), f"{offer.kind}, {share(offer.relevance)}: {said(subject, offer.reason)}")
        for offer in offers
    ]
    return ListCard(title, str(request.get("moment", "cart")), facts, entries, why_empty(subject, offers))


def said(subject: Subject, reason: Any) -> str:
    """A reason in words."""
    return str(reason.text(subject.product))


def given(subject: Subject, request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a request is about: its cart, and what was bought before."""
    moment = request.get("moment", "cart")
    label = {"product-page": "viewed"}.get(moment, "paid for" if moment in AFTER_PAYMENT else "in the cart")
    history = dict.fromkeys(line["product_id"] for line in request.get("history") or [])
    cart = named(subject, request.get("cart") or [])
    facts = [(label, cart or "nothing")] if cart or not history else []
    return [*facts, ("bought before", named(subject, list(history), MAX_BOUGHT))] if history else facts


def named(subject: Subject, product_ids: Sequence[str], most: int = MAX_PRODUCTS) -> str:
    """Products by name, the first few; how many more there are."""
    names = [subject.product(product_id) for product_id in product_ids[:most]]
    more = len(product_ids) - len(names)
    return "; ".join(names) + (f"; and {more} more" if more else "")


def why_empty(subject: Subject, offers: Offers) -> str:
    """Why there is no offer, and how relevant the best candidate of each kind was."""
    if offers.reason is None:
        return ""
    best = [f"{kind} {near(value, subject.thresholds.get(kind))}" for kind, value in offers.best_relevance.items()]
    told = f" Best relevance: {'; '.join(best)}." if best else ""
    return f"{sentence(offers.reason)} {sentence(REASONS[offers.reason])}{told}"


def near(relevance: float, threshold: float | None) -> str:
    """A relevance beside the threshold that it did not reach."""
    return f"{number(relevance, 4)} ({'silent' if threshold is None else f'shown from {number(threshold, 4)}'})"
