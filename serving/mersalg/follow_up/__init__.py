"""`mersalg follow-up`: the batch for a mailing, out of orders, a bundle and a ledger."""

from __future__ import annotations

from mersalg.follow_up.batch import Answers, Wish, follow_up
from mersalg.follow_up.orders import Histories, Lines, read_histories

__all__ = ["Answers", "Histories", "Lines", "Wish", "follow_up", "read_histories"]
