"""What goes into a ledger and comes out of it: batches, asks, answers and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mersalg.offers import Offer
from mersalg_service.ledger.rules import Standing


@dataclass(frozen=True, slots=True)
class Batch:
    """One sending."""

    batch: str
    begun_at: datetime
    """The time of all its offers, in UTC without a zone; kept, so that a resumed batch has the same."""
    closed: bool
    """Its files were written, or were about to appear: nobody is added."""
    resumed: bool
    """It was in the ledger before."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one customer gets in one batch: offers ranked from 1, or none and the reason."""

    offers: tuple[Offer, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class View:
    """What the ledger knows of a customer before a batch asks for offers."""

    decision: Decision | None
    """What this batch has decided already."""
    opted_out: bool
    standing: Standing


@dataclass(frozen=True, slots=True)
class Ask:
    """What would be offered to a customer, best first, or why nothing would."""

    customer_id: str
    offers: Sequence[Offer]
    reason: str | None = None
    last: bool = True
    """Decide now. If not, and refusals leave the list short, nothing is written and the caller may ask for more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision, or None where the caller may ask again without what was refused."""

    decision: Decision | None
    refused: dict[str, str] = field(default_factory=dict)
    """Product id -> reason."""
