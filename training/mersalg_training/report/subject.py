"""What a report is about: a verified bundle, its answers to its golden requests, and what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mersalg.bundle import Bundle, read_card, read_names
from mersalg.offers import Offers
from mersalg.recommender import Recommender, check_golden
from mersalg.registry.opening import open_bundle
from mersalg.session import Session
from mersalg_training.drift.reference import Reference, read_reference
from mersalg_training.evaluation.file import read_evaluation
from mersalg_training.evaluation.result import Evaluation
from mersalg_training.report.manifest_schema import check_told
from mersalg_training.report.of_bundle import own_evaluation

Source = Literal["evaluation", "bundle"]


@dataclass(frozen=True)
class Asked:
    """A golden request and what the bundle answers here."""

    request: Mapping[str, Any]
    offers: Offers


@dataclass(frozen=True)
class Subject:
    """A bundle and what was measured of it."""

    manifest: Mapping[str, Any]
    names: Mapping[str, str]
    asked: Sequence[Asked]
    reference: Reference | None
    """Reliability when it was certified; None where the bundle was made without it."""
    evaluation: Evaluation
    source: Source
    """Where the evaluation comes from: measured by itself, with paired differences, or what the bundle says."""

    @property
    def name(self) -> str:
        """The bundle's name."""
        return str(self.manifest["name"])

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Kind -> the least relevance that is shown; None = silent."""
        return {kind: rule["threshold"] for kind, rule in self.manifest["kinds"].items()}

    def certificate(self, kind: str) -> Mapping[str, Any] | None:
        """What is certified of a kind; None = nothing."""
        return next((found for found in self.manifest["certificates"] if found["kind"] == kind), None)

    def product(self, product_id: str) -> str:
        """A product's name, or its id where it has none."""
        return self.names.get(product_id, product_id)


def read_subject(path: str | Path, evaluation: Path | None = None) -> Subject:
    """A bundle's folder, verified, asked its golden requests, with an evaluation that has to be of it.

    BundleError when the bundle is not whole; MersalgError when the evaluation is of another one, or none.
    """
    bundle = open_bundle(path)
    return make_subject(bundle, None if evaluation is None else read_evaluation(evaluation, bundle.manifest))


def make_subject(bundle: Bundle, measured: Evaluation | None) -> Subject:
    """A bundle and an evaluation of it; None = what the bundle itself says was measured."""
    check_told(bundle.manifest, str(bundle.folder / "manifest.json"))
    recommender = Recommender(bundle, Session(bundle.scorer, str(bundle.folder / "scorer.onnx")))
    check_golden(recommender, bundle)
    requests = [request for request, _ in bundle.golden]
    answers = recommender.score(requests)
    told = own_evaluation(bundle.manifest, read_card(bundle.folder, bundle.manifest)) if measured is None else measured
    return Subject(
        manifest=bundle.manifest,
        names=read_names(bundle.folder, bundle.manifest),
        asked=[Asked(request, offers) for request, offers in zip(requests, answers, strict=True)],
        reference=read_reference(bundle.manifest),
        evaluation=told,
        source="bundle" if measured is None else "evaluation",
    )
