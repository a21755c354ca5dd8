# Kept as it ran at commit 19998fd, there benchmarks/acceptance/calibrated_on_coupons.py; not brought up to later code.
"""Is relevance truer after it was calibrated on acceptance? On customers whose offers had no part in it.

    python benchmarks/acceptance/coupon_offers.py --out coupons.parquet
    python benchmarks/acceptance/calibrated_on_coupons.py models/demo coupons.parquet

One half of the customers calibrates and certifies; on the other, relevance is compared with the share accepted, by
kind, as purchases calibrated it and as acceptance does. Both calibrations are fitted to the three best offers of each
request and kind, and so they are judged on these. ECE: the mean distance over ten groups of equal size by relevance.
"""

from __future__ import annotations

import argparse

import numpy as np

from mersalg.names import KINDS
from mersalg.recommender import load
from mersalg_training.acceptance import Scored, calibrate_on_acceptance, gather_offers, read_offers, score_offers
from mersalg_training.acceptance.calibrating import depth_of_kind
from mersalg_training.acceptance.logged import LoggedOffers
from mersalg_training.config import ThresholdConfig
from mersalg_training.contract import apply_contract
from mersalg_training.evaluate import bundle_config
from mersalg_training.purchases import open_purchases
from mersalg_training.timeline import Float64, read_timeline
from mersalg_training.tradeoffs import SHOWN


def distance(relevance: Float64, accepted: Float64) -> float:
    """Expected calibration error over ten groups of equal size."""
    groups = np.array_split(np.argsort(relevance, kind="stable"), 10)
    return float(sum(abs(relevance[g].sum() - accepted[g].sum()) for g in groups) / len(relevance))


def compare(bundle: str, location: str, wanted: float, seed: int) -> None:
    recommender = load(bundle)
    config, _ = bundle_config(recommender.manifest, bundle, [])
    purchases = open_purchases(config.data)
    apply_contract(purchases, config.contract)
    read_offers(purchases.connection, location, config.data.columns, config.contract.max_reject_share)
    timeline = read_timeline(purchases.connection)
    offers = gather_offers(purchases.connection, timeline)
    scored = score_offers(recommender, timeline, offers)
    random = np.random.default_rng(seed)
    units = random.permutation(np.unique(offers.unit))
    first = np.isin(offers.unit, units[: len(units) // 2])
    learned = half(offers, scored, first)
    thresholds = ThresholdConfig(precision=dict.fromkeys(KINDS, wanted))
    made = calibrate_on_acceptance(*learned, thresholds, random)
    judged, judged_scored = half(offers, scored, ~first)
    shown = depth_of_kind(judged, judged_scored) < SHOWN
    print("| kind | offers | accepted | relevance before | ECE before | relevance after | ECE after |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for place, kind in enumerate(KINDS):
        rows = (judged_scored.kind == place) & shown
        if not rows.any():
            continue
        before = judged_scored.relevance[rows].astype(np.float64)
        after = made.calibration.apply(judged_scored.score[rows], judged_scored.kind[rows]).astype(np.float64)
        accepted = judged.accepted[rows]
        told = [accepted.mean(), before.mean(), distance(before, accepted), after.mean(), distance(after, accepted)]
        print(f"| {kind} | {rows.sum():,} | {' | '.join(f'{figure:.4f}' for figure in told)} |")
    for kind, chosen in made.thresholds.items():
        print(f"{kind}: threshold {chosen.threshold}, certified {chosen.certified}, {chosen.offers} offers")


def half(offers: LoggedOffers, scored: Scored, requests: np.ndarray) -> tuple[LoggedOffers, Scored]:
    """The offers of some requests, (n_requests,) bool."""
    rows = requests[offers.request]
    kept = Scored(scored.score[rows], scored.relevance[rows], scored.kind[rows])
    return offers.take_requests(np.flatnonzero(requests)), kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("bundle")
    parser.add_argument("offers")
    parser.add_argument("--wanted", type=float, default=0.02, help="least share accepted of what is shown, any kind")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    compare(arguments.bundle, arguments.offers, arguments.wanted, arguments.seed)
