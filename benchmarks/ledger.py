"""A simulated year of mailings against caps, by several processes, and every promise checked apart: run as here.

    MERSALG_LEDGER_KEY=a-key-of-at-least-16-bytes python benchmarks/ledger.py sqlite:///year.db --offers 1000000

The ledger has to be new. Writers take the mailings of the year in an order of their own, so that times come out of
order, and one mailing in ten is run by two of them. The check reads the ledger's claims with numpy and shares no code
with the rules: no offer twice for a customer, no window of any cap with more than it allows, no list over the limit.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mersalg.names import KINDS
from mersalg.offers import Offer
from mersalg_service.ledger import Ask, Cap, Rules, make_ledger, open_ledger
from mersalg_service.ledger.ledger import MAX_BATCH
from mersalg_service.ledger.rules import DAY

CAPS: Final = (Cap(12, 30), Cap(3, 30, "replacement"), Cap(4, 14, "cross-sell"), Cap(3, 7, "mails"))
RULES: Final = Rules(limit=3, caps=CAPS)
CUSTOMERS: Final = 2_000
LISTED: Final = 5
"""Offers that a mailing would make to a customer."""
PRODUCTS: Final = 600
YEAR: Final = datetime(2017, 1, 1)


def mail(url: str, mailings: Sequence[int]) -> None:
    """Run mailings; each draws what it wants to offer from its own number."""
    with open_ledger(url) as ledger:
        for number in mailings:
            random = np.random.default_rng(number)
            at = YEAR + timedelta(days=float(random.uniform(0, 365)))
            batch = ledger.begin({"simulated": number}, at, f"mailing {number}")
            products = random.integers(0, PRODUCTS, size=(CUSTOMERS, LISTED))
            kinds = random.integers(0, len(KINDS), size=(CUSTOMERS, LISTED))
            for start in range(0, CUSTOMERS, MAX_BATCH):
                asks = [
                    Ask(f"customer {c}", [offer(p, k) for p, k in zip(products[c], kinds[c], strict=True)], "none")
                    for c in range(start, min(CUSTOMERS, start + MAX_BATCH))
                ]
                ledger.claim(batch, asks, RULES)


def offer(product: int, kind: int) -> Offer:
    """An offer as a recommender gives it."""
    return Offer("", 1, f"product {product}", KINDS[kind], 0.5, 1.0, None)


def shares(mailings: int, writers: int, random: np.random.Generator) -> list[list[int]]:
    """The mailings of each writer, shuffled; every tenth is also given to the next writer."""
    given: list[list[int]] = [[] for _ in range(writers)]
    for number in range(mailings):
        given[number % writers].append(number)
        if number % 10 == 0:
            given[(number + 1) % writers].append(number)
    return [[int(n) for n in random.permutation(share)] for share in given]


def check(url: str) -> dict[str, int]:
    """Violations by promise, and the number of offers that were let out."""
    with open_ledger(url) as ledger, ledger.database.snapshot() as t:
        rows = t.rows("SELECT customer, product_id, kind, claimed_at, batch FROM mersalg_claims")
    customer, product, kind, at, batch = (np.array(column) for column in zip(*rows, strict=True))
    pairs = np.unique(np.stack([customer, product]), axis=1).shape[1]
    lists = np.unique(np.stack([customer, batch]), axis=1, return_index=True, return_counts=True)
    found = {"offers": len(rows), "offered twice": len(rows) - pairs, "over the limit": int((lists[2] > 3).sum())}
    for cap in CAPS:
        if cap.counted == "mails":
            who, when = customer[lists[1]], at[lists[1]]
        else:
            of = np.ones(len(rows), bool) if cap.counted == "offers" else kind == cap.counted
            who, when = customer[of], at[of]
        found[f"cap {cap}"] = over(who, when, int(cap.days * DAY), cap.most)
    return found


def over(who: npt.NDArray[Any], when: npt.NDArray[np.int64], window: int, most: int) -> int:
    """Windows that begin with an offer and hold more than `most` of the same customer."""
    order = np.lexsort([when, who])
    who, when = who[order], when[order]
    later = slice(most, None)
    together = (who[later] == who[:-most]) & (when[later] - when[:-most] < window)
    return int(together.sum())


def main() -> None:
    """Simulate, check and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--offers", type=int, default=1_000_000, help="offers that the mailings want to make")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    mailings = -(-args.offers // (CUSTOMERS * LISTED))
    given = shares(mailings, args.writers, np.random.default_rng(args.seed))
    make_ledger(args.url).close()
    start = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=mail, args=(args.url, share)) for share in given]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    seconds = time.perf_counter() - start
    if any(writer.exitcode for writer in writers):
        raise SystemExit("a writer failed")
    print(f"{mailings * CUSTOMERS * LISTED:,} offers wanted by {mailings} mailings to {CUSTOMERS:,} customers")
    print(f"{args.writers} writers, {seconds:.0f} s, {mailings * CUSTOMERS * LISTED / seconds:,.0f} offers a second")
    for promise, count in check(args.url).items():
        print(f"{promise:<24} {count:,}")


if __name__ == "__main__":
    main()
