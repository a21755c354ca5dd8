"""A bundle with newer calibration, thresholds and certificate: a new version, whose order of offers is its parent's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from mersalg import __version__
from mersalg.bundle import Bundle, read_bundle, read_file
from mersalg.errors import BundleError, DataError
from mersalg.names import KINDS, Kind
from mersalg.recommender import Recommender, load
from mersalg.session import Session
from mersalg_training.calibration.fit import Calibrated, calibrate
from mersalg_training.drift.accepted import calibrate_accepted
from mersalg_training.drift.check import manifest_digest, unknown_products
from mersalg_training.drift.evidence import Evidence, gather_evidence
from mersalg_training.drift.new_purchases import NewerDataRequest
from mersalg_training.drift.reference import make_reference
from mersalg_training.drift.scorer import REPLACED, recalibrated_scorer
from mersalg_training.evaluation.bundle_method import THREADS
from mersalg_training.evaluation.file import carried_evaluation
from mersalg_training.export.card import render_card
from mersalg_training.export.manifest import certificates, kind_entry
from mersalg_training.export.writer import BundleWriter
from mersalg_training.json_values import as_json
from mersalg_training.progress import Stages

MIN_OFFERS: Final = 200
"""Fewer offers, over all kinds, calibrate nothing."""
OF_THRESHOLDS: Final = ("test/shown", "test/kept")
"""Metrics whose names begin so were measured at the parent's thresholds."""


@dataclass(frozen=True)
class Recalibrated:
    """What was written, and what it was made from."""

    bundle: Path
    manifest: Mapping[str, Any]
    parent: Mapping[str, Any]
    """The parent's manifest."""
    evidence: Evidence
    calibrated: Calibrated


def recalibrate(
    recommender: Recommender,
    writer: BundleWriter,
    asked: NewerDataRequest,
    offers: str | None,
    run_id: str | None,
    stages: Stages,
) -> Recalibrated:
    """Fit calibration and thresholds on one half of the newer customers, certify on the other, write a new bundle.

    Put in place whole or not at all. BundleError where that is the parent's place, or where anything but calibration
    and thresholds would change; DataError where the newer data are too few.
    """
    folder, out = recommender.folder, writer.out
    if out.resolve() == folder.resolve():
        raise BundleError(f"--out {out}: expected another folder than the parent's, which is the way back; choose one")
    parent = read_bundle(folder)
    evidence = gather_evidence(recommender, asked, offers, stages)
    if len(evidence.outcomes) < MIN_OFFERS:
        raise DataError(
            f"recalibrate: expected at least {MIN_OFFERS} offers of known outcome, got {len(evidence.outcomes)};"
            " give a longer window (--since, --until)"
        )
    with stages.stage("Calibrating and certifying"):
        random = np.random.default_rng([asked.config.seed, 3])
        if evidence.logged is None:
            calibrated = calibrate(evidence.outcomes, asked.config.thresholds, random)
        else:
            calibrated, notes = calibrate_accepted(*evidence.logged, asked.config.thresholds, random)
            evidence.notes.extend(notes)
    thresholds = {kind: chosen.threshold for kind, chosen in calibrated.thresholds.items()}
    scorer = recalibrated_scorer(parent.scorer, calibrated.calibration, thresholds, str(folder / "scorer.onnx"))
    manifest = renewed_manifest(parent, recommender, asked, evidence, calibrated, run_id)
    with stages.stage("Writing the bundle"):
        write_files(writer, parent, recommender, manifest, scorer)
    with stages.stage("Loading the bundle as a shop does"):
        load(writer.folder)
    writer.put_in_place()
    return Recalibrated(out, manifest, parent.manifest, evidence, calibrated)


def write_files(
    writer: BundleWriter, parent: Bundle, recommender: Recommender, manifest: dict[str, Any], scorer: bytes
) -> None:
    """Every file of the parent, its evaluation too, with what a newer calibration changes made anew."""
    made_anew = ("scorer.onnx", "golden.json", "CARD.md")
    for name in parent.manifest["files"]:
        if name not in made_anew:
            writer.add(name, read_file(parent.folder, parent.manifest, name))
    writer.add("scorer.onnx", scorer)
    renewed = Recommender(Bundle(writer.folder, manifest, scorer, []), Session(scorer, "scorer.onnx"), threads=THREADS)
    requests = [request for request, _ in parent.golden]
    check_order(recommender, renewed, requests)
    answers = [[offer.to_dict() for offer in offers] for offers in renewed.score(requests)]
    writer.add("golden.json", as_json({"requests": requests, "answers": answers}))
    carried = carried_evaluation(parent.folder, parent.manifest)
    results = [] if carried is None else carried.evaluation.rows
    writer.add("CARD.md", render_card(manifest, results, parent.manifest).encode("utf-8"))
    writer.add_manifest(manifest)


def check_order(parent: Recommender, renewed: Recommender, requests: list[dict[str, Any]]) -> None:
    """BundleError unless both rank the golden requests alike, thresholds off: products, kinds and scores are equal."""
    by_relevance = [{**request, "order": "relevance", "limit": 100} for request in requests]
    before, after = parent.score(by_relevance, threshold=False), renewed.score(by_relevance, threshold=False)
    for request, old, new in zip(requests, before, after, strict=True):
        if [(o.product_id, o.kind, o.score) for o in old] != [(o.product_id, o.kind, o.score) for o in new]:
            raise BundleError(f"{request['request_id']}: the newer calibration changes the order; not written")


def renewed_manifest(
    parent: Bundle,
    recommender: Recommender,
    asked: NewerDataRequest,
    evidence: Evidence,
    calibrated: Calibrated,
    run_id: str | None,
) -> dict[str, Any]:
    """The parent's manifest with what is new, and where it comes from."""
    newer, old = evidence.newer, parent.manifest
    first, end = newer.since.isoformat(), newer.until.isoformat()
    reference = make_reference(
        evidence.labels,
        first,
        end,
        newer.timeline,
        evidence.cases,
        newer.days,
        unknown_products(recommender, evidence),
        calibrated.certifying,
    )
    thresholds = calibrated.thresholds
    certified_on = replace(asked.windows, calibrate_from=newer.since, test_from=newer.until)
    return {
        **{key: value for key, value in old.items() if key != "files"},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "mersalg_version": __version__,
        "run_id": run_id,
        "kinds": {
            kind: {**old["kinds"][kind], **kind_entry(thresholds[kind], asked.config.thresholds)} for kind in KINDS
        },
        "certificates": certificates(certified_on, thresholds),
        "metrics": {name: value for name, value in old["metrics"].items() if not name.startswith(OF_THRESHOLDS)},
        "config": {**old["config"], "thresholds": asked.config.thresholds.model_dump(mode="json")},
        "reference": reference.to_json(),
        "lineage": {
            "made_by": "recalibrate",
            "parent": parent_entry(parent),
            "from": first,
            "to": end,
            "labels": evidence.labels,
            "requests": evidence.requests,
            "offers": len(evidence.outcomes),
            "customers": len(np.unique(evidence.outcomes.unit)),
            "data_digest": newer.report.digest,
            "changed": list(REPLACED),
        },
    }


def parent_entry(parent: Bundle) -> dict[str, Any]:
    """What a lineage says of the bundle that another one was made from.

    Of one that was updated not where it comes from in turn: a manifest would grow by the day.
    """
    old = parent.manifest
    lineage = old.get("lineage")
    return {
        "name": old["name"],
        "manifest_sha256": manifest_digest(parent.folder),
        "scorer_sha256": old["files"]["scorer.onnx"]["sha256"],
        "created_at": old["created_at"],
        "run_id": old["run_id"],
        "lineage": None if lineage is not None and lineage["made_by"] == "update" else lineage,
    }


def changes(made: Recalibrated) -> list[tuple[Kind, float | None, float | None, bool, bool]]:
    """Of each kind its threshold before and now, and whether it was and is certified."""
    before, now = made.parent["kinds"], made.manifest["kinds"]
    was = {certificate["kind"] for certificate in made.parent["certificates"]}
    has = {certificate["kind"] for certificate in made.manifest["certificates"]}
    return [(k, before[k]["threshold"], now[k]["threshold"], k in was, k in has) for k in KINDS]
