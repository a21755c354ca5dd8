"""Writes the bundle of an update: trees of the parent, tables and calibration of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mersalg import __version__
from mersalg.bundle import Bundle
from mersalg.errors import BundleError
from mersalg.names import KINDS
from mersalg.recommender import Recommender, load
from mersalg.session import Session
from mersalg_training.config import ThresholdConfig, public
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.split import Windows
from mersalg_training.drift.recalibrate import parent_entry
from mersalg_training.drift.reference import read_reference, recalibrated_reference
from mersalg_training.drift.scorer import REPLACED
from mersalg_training.evaluation.bundle_method import THREADS
from mersalg_training.export.card import render_card
from mersalg_training.export.golden import golden
from mersalg_training.export.manifest import certificates, entries_of_tables, kind_entry
from mersalg_training.export.patterns import NAME as PATTERNS
from mersalg_training.export.writer import BundleWriter
from mersalg_training.graph.decide import DecisionTables, decision_of
from mersalg_training.graph.scorer import featurise_model, scorer_model
from mersalg_training.json_values import as_json
from mersalg_training.progress import Stages
from mersalg_training.tables.patterns import patterns_of
from mersalg_training.tables.shop_tables import ShopTables
from mersalg_training.update.orders import Added
from mersalg_training.update.rankers import KeptRankers, decision_of_scorer
from mersalg_training.update.rolling import Rolled
from mersalg_training.update.state import AGAIN


@dataclass(frozen=True)
class Lineage:
    """Where an updated bundle comes from."""

    parent: Bundle
    windows: Windows
    data: Mapping[str, Any]
    """The manifest's key `data`."""
    added: Added
    recounted: str | None
    rolled: Rolled
    updates: int
    """Since it was trained."""
    run_id: str | None


def write_updated(
    writer: BundleWriter,
    made: Lineage,
    state_sha256: str | None,
    tables: ShopTables,
    kept: KeptRankers,
    ids: Sequence[str],
    attributes: Attributes,
    stages: Stages,
) -> dict[str, Any]:
    """Write every file of the bundle, and load it as a shop does. ids: of the products, by code.

    BundleError where trees and features are of two versions.
    """
    random, code = np.random.default_rng(tables.config.seed), tables.vocabulary.code.tolist()
    product_ids = [ids[c] for c in code]
    with stages.stage("Building the scorer"):
        check_features(tables, kept, made.parent)
        decision = decision_of_update(made, kept)
        scorer = scorer_model(tables, kept.first_weights, decision, product_ids).SerializeToString()
        writer.add("scorer.onnx", scorer)
        writer.add("products.json", as_json({ids[c]: attributes.names[c] for c in code}))
        writer.add(PATTERNS, as_json(patterns_of(tables, attributes, product_ids).model_dump()))
        manifest = updated_manifest(made, state_sha256, tables)
        manifest["files"] = writer.files
        recommender = Recommender(
            Bundle(writer.folder, manifest, scorer, []), Session(scorer, "scorer.onnx"), threads=THREADS
        )
        writer.add("golden.json", as_json(golden(recommender, tables, product_ids, random)))
        writer.add("CARD.md", render_card(manifest, [], made.parent.manifest).encode("utf-8"))
        writer.add_manifest(manifest)
    with stages.stage("Loading the bundle as a shop does"):
        load(writer.folder)
    return manifest


def decision_of_update(made: Lineage, kept: KeptRankers) -> DecisionTables:
    """The trees, with the calibration and the thresholds of now; the parent's where those stay."""
    calibrated = made.rolled.calibrated
    if calibrated is None:
        return decision_of_scorer(kept.trees, made.parent.scorer, str(made.parent.folder / "scorer.onnx"))
    thresholds = {kind: chosen.threshold for kind, chosen in calibrated.thresholds.items()}
    return decision_of(kept.trees, calibrated.calibration, thresholds)


def check_features(tables: ShopTables, kept: KeptRankers, parent: Bundle) -> None:
    """BundleError where this version of mersalg gives the trees other features than they were fitted on."""
    if parent.manifest["mersalg_version"] == __version__:
        return
    _, names = featurise_model(tables, kept.first_weights)
    if names != parent.manifest["features"]:
        raise BundleError(
            f"{parent.folder}: its trees were fitted on other features than mersalg {__version__} gives; {AGAIN}"
        )


def updated_manifest(made: Lineage, state_sha256: str | None, tables: ShopTables) -> dict[str, Any]:
    """The parent's manifest with what is new, and where it comes from. What was measured on the parent goes."""
    old = made.parent.manifest
    return {
        **{key: value for key, value in old.items() if key != "files"},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "mersalg_version": __version__,
        "run_id": made.run_id,
        "graph": {**old["graph"], "candidates": tables.places},
        **entries_of_tables(tables),
        **entries_of_calibration(made, tables.config.thresholds),
        "metrics": {},
        "data": dict(made.data),
        "windows": made.windows.to_json(),
        "config": public(tables.config),
        "state": {"sha256": state_sha256},
        "lineage": {
            "made_by": "update",
            "parent": parent_entry(made.parent),
            "from": made.added.since,
            "to": made.windows.to.isoformat(),
            "updates": made.updates,
            "added": asdict(made.added),
            "recounted": made.recounted,
            "calibration": made.rolled.to_json(),
            "data_digest": made.data["digest"],
            "changed": ["tables", "products", "patterns", *([] if made.rolled.calibrated is None else REPLACED)],
        },
    }


def entries_of_calibration(made: Lineage, config: ThresholdConfig) -> dict[str, Any]:
    """What the manifest says of calibration, thresholds and certificates; nothing where the parent's stay."""
    rolled, old = made.rolled, made.parent.manifest
    if rolled.calibrated is None:
        return {}
    thresholds, reference = rolled.calibrated.thresholds, read_reference(old)
    certified_on = replace(made.windows, calibrate_from=rolled.first, test_from=rolled.end)
    entries = {
        "kinds": {kind: {**old["kinds"][kind], **kind_entry(thresholds[kind], config)} for kind in KINDS},
        "certificates": certificates(certified_on, thresholds),
    }
    if reference is None:
        return entries
    return {**entries, "reference": recalibrated_reference(reference, rolled.calibrated.certifying).to_json()}
