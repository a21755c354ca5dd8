"""Offers and batches by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from mersalg.names import Kind
from mersalg.offers import Offer
from mersalg_service.ledger import Ask, Batch, Decision, Ledger, Rules

AT = datetime(2017, 12, 1, 8)


def day(number: float) -> datetime:
    """So many days after AT."""
    return AT + timedelta(days=number)


def offer(product_id: str, kind: Kind = "cross-sell", relevance: float = 0.25) -> Offer:
    return Offer("", 1, product_id, kind, relevance, 10 * relevance, "milk")


def offers(*product_ids: str, kind: Kind = "cross-sell") -> list[Offer]:
    return [offer(product_id, kind) for product_id in product_ids]


def begin(ledger: Ledger, name: str, at: datetime = AT) -> Batch:
    return ledger.begin({"limit": 2}, at, name)


def claim(ledger: Ledger, batch: Batch, customer_id: str, listed: list[Offer], rules: Rules) -> Decision:
    """What one customer gets."""
    (answer,) = ledger.claim(batch, [Ask(customer_id, listed, "below threshold")], rules)
    assert answer.decision is not None
    return answer.decision


def products(decision: Decision) -> list[str]:
    return [o.product_id for o in decision.offers]
