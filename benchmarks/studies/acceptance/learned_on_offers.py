# Kept as it ran at commit 2a8f2ba; not brought up to later code.
"""Does the correction of a ranker learn anything from real logged offers? Fitted on one half of the week, judged on the
other.

    python benchmarks/studies/acceptance/learned_on_offers.py --offers open_bandit/offers.parquet \\
        --products open_bandit/products.parquet

The table is that of off_policy_truth.py, with facts of users and products. There are no purchases, so that the ranker
that is corrected scores all alike. Fitted on the days before the cut, of both policies or of the uniform one alone;
judged on the uniform log after it: whether an accepted offer scores above another (0.5 = by chance), and how often the
best third of the products by score is accepted, beside all.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np

from mersalg_training.config import AcceptanceConfig
from mersalg_training.graph.trees import predict_raw
from mersalg_training.off_policy.acceptance_rates import auc
from mersalg_training.off_policy.correction import CorrectionRows, fit_correction
from mersalg_training.off_policy.resampling import resample

CUT = "2019-11-28"
DRAWS = 500
SHARE = 1 / 3


def read(offers: Path, products: Path) -> dict[str, np.ndarray]:
    codes = [f"dense_rank() OVER (ORDER BY {name})" for name in (
        "category", "feature_2", "feature_3", "user_feature_0", "user_feature_1", "user_feature_2", "user_feature_3",
        "campaign", "product_id",
    )]  # fmt: skip
    query = f"""SELECT price_like, {", ".join(f"{code} AS f{place}" for place, code in enumerate(codes))}, position,
        propensity, accepted, policy, shown_at < TIMESTAMP '{CUT}' AS early, campaign
        FROM read_parquet(?) o JOIN read_parquet(?) p USING (product_id) ORDER BY shown_at, product_id"""
    return {k: np.ma.getdata(v) for k, v in duckdb.execute(query, [str(offers), str(products)]).fetchnumpy().items()}


def correction(table: dict[str, np.ndarray], rows: np.ndarray, X: np.ndarray) -> Any:
    log: Any = SimpleNamespace(
        accepted=table["accepted"][rows].astype(float),
        propensity=table["propensity"][rows].astype(float),
        position=table["position"][rows],
    )
    of = CorrectionRows(X[rows], np.zeros(len(rows)), np.arange(len(rows)))
    return fit_correction(of, log, None, AcceptanceConfig(), seed=7)


def told(drawn: np.ndarray, value: float, by: float = 1.0) -> str:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{by * value:.3f} ({by * low:.3f} to {by * high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--offers", type=Path, required=True)
    parser.add_argument("--products", type=Path, required=True)
    args = parser.parse_args()
    table, random = read(args.offers, args.products), np.random.default_rng(7)
    names = ["price_like", *(f"f{place}" for place in range(9))]
    X = np.stack([table[name].astype(np.float32) for name in names], axis=1)
    late = np.flatnonzero(~table["early"] & (table["policy"] == "random"))
    taken = table["accepted"][late].astype(float)
    print(f"{len(late):,} later uniform offers, {taken.sum():.0f} accepted")
    for name, some in (
        ("both logs", table["early"]),
        ("the uniform log", table["early"] & (table["policy"] == "random")),
    ):
        early = np.flatnonzero(some)
        score = predict_raw(correction(table, early, X).table, X[late])
        _, level = np.unique(score, return_inverse=True)
        n = len(late)
        drawn = [auc(level, taken, random.multinomial(n, np.full(n, 1 / n)).astype(float)) for _ in range(DRAWS)]
        best = np.zeros(n)
        for campaign in np.unique(table["campaign"][late]):
            of = table["campaign"][late] == campaign
            best[of] = score[of] >= np.quantile(score[of], 1 - SHARE)
        sums = resample(np.arange(n), {"b": best, "bt": best * taken, "t": taken, "n": np.ones(n)}, random)
        more = sums.estimate(lambda s: 1000 * (s["bt"] / s["b"] - s["t"] / s["n"]))
        print(
            f"fitted on {name}: {len(early):,} offers, {table['accepted'][early].sum()} accepted; "
            f"order {told(np.array(drawn), auc(level, taken, np.ones(n)))}; of 1,000 the best third gets "
            f"{more.value:+.2f} ({more.low:+.2f} to {more.high:+.2f}) more accepted than all, of {1000 * taken.mean():.2f}"
        )


if __name__ == "__main__":
    main()
