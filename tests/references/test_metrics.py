"""Claims: the metrics of ranked lists are those of ranx, and those that ranx does not have are their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mersalg_training.data.timeline import Int64
from mersalg_training.evaluation.beyond_best_sellers import PS_NDCG, PS_RECALL, hit_weights, propensity_scored
from mersalg_training.evaluation.metrics import HIT_RATE, NDCG, PRECISION, RECALL, K, candidate_recall, request_metrics
from mersalg_training.ranking.cases import Ragged, ragged
from references.environment import References

pytestmark = pytest.mark.long

NAMES = {NDCG: f"ndcg@{K}", RECALL: f"recall@{K}", HIT_RATE: f"hit_rate@{K}", PRECISION: f"precision@{K}"}
DEPTHS = (50, 100, 200)


def drawn(n: int = 400, products: int = 300) -> tuple[list[Int64], Ragged]:
    """Lists of 1 to 250 products, some shorter than K, and 1 to 25 targets, some more than K."""
    random = np.random.default_rng(9)
    ranked, targets = [], []
    for _ in range(n):
        ranked.append(random.choice(products, int(random.choice([1, 4, 10, 30, 250])), replace=False).astype(np.int64))
        targets.append(np.sort(random.choice(products, int(random.integers(1, 26)), replace=False)).astype(np.int64))
    return ranked, ragged(targets)


def table(rows: list[Int64]) -> Int64:
    result = np.full((len(rows), max(len(row) for row in rows)), -1)
    for place, row in enumerate(rows):
        result[place, : len(row)] = row
    return result


def test_metrics_are_those_of_ranx_request_by_request(references: References) -> None:
    """To 1e-12: NDCG, recall, hit rate and precision of the first 10, and the candidates' recall."""
    ranked, target = drawn()
    depths = [f"recall@{depth}" for depth in DEPTHS]
    targets = table([target[row] for row in range(len(target))])
    found = references.ask("lists", lists=table(ranked), targets=targets, names=[*NAMES.values(), *depths])
    ours = request_metrics(ranked, target, {})
    for name, theirs in NAMES.items():
        assert ours[name] == pytest.approx(found[theirs], abs=1e-12), name
        assert 0.0 < ours[name].mean() < 1.0
    recall = candidate_recall(ranked, target)
    for depth in DEPTHS:
        assert recall[f"candidate recall@{depth}"] == pytest.approx(found[f"recall@{depth}"], abs=1e-12)


def test_propensity_scored_metrics_are_those_of_their_paper_by_definition() -> None:
    """To 1e-12: Jain, Prabhu and Varma 2016, equation 6 of the propensity, divided by the best list's."""
    ranked, target = drawn()
    random = np.random.default_rng(2)
    holding, orders = random.integers(0, 900, 300), 5000
    propensity = [1 / (1 + (math.log(orders) - 1) * 2.5**0.55 * math.exp(-0.55 * math.log(n + 1.5))) for n in holding]
    found = propensity_scored(ranked, target, hit_weights(holding, orders))
    for row, products in enumerate(ranked):
        wanted = set(target[row].tolist())
        gained = [(1 / propensity[p], place) for place, p in enumerate(products[:K].tolist()) if p in wanted]
        heaviest = sorted((1 / propensity[p] for p in wanted), reverse=True)
        best = sum(weight / math.log2(place + 2) for place, weight in enumerate(heaviest[:K]))
        assert found[PS_NDCG][row] == pytest.approx(sum(w / math.log2(p + 2) for w, p in gained) / best, abs=1e-12)
        assert found[PS_RECALL][row] == pytest.approx(sum(w for w, _ in gained) / sum(heaviest), abs=1e-12)
