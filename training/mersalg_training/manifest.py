"""The manifest of a bundle, as models/README.md specifies it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mersalg import __version__
from mersalg.manifest import FORMAT, FORMAT_VERSION
from mersalg.names import Kind
from mersalg_training.contract_report import ContractReport
from mersalg_training.split import Windows
from mersalg_training.thresholds import Threshold

if TYPE_CHECKING:
    from mersalg_training.learn import Learned


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
        "vocabulary": {
            "products": tables.n_items,
            "product_types": tables.n_types,
            "categories": tables.n_categories,
            "brands": tables.n_brands,
        },
        "value": tables.vocabulary.value_kind,
        "features": learned.fitted.feature_names,
        "kinds": {
            kind: {
                "threshold": chosen.threshold,
                "precision_wanted": chosen.wanted,
                "precision_reachable": chosen.reachable,
                "certified": chosen.certified,
            }
            for kind, chosen in thresholds.items()
        },
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
        },
        "windows": windows.to_json(),
        "config": learned.fitted.config.model_dump(mode="json"),
    }


def certificates(windows: Windows, thresholds: Mapping[Kind, Threshold]) -> list[dict[str, Any]]:
    """What is promised of each kind that is certified, and on what it was measured."""
    return [
        {
            "kind": kind,
            "threshold": chosen.threshold,
            "precision": chosen.wanted,
            "confidence": chosen.confidence,
            "n": chosen.offers,
            "from": windows.calibrate_from.isoformat(),
            "to": windows.test_from.isoformat(),
            "realised": chosen.precision,
        }
        for kind, chosen in thresholds.items()
        if chosen.certified
    ]
