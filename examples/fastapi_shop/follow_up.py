"""The day's follow-ups, each at most once: `python follow_up.py`, as often as you like."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from shop import utc_now
from shop_database import ShopDatabase

import mersalg
from mersalg.offers import Offer
from mersalg_service.experiment import HOLD_OUT, read_experiment
from mersalg_service.follow_up.batch import MailingRequest, follow_up
from mersalg_service.follow_up.orders import Histories, add_piece
from mersalg_service.ledger import Cap, Rules, open_ledger

RULES = Rules(limit=2, caps=(Cap(1, 14, "mails"),))
"""Two offers in a mail, one mail in a fortnight, no product twice."""


def send_follow_ups(send: Callable[[dict[str, Any]], None], at: datetime) -> int:
    """Decide the batch of the day, put it into the outbox, and send what is there; gives the number of mails.

    Killed anywhere and run again, it goes on where it was: no customer gets a second mail, or one after an opt-out.
    """
    url = os.environ["DATABASE_URL"]
    database, recommender = ShopDatabase(url), mersalg.load(os.environ["BUNDLE"])
    experiment = read_experiment(Path(__file__).with_name("experiment.toml"))
    with open_ledger(url) as ledger:
        batch = ledger.begin({"rules": str(RULES)}, at, f"follow-up-{at:%Y-%m-%d}")
        histories = Histories(batch.begun_at)
        add_piece(histories, database.lines_until(batch.begun_at), {})
        held_out = lambda customer_id: experiment.assign(customer_id).arm == HOLD_OUT  # noqa: E731
        decisions = follow_up(recommender, ledger, batch, histories, MailingRequest(RULES), held_out)
        mails = {who: it.offers for who, it in decisions.items() if it is not None and it.offers}
        ledger.mark_written(batch)
        with ledger.last_word(mails) as opted_out:
            wanted = mails.keys() - opted_out
            database.queue((batch.batch, who, body_of(mails[who], recommender)) for who in sorted(wanted))
        ledger.finish(batch)
    sent = 0
    while (mail := database.take(at)) is not None:
        send(mail)
        sent += 1
    return sent


def body_of(offers: tuple[Offer, ...], recommender: mersalg.Recommender) -> str:
    """The text of a mail."""
    return "\n".join(f"{recommender.name(o.product_id)}: {o.reason.text(recommender.name)}" for o in offers)


if __name__ == "__main__":
    print(send_follow_ups(lambda mail: print("To {customer_id}\n{body}\n".format(**mail)), utc_now()), "mails")
