"""A simulated year: what policies of showing offers bring, in the short and the long run, under written assumptions.

    python benchmarks/shop --bundle models/demo --shoppers 200

It compares policies inside a made-up world. It is no evidence of real uplift: only a hold-out in a shop is.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from recovery import recover
from response import WINDOWS, Chances, Year, draw, live, read_assumptions
from shoppers import Shop, open_shop
from showing import POLICIES, Shown, ask, show, visit_table

import mersalg

HERE = Path(__file__).parent
FIRST = "as above"
Years = dict[str, Year]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/shop", description=__doc__.partition("\n")[0])
    parser.add_argument("--bundle", default="models/demo")
    parser.add_argument("--config", default="configs/demo.toml", help="the job whose orders the shoppers come from")
    parser.add_argument("--assumptions", type=Path, default=HERE / "assumptions.toml")
    parser.add_argument("--shoppers", type=int, default=200)
    parser.add_argument("--replicates", type=int, default=20, help="years with other luck for each shopper")
    parser.add_argument("--trials", type=int, default=500, help="trials in which the estimators look for the truth")
    parser.add_argument("--units", type=int, default=800, help="customers of a trial")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    variants = read_assumptions(args.assumptions)
    start = time.process_time()
    shop = open_shop(args.config, args.shoppers, random)
    recommender = mersalg.load(args.bundle)
    thresholds = {kind: rule["threshold"] for kind, rule in recommender.manifest["kinds"].items()}
    first = variants[FIRST]
    slots, unknown = first["shown"]["slots"], first["response"]["unknown_relevance"]
    answers = ask(shop, recommender, first["shown"]["looked_at"])
    shown = {policy: show(policy, shop, answers, thresholds, slots, unknown) for policy in POLICIES}
    day, spent = visit_table(shop.shoppers)
    print(
        f"{args.shoppers} shoppers, {int((~np.isnan(day)).sum()):,} visits, {args.replicates} replicates; "
        f"what shoppers spend without offers: {mean_spent(day, spent, 30):.2f} in 30 days, "
        f"{mean_spent(day, spent, 365):.2f} in 365\n"
    )
    chances = draw(random, day.shape[0], day.shape[1], slots, args.replicates)
    for name, assumed in variants.items():
        years = lived(shop, day, spent, shown, chances, assumed)
        print(table(name, years, full=name == FIRST))
        if name == FIRST:
            kept = years
    before = np.array([shopper.spent_before for shopper in shop.shoppers])
    orders = np.array([float(shopper.orders_before) for shopper in shop.shoppers])
    print("\n| policy | measure | truth | read once | at every look | CUPED |\n| --- | --- | --- | --- | --- | --- |")
    for policy in ("ours", "show everything"):
        for found in recover(
            kept["nothing"],
            kept[policy],
            before,
            orders,
            365,
            args.units,
            args.trials,
            np.random.default_rng(args.seed),
        ):
            rates = f"{found.rate(False)} | {found.rate(True)} | -{found.variance_saved:.0%}"
            print(f"| {policy} | {found.measure} | {found.truth:+.2f} | {rates} |")
    print(f"\n{time.process_time() - start:.0f} CPU seconds", file=sys.stderr)


def mean_spent(day: np.ndarray, spent: np.ndarray, window: int) -> float:
    return float(np.where(day < window, spent, 0.0).sum(axis=1).mean())


def lived(
    shop: Shop, day: np.ndarray, spent: np.ndarray, shown: dict[str, Shown], chances: Chances, assumed: dict
) -> Years:
    """A year without offers, and one of each policy."""
    usual = np.array([shopper.usual_price for shopper in shop.shoppers])
    every: dict[str, Shown | None] = {"nothing": None, **shown}
    return {policy: live(day, spent, usual, offers, chances, assumed) for policy, offers in every.items()}


def table(name: str, years: Years, full: bool) -> str:
    """Markdown rows: what a policy adds a shopper in each window, over showing nothing, with 95 % intervals."""
    head = ["assumptions", "policy", *(f"added in {w} days" for w in WINDOWS), "attributed, 365 days", "offers", "left"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"] if full else []
    for policy in POLICIES:
        year, nothing = years[policy], years["nothing"]
        added = [interval(year.revenue[w] - nothing.revenue[w]) for w in WINDOWS]
        rest = [f"{year.attributed.mean():.2f}", f"{year.offers.mean():.0f}", f"{year.left.mean():.1%}"]
        lines.append(f"| {' | '.join([name, policy, *added, *rest])} |")
    return "\n".join(lines)


def interval(difference: np.ndarray) -> str:
    """Mean over shoppers, with the interval that the shoppers' own means give."""
    means = difference.mean(axis=1)
    half = 1.96 * means.std(ddof=1) / len(means) ** 0.5
    return f"{means.mean():+.2f} ({means.mean() - half:+.2f} to {means.mean() + half:+.2f})"


if __name__ == "__main__":
    main()
