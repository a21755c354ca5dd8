# Kept as it ran at commit c03d3cd, there benchmarks/shop/learning.py; not brought up to later code.
"""Does a ranker that learns what is accepted get more accepted? Shoppers whose response is known, before and after.

    python benchmarks/shop/learning.py --config configs/shop.toml --explore 0.2

A first bundle, trained on what lies before the rank window, serves the orders of the rank and the calibrate window
with orders drawn for a share of them. Shoppers look at a place with `LOOKED_AT` and accept what they see with
relevance x appeal of its product type, which no purchase tells (`--spread 0`: of all types alike). The job is then
trained with that log, and without it, and both are asked at the orders of the test window: what is accepted of a
request, in pieces and in money, is known there without drawing. It is no evidence of what real shoppers accept.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

import mersalg
from mersalg.offers import Offers
from mersalg.requests import read_mapping
from mersalg_service.experiment import Exploration, ExploredOffers, Explorer
from mersalg_training.config import Config, load_config
from mersalg_training.data.calendar import day_to_time, time_to_day
from mersalg_training.evaluation.bundle_method import CaseRequests
from mersalg_training.learn import Purchased, read_purchases
from mersalg_training.progress import Stages
from mersalg_training.ranking.cases import Cases, ragged
from mersalg_training.train import train

LOOKED_AT = (1.0, 0.6, 0.3)
SLOTS = len(LOOKED_AT)
STRENGTH = 0.5
"""Of an offer that is looked at, before appeal."""
KEY = b"simulated-shoppers"
QUIET = Console(file=io.StringIO())


@dataclass(frozen=True)
class Shoppers:
    """What everybody wants."""

    appeal: dict[str, float]
    """Product -> what its relevance is multiplied by."""
    price: dict[str, float]

    def accepts(self, offers: Offers, relevance: dict[str, float]) -> list[float]:
        """The chance of each offer to be accepted; relevance: of the world, not of the bundle that offers."""
        return [
            min(1.0, LOOKED_AT[o.rank - 1] * STRENGTH * self.appeal.get(o.product_id, 1.0) * relevance[o.product_id])
            for o in offers
        ]


def make_shoppers(purchased: Purchased, spread: float, random: np.random.Generator) -> Shoppers:
    """Appeal by product type, lognormal around 1; the price is the attributes' own."""
    attributes, ids = purchased.attributes, purchased.timeline.product_ids
    of_type = np.exp(random.normal(0.0, spread, len(attributes.product_types) + 1) - spread**2 / 2)
    appeal = {ids[code]: float(of_type[kind]) for code, kind in enumerate(attributes.product_type.tolist())}
    price = {ids[code]: float(p) for code, p in enumerate(np.nan_to_num(attributes.price).tolist())}
    return Shoppers(appeal, price)


def visits(purchased: Purchased, first: float, end: float, times: int, random: np.random.Generator) -> Cases:
    """So many visits of each order of [first, end) with two products or more: a part of it lies in the cart."""
    timeline = purchased.timeline
    inside = np.flatnonzero((timeline.order_day >= first) & (timeline.order_day < end))
    orders, carts, histories, at = [], [], [], []
    for order in np.repeat(inside, times).tolist():
        bought = timeline.line_product[timeline.order_lines(order)].astype(np.int64)
        if len(bought) < 2:
            continue
        past = timeline.history_before(order)
        orders.append(order)
        carts.append(random.permutation(bought)[: int(random.integers(1, len(bought)))])
        histories.append((max(past.start, past.stop - 300), past.stop))
        at.append(float(timeline.order_day[order]) + len(orders) * 1e-7)
    order_rows = np.array(orders, dtype=np.int64)
    nothing = ragged([np.zeros(0, dtype=np.int64)] * len(orders))
    moment = np.full(len(orders), mersalg.MOMENTS.index("cart"))
    return Cases(
        moment, np.array(at), ragged(carts), np.array(histories).reshape(-1, 2), nothing,
        timeline.order_customer[order_rows].astype(np.int64), order_rows,
    )  # fmt: skip


def requests(purchased: Purchased, cases: Cases) -> Iterator[dict[str, object]]:
    made = CaseRequests(purchased.timeline)
    for case in range(len(cases)):
        yield {**made.make(cases, case, limit=SLOTS), "request_id": f"visit {case}"}


def write_log(
    purchased: Purchased, cases: Cases, bundle: mersalg.Recommender, shoppers: Shoppers, share: float,
    random: np.random.Generator, file: Path,
) -> str:  # fmt: skip
    """What the first bundle showed, and what was accepted; a line that tells how much."""
    explorer, timeline = Explorer(Exploration(share, KEY), bundle), purchased.timeline
    rows = taken = own = drawn = 0.0
    with file.open("w") as log:
        for case, request in enumerate(requests(purchased, cases)):
            (answer,) = explorer.answer([read_mapping(request)])
            if not isinstance(answer, ExploredOffers):
                continue
            own, drawn = own + answer.relevance_own, drawn + answer.relevance_drawn
            chances = shoppers.accepts(answer, {o.product_id: o.relevance for o in answer})
            customer = int(cases.customer[case])
            for offer, p, chance in zip(answer, answer.propensity, chances, strict=True):
                accepted = random.random() < chance
                rows, taken = rows + 1, taken + accepted
                row = {
                    "customer_id": timeline.customer_ids[customer] if customer >= 0 else None,
                    "order_id": timeline.order_ids[int(cases.order[case])], "product_id": offer.product_id,
                    "kind": offer.kind, "moment": "cart", "offered_at": day_to_time(cases.at[case]).isoformat(),
                    "position": offer.rank, "propensity": p, "accepted": int(accepted),
                    "cart": "|".join(request["cart"]),  # type: ignore[arg-type]
                }  # fmt: skip
                log.write(json.dumps(row) + "\n")
    return (
        f"log: {len(cases):,} visits, {rows:,.0f} offers, {taken:,.0f} accepted; an explored answer costs "
        f"{(own - drawn) / max(own, 1e-9):.1%} of its relevance"
    )


def compare(
    purchased: Purchased, cases: Cases, world: mersalg.Recommender, bundles: list[Path], shoppers: Shoppers
) -> list[str]:
    """What is accepted of a request with each bundle, and how much more with the second: by customers, in each unit."""
    asked = list(requests(purchased, cases))
    answers = [mersalg.load(bundle).score(asked) for bundle in bundles]
    truth = []
    for request, *offers in zip(asked, *answers, strict=True):
        only = sorted({o.product_id for some in offers for o in some})
        kinds = list(mersalg.KINDS)
        ranked = (
            world.score([{**request, "only": only, "kinds": kinds, "limit": 100}], threshold=False)[0] if only else ()
        )
        truth.append({**dict.fromkeys(only, 0.0), **{o.product_id: o.relevance for o in ranked}})
    unit = np.where(cases.customer >= 0, cases.customer, -1 - cases.order)
    told = []
    for name in ("accepted a request", "value a request"):
        sums = [
            np.array([
                sum(c * (1.0 if name.startswith("accepted") else shoppers.price[o.product_id])
                    for o, c in zip(some, shoppers.accepts(some, known), strict=True))
                for some, known in zip(given, truth, strict=True)
            ])
            for given in answers
        ]  # fmt: skip
        told.append(
            f"{name}: {sums[0].mean():.4f} without, {sums[1].mean():.4f} with; {paired(sums[1] - sums[0], unit)}"
        )
    return told


def paired(difference: np.ndarray, unit: np.ndarray) -> str:
    """The mean difference with its 95 % interval by customer."""
    _, cluster = np.unique(unit, return_inverse=True)
    of_unit, n = np.bincount(cluster, difference), np.bincount(cluster)
    mean = difference.mean()
    half = 1.96 * np.sqrt(((of_unit - mean * n) ** 2).sum()) / len(difference)
    return f"{mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--explore", type=float, default=0.2)
    parser.add_argument(
        "--spread", type=float, default=1.0, help="of the appeal of types, as a standard deviation of logs"
    )
    parser.add_argument("--visits", type=int, default=4, help="of each order")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    config: Config = load_config(args.config, ["tracking.enabled=false"])
    purchased = read_purchases(config, Stages(QUIET))
    windows, random = purchased.windows, np.random.default_rng(args.seed)
    shoppers = make_shoppers(purchased, args.spread, random)
    with tempfile.TemporaryDirectory() as folder:
        log, bundles = Path(folder, "log.jsonl"), [Path(folder, name) for name in ("first", "without", "with")]
        ahead = (windows.to - windows.rank_from).total_seconds() / 86400
        first = config.model_copy(update={"split": config.split.model_copy(update={"test_days": round(ahead)})})
        train(first, bundles[0], QUIET)
        world = mersalg.load(bundles[0])
        days = [time_to_day(at) for at in (windows.rank_from, windows.test_from, windows.to)]
        served = visits(purchased, days[0], days[1], args.visits, random)
        print(write_log(purchased, served, world, shoppers, args.explore, random, log), flush=True)
        train(config, bundles[1], QUIET)
        learning = config.model_copy(update={"data": config.data.model_copy(update={"offers": str(log)})})
        printed = io.StringIO()
        train(learning, bundles[2], Console(file=printed, width=200))
        told = printed.getvalue().splitlines()
        at = next(i for i, line in enumerate(told) if line.startswith("Acceptance"))
        print("\n".join(told[at : at + 4]), flush=True)
        asked = visits(purchased, days[1], days[2], 1, random)
        print("\n".join(compare(purchased, asked, world, bundles[1:], shoppers)))


if __name__ == "__main__":
    main()
