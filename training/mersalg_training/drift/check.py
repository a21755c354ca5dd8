"""Whether a bundle still keeps its word on what happened since it was made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from mersalg.bundle import read_bundle
from mersalg.recommender import Recommender
from mersalg_training.drift.comparison import compare_features, compare_kinds, compare_relevance
from mersalg_training.drift.evidence import Evidence, gather_evidence
from mersalg_training.drift.new_purchases import NewerDataRequest
from mersalg_training.drift.reference import Labels, Reference, read_reference
from mersalg_training.drift.result import Check
from mersalg_training.drift.rules import decide
from mersalg_training.drift.scorer import known_products
from mersalg_training.drift.shift import Unknown, request_features, unknown_share
from mersalg_training.progress import Stages


def check_bundle(recommender: Recommender, asked: NewerDataRequest, offers: str | None, stages: Stages) -> Check:
    """Compare a bundle with what happened since; offers: a table of logged offers, whose outcomes then count."""
    evidence = gather_evidence(recommender, asked, offers, stages)
    manifest, newer, outcomes = recommender.manifest, evidence.newer, evidence.outcomes
    reference = read_reference(manifest)
    notes = [*evidence.notes, *reference_notes(reference, evidence.labels)]
    comparable = reference if reference is not None and reference.labels == evidence.labels else None
    kinds = compare_kinds(manifest, outcomes, comparable)
    features = request_features(newer.timeline, evidence.cases, *newer.days)
    unknown = unknown_products(recommender, evidence)
    unknown_then = None if reference is None else reference.unknown
    decision, findings = decide(kinds, unknown, unknown_then)
    return Check(
        bundle=str(manifest["name"]),
        manifest_sha256=manifest_digest(recommender.folder),
        labels=evidence.labels,
        since=newer.since,
        until=newer.until,
        requests=evidence.requests,
        customers=len(np.unique(outcomes.unit)),
        decision=decision,
        findings=findings,
        kinds=kinds,
        unknown=unknown,
        unknown_then=unknown_then,
        shifts=[*compare_features(features, reference), *compare_relevance(outcomes, comparable)],
        notes=notes,
    )


def reference_notes(reference: Reference | None, labels: Labels) -> list[str]:
    """What cannot be compared, and why."""
    if reference is None:
        return ["the bundle was made without a reference: its ranking then and the shift of features are not known"]
    if reference.labels != labels:
        return [
            f"the bundle was calibrated on what was {reference.labels}: its ranking and reliability then are not "
            f"compared with what was {labels}"
        ]
    return []


def unknown_products(recommender: Recommender, evidence: Evidence) -> Unknown:
    """The part of the window that is of products which the bundle's scorer does not know."""
    scorer = read_bundle(recommender.folder).scorer
    known = known_products(scorer, str(recommender.folder / "scorer.onnx"))
    newer = evidence.newer
    is_known = np.array([product_id in known for product_id in newer.timeline.product_ids], dtype=np.bool_)
    return unknown_share(newer.timeline, newer.attributes, is_known, *newer.days)


def manifest_digest(folder: Path) -> str:
    """The SHA-256 of a bundle's manifest, which holds that of every other file: the name of just this bundle."""
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
