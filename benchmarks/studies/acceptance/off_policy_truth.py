# Kept as it ran at commit 19998fd, there benchmarks/acceptance/off_policy_truth.py; not brought up to later code.
"""Is an off-policy value true? Estimates from one policy's log against what the other policy really reached.

    python benchmarks/acceptance/off_policy_truth.py --offers open_bandit/offers.parquet     # real offers
    python benchmarks/acceptance/off_policy_truth.py --simulate 1000                         # a known truth

The table holds offers of two policies that served the same shop at the same time, as the Open Bandit data set does
(Saito, Aihara, Matsutani and Narita, NeurIPS 2021): policy (`random` or `bts`), campaign, product_id, position,
accepted, propensity; rows are single impressions. `random` shows every product alike, so that its chances are known for
every row. Those of `bts`, which drifts as it learns, are known for what it showed alone; for what `random` showed its
share of `bts`'s impressions in the campaign and position stands in, which is unbiased for the week and as noisy as
counting is.

The truth is the mean of the other log, which has an interval of its own. Coverage: halves of a log are drawn, and it is
counted how often the interval holds the other log's mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np

from mersalg_training.acceptance.estimators import ESTIMATORS, Weighted, off_policy
from mersalg_training.acceptance.resampling import resample
from mersalg_training.metrics import Estimate
from mersalg_training.timeline import Float64, Int64

PRIOR = 500.0
"""Impressions that the mean of all products counts for in the modelled acceptance of one."""
FOLDS = 5
OTHER = {"bts": "random", "random": "bts"}
"""Policy that logged -> the one that is judged."""


def weigh(product: Int64, accepted: Float64, weight: Float64, target: Float64, random: np.random.Generator) -> Weighted:
    """The log of single impressions; target: (n, n_products) chance of each product under the other policy."""
    n = len(product)
    fold = random.permutation(n) % FOLDS
    modelled, promised = np.zeros(n), np.zeros(n)
    for part in range(FOLDS):
        learn, rows = fold != part, fold == part
        shown = np.bincount(product[learn], minlength=target.shape[1])
        taken = np.bincount(product[learn], weights=accepted[learn], minlength=target.shape[1])
        likely = (taken + PRIOR * accepted[learn].mean()) / (shown + PRIOR)
        modelled[rows], promised[rows] = likely[product[rows]], target[rows] @ likely
    return Weighted(np.arange(n), np.arange(n), accepted, weight, modelled, np.ones(n), np.ones(n), promised, accepted)


def together(logs: Sequence[Weighted]) -> Weighted:
    """Several logs of single impressions as one."""
    accepted, weight, modelled, offers, promised = (
        np.concatenate([getattr(log, name) for log in logs])
        for name in ("accepted", "weight", "modelled", "offers", "promised")
    )
    rows = np.arange(len(accepted))
    return Weighted(rows, rows, accepted, weight, modelled, offers, offers, promised, accepted)


class Campaign:
    """Both logs of a campaign."""

    def __init__(self, path: Path, name: str) -> None:
        rows = duckdb.execute(
            """SELECT policy, dense_rank() OVER (ORDER BY product_id) - 1 AS product, position - 1 AS position,
                      accepted, propensity FROM read_parquet(?) WHERE campaign = ? ORDER BY shown_at""",
            [str(path), name],
        ).fetchnumpy()
        self.name = name
        self.policy = np.array(rows["policy"])
        self.product = np.asarray(rows["product"], dtype=np.int64)
        self.position = np.asarray(rows["position"], dtype=np.int64)
        self.accepted = np.asarray(rows["accepted"], dtype=np.float64)
        self.propensity = np.asarray(rows["propensity"], dtype=np.float64)
        self.n_products = int(self.product.max()) + 1

    def chances(self, policy: str) -> Float64:
        """(n_positions, n_products) chance that the policy puts a product there, over the week."""
        shape = (int(self.position.max()) + 1, self.n_products)
        if policy == "random":
            return np.full(shape, 1.0 / self.n_products)
        rows = self.policy == policy
        cells = self.position[rows] * shape[1] + self.product[rows]
        shown = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        return np.asarray(shown / shown.sum(axis=1, keepdims=True), dtype=np.float64)

    def weighed(self, log: str, random: np.random.Generator, half: bool) -> Weighted:
        """The log of one policy seen by the other, or a drawn half of it."""
        rows = np.flatnonzero(self.policy == log)
        if half:
            rows = np.sort(random.choice(rows, len(rows) // 2, replace=False))
        target = self.chances(OTHER[log])
        weight = target[self.position[rows], self.product[rows]] / self.propensity[rows]
        return weigh(self.product[rows], self.accepted[rows], weight, target[self.position[rows]], random)


def real_mean(campaigns: Sequence[Campaign], policy: str, random: np.random.Generator) -> Estimate:
    """What a policy reached."""
    accepted = np.concatenate([campaign.accepted[campaign.policy == policy] for campaign in campaigns])
    sums = resample(np.arange(len(accepted)), {"a": accepted, "n": np.ones(len(accepted))}, random)
    return sums.estimate(lambda s: s["a"] / s["n"])


def told(estimate: Estimate) -> str:
    return f"{1000 * estimate.value:.2f} ({1000 * estimate.low:.2f} to {1000 * estimate.high:.2f})"


def on_real_offers(path: Path, halves: int, random: np.random.Generator) -> None:
    """Print a row for each campaign, direction and estimator."""
    query = "SELECT DISTINCT campaign FROM read_parquet(?) ORDER BY 1"
    campaigns = [Campaign(path, name) for (name,) in duckdb.execute(query, [str(path)]).fetchall()]
    print("Accepted of 1,000 offers, with 95 % intervals. True: the estimate's interval holds the other log's mean;")
    print("apart: the two differ by more than both intervals together explain; halves: how often halves hold it\n")
    heads = "campaign | log | value of | effective sample | largest weight | estimator | estimate | the other log"
    print(f"| {heads} | true | apart | halves |")
    print("| " + " | ".join(["---"] * 11) + " |")
    for some in (*([campaign] for campaign in campaigns), campaigns):
        name = some[0].name if len(some) == 1 else "together"
        for log, other in OTHER.items():
            truth = real_mean(some, other, random)
            found = off_policy(together([campaign.weighed(log, random, half=False) for campaign in some]), random)
            drawn = [
                off_policy(together([campaign.weighed(log, random, half=True) for campaign in some]), random, 200)
                for _ in range(halves)
            ]
            sample = f"{found.support.effective:,.0f} | {found.support.largest:,.0f}"
            for estimator in found.values:
                estimate = found.values[estimator]
                inside = estimate.low <= truth.value <= estimate.high
                spread = np.hypot(estimate.high - estimate.low, truth.high - truth.low) / 2.0
                apart = abs(estimate.value - truth.value) > spread
                stated = [half.values[estimator] for half in drawn if estimator in half.values]
                held = np.mean([e.low <= truth.value <= e.high for e in stated])
                print(
                    f"| {name} | {log} | {other} | {sample} | {estimator} | {told(estimate)} | {told(truth)} | "
                    f"{'yes' if inside else 'no'} | {'yes' if apart else 'no'} | {held:.0%} of {len(stated)} |",
                    flush=True,
                )
            if found.missing is not None:
                print(f"| {name} | {log} | {other} | {sample} | {found.missing} | | {told(truth)} | | | |")
    print("\nAcceptance by position of the uniform log, relative to the first position")
    position, accepted = (
        np.concatenate([getattr(campaign, name)[campaign.policy == "random"] for campaign in campaigns])
        for name in ("position", "accepted")
    )
    columns = {f"{name}{p}": values * (position == p) for p in range(3) for name, values in
               (("n", np.ones(len(accepted))), ("a", accepted))}  # fmt: skip
    sums = resample(np.arange(len(accepted)), columns, random)
    for p in (1, 2):
        ratio = sums.estimate(lambda s, p=p: s[f"a{p}"] / s[f"n{p}"] / (s["a0"] / s["n0"]))
        print(f"position {p + 1}: {ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})")


def on_a_known_truth(repeats: int, random: np.random.Generator) -> None:
    """Print how often the interval of each estimator holds the truth of made-up shops, log after log."""
    print("| logging policy | true value | estimator | mean estimate | standard deviation | intervals that hold it |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, sharpness, beta in (("spread", 1.0, 120.0), ("sharp", 2.0, 120.0), ("sharp, rare", 2.0, 400.0)):
        n, n_products = 10_000, 40
        appeal = random.beta(2.0, beta, n_products)
        logging = np.exp(random.normal(0.0, sharpness, n_products))
        logging, policy = logging / logging.sum(), np.full(n_products, 1.0 / n_products)
        held: dict[str, int] = dict.fromkeys(ESTIMATORS, 0)
        values: dict[str, list[float]] = {estimator: [] for estimator in ESTIMATORS}
        for _ in range(repeats):
            product = random.choice(n_products, n, p=logging)
            accepted = (random.random(n) < appeal[product]).astype(np.float64)
            target = np.broadcast_to(policy, (n, n_products))
            weighed = weigh(product, accepted, (policy / logging)[product], target, random)
            for estimator, estimate in off_policy(weighed, random, 300).values.items():
                held[estimator] += estimate.low <= appeal.mean() <= estimate.high
                values[estimator].append(estimate.value)
        for estimator in ESTIMATORS:
            stated = max(1, len(values[estimator]))
            share = held[estimator] / stated
            error = 1.96 * np.sqrt(share * (1.0 - share) / stated)
            print(
                f"| {name}, weights to {(policy / logging).max():,.0f} | {appeal.mean():.5f} | "
                f"{estimator} | {np.mean(values[estimator]):.5f} | {np.std(values[estimator]):.5f} | "
                f"{share:.1%} +- {error:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--offers", type=Path, metavar="FILE.parquet")
    parser.add_argument("--simulate", type=int, metavar="LOGS")
    parser.add_argument("--halves", type=int, default=200, help="halves drawn of each log (default: 200)")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    if arguments.offers is not None:
        on_real_offers(arguments.offers, arguments.halves, np.random.default_rng(arguments.seed))
    if arguments.simulate is not None:
        on_a_known_truth(arguments.simulate, np.random.default_rng(arguments.seed))
