"""Answers to golden requests, asked for this page: offers with names and reasons, and honest empty ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from mersalg.names import KINDS
from mersalg.offers import REASONS, Offers
from mersalg_training.report.blocks import Block, Cell, HeadedRows, PageSection, Paragraph, Sample, Samples, Table
from mersalg_training.report.subject import GoldenAnswer, Subject
from mersalg_training.report.wording import number, sentence, some

WITH_OFFERS, WITHOUT = 4, 3
"""Answers that are shown."""
MAX_OFFERS, MAX_PRODUCTS = 5, 6
"""Offers of an answer, and products of a cart, that are named."""
HOW: Final = (
    "A bundle carries requests with the answers that it must give everywhere. Their carts and histories are drawn from "
    "the catalogue, so that the bundle holds nothing about a person; they are less alike than a real customer's, and "
    "get fewer offers. These answers were given for this page. Offers stand in the order of their score, or of their "
    "value; relevance is calibrated kind by kind, so that a later offer may have a higher one."
)


def sample_answers(subject: Subject) -> PageSection:
    """Some answers with offers, some without, and how many there are of each."""
    full = [asked for asked in subject.asked if len(asked.offers)]
    empty = [asked for asked in subject.asked if not len(asked.offers)]
    chosen = [*varied(full, WITH_OFFERS), *varied(empty, WITHOUT)]
    why = Counter(asked.offers.reason for asked in empty)
    told = f"Of {some(len(subject.asked), 'request', 'requests')} {len(full)} get offers"
    told += "; no offer: " + ", ".join(f"{reason} {n}" for reason, n in why.most_common()) + "." if empty else "."
    blocks: list[Block] = [Paragraph(HOW), Paragraph(told), Samples([sample(subject, asked) for asked in chosen])]
    return PageSection("samples", "What it offers", "What does an answer look like, and an empty one?", blocks)


def varied(result: Sequence[GoldenAnswer], most: int) -> list[GoldenAnswer]:
    """The first of each moment and reason, then more until there are enough; in their order."""
    seen: set[tuple[str, str | None]] = set()
    first: list[GoldenAnswer] = []
    rest: list[GoldenAnswer] = []
    for asked in result:
        key = (str(asked.request.get("moment")), asked.offers.reason)
        (rest if key in seen else first).append(asked)
        seen.add(key)
    chosen = {id(asked) for asked in [*first, *rest][:most]}
    return [asked for asked in result if id(asked) in chosen]


def sample(subject: Subject, asked: GoldenAnswer) -> Sample:
    """A request in words and its answer."""
    request, offers = asked.request, asked.offers
    moment = str(request.get("moment", "cart"))
    history = request.get("history") or []
    facts = [
        ("cart", named(subject, request.get("cart") or []) or "empty"),
        ("history", some(len(history), "line", "lines") if history else "none"),
        ("kinds", ", ".join(request["kinds"]) if request.get("kinds") else "the moment's"),
    ]
    if set(request.get("kinds") or []) == set(KINDS):
        facts[-1] = ("kinds", "all")
    if request.get("only"):
        facts.append(("only", named(subject, request["only"])))
    if request.get("exclude"):
        facts.append(("without", named(subject, request["exclude"])))
    if request.get("order") == "value":
        facts.append(("order", "by value"))
    title = f"At the moment {moment}: " + (some(len(offers), "offer", "offers") if len(offers) else "no offer")
    return Sample(title, facts, offer_table(subject, offers) if len(offers) else None, why_empty(subject, offers))


def named(subject: Subject, product_ids: Sequence[str]) -> str:
    """Products by name, the first few; how many more there are."""
    names = [subject.product(product_id) for product_id in product_ids[:MAX_PRODUCTS]]
    more = len(product_ids) - len(names)
    return "; ".join(names) + (f"; and {more} more" if more else "")


def offer_table(subject: Subject, offers: Offers) -> Table:
    """The first offers of an answer."""
    rows = [
        [
            Cell(f"{offer.rank}. {subject.product(offer.product_id)}"),
            Cell(offer.kind),
            Cell(number(offer.relevance)),
            Cell(offer.reason.text(subject.product)),
        ]
        for offer in list(offers)[:MAX_OFFERS]
    ]
    more = f", the first {MAX_OFFERS} of {len(offers)}" if len(offers) > MAX_OFFERS else ""
    return Table(f"Offers{more}", ["product", "kind", "relevance", "why"], [HeadedRows(rows)], words=[1, 3])


def why_empty(subject: Subject, offers: Offers) -> str:
    """Why there is no offer, and how relevant the best candidate of each kind was."""
    if offers.reason is None:
        return ""
    best = [f"{kind} {near(value, subject.thresholds.get(kind))}" for kind, value in offers.best_relevance.items()]
    told = f" Best relevance: {'; '.join(best)}." if best else ""
    return f"{sentence(offers.reason)} {sentence(REASONS[offers.reason])}{told}"


def near(relevance: float, threshold: float | None) -> str:
    """A relevance beside the threshold that it did not reach."""
    return f"{number(relevance)} ({'silent' if threshold is None else f'shown from {number(threshold)}'})"
