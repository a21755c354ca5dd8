"""The manifest of a bundle, as models/README.md specifies it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mersalg import __version__
from mersalg.bundle.manifest import FORMAT, FORMAT_VERSION
from mersalg.names import Kind
from mersalg_training.calibration.targets import WeakestTenth
from mersalg_training.calibration.thresholds import Threshold
from mersalg_training.config import ThresholdConfig, public
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.split import Windows

if TYPE_CHECKING:
    from mersalg_training.learn import Learned
    from mersalg_training.ranking import FittedTrees
    from mersalg_training.tables.shop_tables import ShopTables


def make_manifest(
    report: ContractReport, windows: Windows, learned: Learned, run_id: str | None, opsets: tuple[int, int]
) -> dict[str, Any]:
    """Everything but the files, which the writer adds, and the metrics, which the evaluation brings."""
    tables, thresholds = learned.tables, learned.calibrated.thresholds
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "name": learned.fitted.config.name,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "mersalg_version": __version__,
        "run_id": run_id,
        "graph": {"opset": opsets[0], "ml_opset": opsets[1], "candidates": tables.places},
        **entries_of_tables(tables),
        "customers_return": tables.rhythm.is_known,
        "features": learned.fitted.feature_names,
        "importance": {
            name: importance(trees, learned.fitted.feature_names)
            for name, trees in learned.fitted.rankers.by_name().items()
        },
        "candidate_recall": learned.fitted.recall,
        "kinds": {kind: kind_entry(chosen, learned.fitted.config.thresholds) for kind, chosen in thresholds.items()},
        "certificates": certificates(windows, thresholds),
        "metrics": {},
        "data": {
            "digest": report.digest,
            "lines": report.lines_kept,
            "orders": report.orders,
            "customers": report.customers,
            "products": report.products,
            "from": report.first.date().isoformat(),
            "to": report.last.date().isoformat(),
            "rejected": report.rejected,
            "switched_off": report.switched_off,
            "statistics": learned.fitted.statistics.to_json(),
            "adapted": [adaptation.to_json() for adaptation in learned.fitted.adapted],
            **({"pinned": report.pinned} if report.pinned else {}),
        },
        "windows": windows.to_json(),
        "config": public(learned.fitted.config),
    }


def entries_of_tables(tables: ShopTables) -> dict[str, Any]:
    """What the manifest says of the tables that the graph holds."""
    return {
        "vocabulary": {
            "products": tables.n_items,
            "product_types": tables.n_types,
            "categories": tables.n_categories,
            "brands": tables.n_brands,
        },
        "privacy": {
            "min_customers": tables.config.privacy.min_customers,
            "left_out": asdict(tables.counts.left_out),
        },
        "value": tables.vocabulary.value_kind,
    }


def importance(trees: FittedTrees, feature_names: list[str]) -> dict[str, float]:
    """Feature -> its share of all that a ranker gained by its splits."""
    shares = (trees.gain / max(float(trees.gain.sum()), 1e-12)).tolist()
    return dict(zip(feature_names, shares, strict=True))


def kind_entry(chosen: Threshold, config: ThresholdConfig) -> dict[str, Any]:
    """What is wanted of a kind, the threshold that came of it and what it costs; null for what could not be measured.

    coverage, recall, worth, trade-offs and the weakest tenth are measured on the certifying half of the customers.
    """
    shown = chosen.shown
    return {
        "threshold": chosen.threshold,
        "target": config.target(chosen.kind).model_dump(exclude_none=True),
        "precision_wanted": chosen.wanted,
        "precision_reachable": chosen.reachable,
        "coverage_reachable": chosen.best.coverage,
        "certified": chosen.certified,
        "silent_because": chosen.silent_because,
        "realised": finite(shown.precision),
        "coverage": shown.coverage,
        "recall": finite(shown.recall),
        "worth": finite(shown.worth),
        "weakest_tenth": weakest_entry(chosen.weakest),
        "tradeoffs": [{name: finite(value) for name, value in asdict(row).items()} for row in chosen.tradeoffs],
    }


def weakest_entry(weakest: WeakestTenth | None) -> dict[str, Any] | None:
    """What came of the least relevant of the offers that are shown; null where too few tell."""
    return None if weakest is None else asdict(weakest)


def finite(value: float) -> float | None:
    """A number that JSON knows; null for NaN."""
    return value if math.isfinite(value) else None


def certificates(windows: Windows, thresholds: Mapping[Kind, Threshold]) -> list[dict[str, Any]]:
    """What is promised of each kind that is certified, and on what it was measured."""
    return [
        {
            "kind": kind,
            "threshold": chosen.threshold,
            "precision": chosen.promised,
            "confidence": chosen.confidence,
            "n": chosen.offers,
            "customers": chosen.shown.customers,
            "from": windows.calibrate_from.isoformat(),
            "to": windows.test_from.isoformat(),
            "realised": chosen.precision,
            "weakest_tenth": weakest_entry(chosen.weakest),
        }
        for kind, chosen in thresholds.items()
        if chosen.certified
    ]
