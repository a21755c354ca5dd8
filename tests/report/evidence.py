"""The toy bundle with all that training writes of a bundle, an evaluation whose figures are evident, and a check."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mersalg_training.drift.comparison import Certificate, KindNow
from mersalg_training.drift.result import Check
from mersalg_training.drift.rules import BrokenRule
from mersalg_training.drift.shift import Histogram, Shift, Unknown
from mersalg_training.evaluation.clustered_intervals import Figure, Group
from mersalg_training.evaluation.coverage_at_precision import CoverageAtPrecision
from mersalg_training.evaluation.empty_answers import EmptyAnswers
from mersalg_training.evaluation.file import NAME, evaluation_document
from mersalg_training.evaluation.metrics import NDCG, RECALL, Estimate
from mersalg_training.evaluation.order_by_value import REVENUE, SalesByOrder
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision
from mersalg_training.evaluation.reliability import ALL, Bin, Reliability
from mersalg_training.evaluation.result import ORACLE, Difference, EvaluationResult, Row
from mersalg_training.export.card import render_card
from mersalg_training.tables.patterns import LadderStep, Patterns, ProductPair, RepurchaseRhythm
from toy_bundle import KINDS, THRESHOLDS, make_manifest, rewrite, write_bundle, write_manifest


def estimate(value: float, half: float = 0.02, n: int = 400) -> Estimate:
    return Estimate(value, value - half, value + half, n)


ROWS = [
    Row("completion, explore", "mersalg", NDCG, estimate(0.31)),
    Row("completion, explore", "mersalg", RECALL, estimate(0.41)),
    Row("completion, explore", "popularity", NDCG, estimate(0.11)),
    Row("completion, explore", "popularity", RECALL, estimate(0.13)),
    Row("completion, explore", "two-stage", NDCG, estimate(0.33)),
    Row("next basket, repeat", "mersalg", NDCG, estimate(0.52)),
    Row("next basket, repeat", "popularity", NDCG, estimate(0.51)),
]
EVALUATION = EvaluationResult(
    rows=ROWS,
    differences=[
        Difference("completion, explore", "popularity", NDCG, Estimate(0.2, 0.15, 0.25, 400)),
        Difference("completion, explore", "two-stage", NDCG, Estimate(-0.02, -0.03, -0.01, 400)),
        Difference("next basket, repeat", "popularity", NDCG, Estimate(0.01, -0.01, 0.03, 400)),
    ],
    shown=[
        ShownPrecision(EVERY, EVERY, 400, 300, 90, estimate(0.3), estimate(0.6)),
        ShownPrecision("cart", "cross-sell", 200, 0, 0, None, Estimate(0.0, 0.0, 0.0, 200)),
    ],
    without_requests=["upsell, catalogue"],
    ceilings=[Row("completion, explore", ORACLE, NDCG, estimate(0.77))],
    sold=[
        SalesByOrder("relevance", 400, 300, 90, estimate(0.3), {REVENUE: estimate(1.5)}, {}),
        SalesByOrder("value", 400, 300, 80, estimate(0.26), {REVENUE: estimate(1.9)}, {REVENUE: estimate(0.4)}),
    ],
    skipped={"BPR": "no customer is known"},
    kept=[
        Reliability("cross-sell", ALL, 512, 0.27, Estimate(0.253, 0.225, 0.281, 400), 0.017, 0.012, [
            Bin(0.21, Estimate(0.2, 0.15, 0.25, 400), 256), Bin(0.33, Estimate(0.306, 0.25, 0.36, 400), 256)]),
        Reliability("upsell", ALL, 64, 0.14, Estimate(0.03, 0.0, 0.06, 400), 0.11, 0.04),
    ],
    restraint=[
        CoverageAtPrecision("completion, all", "mersalg", 0.1, estimate(0.71), None),
        CoverageAtPrecision("completion, all", "popularity", 0.1, None, None),
    ],
    empty=[EmptyAnswers("cart", "below threshold", 37, 200)],
)  # fmt: skip
WEAKEST = {
    "offers": 90, "customers": 71, "promised": 0.21, "realised": 0.181, "at_least": 0.1429, "at_most": 0.2321,
}  # fmt: skip
PATTERNS = Patterns(
    min_customers=5,
    types={"bread": "bakery", "wine": "drinks"},
    pairs=[
        ProductPair(anchor="milk", product="bread", lift=6.24, orders=40, customers=31),
        ProductPair(anchor="bread", product="milk", lift=6.2, orders=40, customers=31),
        ProductPair(anchor="milk", product="bag", lift=25.0, orders=9, customers=8),
    ],
    add_ons=[ProductPair(anchor="milk", product="bag", lift=25.0, orders=9, customers=8)],
    ladders=[LadderStep(anchor="bread", product="wine", price_ratio=3.0, switches=7, customers=6)],
    rhythms=[RepurchaseRhythm(product="milk", interval_days=7.0, intervals=400)],
    unusual=[],
)
STATISTICS = {"known_share": 0.83, "basket_median": 4.0, "order_gap_days": None}


def full_manifest() -> dict[str, Any]:
    """What the toy bundle's manifest says, and what training adds to it."""
    manifest = make_manifest({})
    for kind in KINDS:
        silent = THRESHOLDS[kind] is None
        manifest["kinds"][kind] |= {
            "target": {"precision": 0.1},
            "silent_because": "no threshold keeps 10.0%; at best 4.2% is bought" if silent else None,
            "precision_reachable": 0.042 if silent else 0.61,
            "realised": None if silent else 0.234,
            "coverage": 0.345,
            "weakest_tenth": None if silent else WEAKEST,
            "tradeoffs": [
                tradeoff(0.05, 900, 0.12, 0.8),
                *([] if silent else [tradeoff(float(THRESHOLDS[kind] or 0.0), 400, 0.234, 0.345)]),
                tradeoff(0.9, 0, None, 0.0),
            ],
        }
    manifest["certificates"].append(
        {"kind": "upsell", "threshold": 0.1, "precision": 0.1, "confidence": 0.9, "n": 341, "customers": 256,
         "from": "2017-05-01T00:00:00", "to": "2017-05-15T00:00:00", "realised": 0.141}
    )  # fmt: skip
    manifest["data"] |= {
        "rejected": {"duplicate": 250},
        "statistics": STATISTICS,
        "adapted": [{"setting": "label.horizon_days", "value": "28", "usual": "14", "because": "a visit a month"}],
    }
    manifest["candidate_recall"] = {"own products": 0.19, "all together": 0.47}
    manifest["importance"] = {"own": {"pieces_owned": 1.0}, "new": {"pieces_owned": 1.0}}
    return manifest


def tradeoff(threshold: float, offers: int, precision: float | None, coverage: float) -> dict[str, Any]:
    return {
        "threshold": threshold, "offers": offers, "customers": offers, "precision": precision, "coverage": coverage,
        "recall": 0.5, "worth": 0.75,
    }  # fmt: skip


def write_full_bundle(folder: Path, evaluation: EvaluationResult | None = EVALUATION, **changes: Any) -> Path:
    """The toy bundle with an evaluation, its card and its metrics; `changes` replace keys of the manifest."""
    write_bundle(folder)
    manifest = full_manifest() | changes
    if evaluation is not None:
        manifest["metrics"] = evaluation.metrics()
        manifest["files"] = json.loads((folder / "manifest.json").read_text())["files"]
        rewrite(folder, NAME, json.dumps(evaluation_document(manifest, evaluation)).encode())
    rewrite(folder, "CARD.md", render_card(manifest, evaluation.rows if evaluation else []).encode())
    written = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, manifest | {"files": written["files"]})
    return folder


def with_patterns(folder: Path) -> Path:
    """The bundle, which holds patterns from now on."""
    rewrite(folder, "patterns.json", PATTERNS.model_dump_json().encode())
    return folder


def write_evaluation(path: Path, bundle: Path, evaluation: EvaluationResult = EVALUATION) -> Path:
    """The file of an evaluation of a bundle."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    path.write_text(json.dumps(evaluation_document(manifest, evaluation)))
    return path


def histogram(*counts: int) -> Histogram:
    return Histogram(np.array([1.0, 2.5]), np.array(counts, dtype=np.int64))


CROSS_SELL = KindNow(
    kind="cross-sell", threshold=0.2, certificate=Certificate(0.22, 0.9), offers=512, promised=0.27,
    precision=Figure(0.15, 0.02, 512), over_promised=Figure(0.56, 0.05, 512), calibration_error=(0.12, 0.01),
    area=Figure(0.61, 0.02, 512), area_then=Figure(0.8, 0.02, 512), reliability=[Group(0.2, 0.1, 0.01, 256)],
    reliability_then=[Group(0.21, 0.2, 0.02, 400)],
)  # fmt: skip
SILENT = KindNow(
    kind="upsell", threshold=None, certificate=None, offers=0, promised=float("nan"), precision=None,
    over_promised=None, calibration_error=None, area=None, area_then=None, reliability=[], reliability_then=[],
)  # fmt: skip
CHECK = Check(
    bundle="toy", manifest_sha256="0" * 64, labels="bought", since=datetime(2017, 6, 1), until=datetime(2017, 7, 1),
    requests=1234, customers=567, decision="recalibrate",
    findings=[BrokenRule("certificate", "cross-sell", "recalibrate", "at most 18.0% came")], kinds=[CROSS_SELL, SILENT],
    unknown=Unknown(0.023, None), unknown_then=Unknown(0.01, None),
    shifts=[Shift("price paid", histogram(98, 1, 1), histogram(10, 80, 10)),
            Shift("bought before", histogram(50, 30, 20), histogram(50, 30, 20))],
    notes=["the log holds no cart"],
)  # fmt: skip
