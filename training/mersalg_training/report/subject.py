"""What a report is about: a verified bundle, some of its answers, and what was measured of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mersalg.bundle import Bundle
from mersalg.recommender import Recommender, check_golden
from mersalg.registry.opening import open_bundle
from mersalg.session import Session
from mersalg.table import SavedRequest
from mersalg_training.drift.reference import Reference, read_reference
from mersalg_training.evaluation.file import NAME, Carried, Identity, carried_evaluation, read_evaluation
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.export.patterns import read_patterns
from mersalg_training.report.made_requests import AnsweredRequest, made_requests, telling
from mersalg_training.report.manifest_schema import check_told
from mersalg_training.tables.patterns import Patterns

NOTHING: Final = EvaluationResult([], [], [], [])
MAX_ANSWERS: Final = 6
AGAIN: Final = "`mersalg evaluate NAME --json FILE` measures it, and `mersalg report NAME --evaluation FILE` shows it."


@dataclass(frozen=True)
class Subject:
    """A bundle and what was measured of it."""

    manifest: Mapping[str, Any]
    names: Mapping[str, str]
    answers: Sequence[AnsweredRequest]
    """To show what it offers."""
    reference: Reference | None
    """Reliability when it was certified; None where the bundle was made without it."""
    evaluation: EvaluationResult
    """Empty where nothing was measured."""
    patterns: Patterns | None = None
    """None where the bundle was made without them."""
    saved: bool = False
    """The answers are to saved requests of the shop."""
    parent: Identity | None = None
    """The parent that the evaluation was measured on; None = it was measured on the bundle itself, or there is none."""

    @property
    def name(self) -> str:
        """The bundle's name."""
        return str(self.manifest["name"])

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Kind -> the least relevance that is shown; None = silent."""
        return {kind: rule["threshold"] for kind, rule in self.manifest["kinds"].items()}

    @property
    def unmeasured(self) -> str:
        """What was not measured on a test window, why, and what measures it; empty = nothing is missing."""
        windows = self.manifest["windows"]
        if self.parent is not None:
            return (
                f"Relevance and thresholds are not those of the parent, and were not measured on a test window: {AGAIN}"
            )
        if self.evaluation is not NOTHING:
            return ""
        if windows["test_from"] == windows["to"]:
            return (
                "Nothing was measured, for no test window was held back: "
                "`mersalg train CONFIG --set split.test_days=28 --out FOLDER` trains a bundle that is."
            )
        return f"Nothing was measured of the bundle, for it holds no {NAME}: {AGAIN}"

    def certificate(self, kind: str) -> Mapping[str, Any] | None:
        """What is certified of a kind; None = nothing."""
        return next((certificate for certificate in self.manifest["certificates"] if certificate["kind"] == kind), None)

    def product(self, product_id: str) -> str:
        """A product's name, or its id where it has none."""
        return self.names.get(product_id, product_id)


def read_subject(path: str | Path, evaluation: Path | None = None, saved: Sequence[SavedRequest] = ()) -> Subject:
    """A bundle's folder, verified and asked for some answers, with an evaluation that has to be of it.

    evaluation: a file to be read in place of the bundle's own. saved: requests to be asked, of which the first few are
    shown; none = the bundle's patterns make them. BundleError when the bundle is not whole; MersalgError
    when the evaluation is of another one, or none.
    """
    bundle = open_bundle(path)
    return make_subject(bundle, None if evaluation is None else read_evaluation(evaluation, bundle.manifest), saved)


def make_subject(bundle: Bundle, measured: EvaluationResult | None, saved: Sequence[SavedRequest] = ()) -> Subject:
    """A bundle, verified and asked, and an evaluation of it; None = the one that it carries."""
    subject = described(bundle, measured)
    recommender = Recommender(bundle, Session(bundle.scorer, str(bundle.folder / "scorer.onnx")))
    check_golden(recommender, bundle)
    answers = answered(recommender, bundle, subject.patterns, saved)
    return replace(subject, answers=answers, saved=bool(saved))


def described(bundle: Bundle, measured: EvaluationResult | None) -> Subject:
    """A bundle that is asked nothing, and an evaluation of it; None = the one that it carries."""
    check_told(bundle.manifest, str(bundle.folder / "manifest.json"))
    carried = carried_evaluation(bundle.folder, bundle.manifest) if measured is None else Carried(measured, None)
    result, parent = (NOTHING, None) if carried is None else (carried.evaluation, carried.parent)
    return Subject(
        manifest=bundle.manifest,
        names=bundle.names,
        answers=(),
        reference=read_reference(bundle.manifest),
        evaluation=result if parent is None else of_order(result),
        patterns=read_patterns(bundle.folder, bundle.manifest),
        parent=parent,
    )


def answered(
    recommender: Recommender, bundle: Bundle, patterns: Patterns | None, saved: Sequence[SavedRequest]
) -> list[AnsweredRequest]:
    """The answers to the first saved requests or, without any, to what tells most of the made ones."""

    def asked(requests: Iterable[Mapping[str, Any]]) -> list[AnsweredRequest]:
        made = list(requests)
        return list(map(AnsweredRequest, made, recommender.score(made)))

    if saved:
        return asked(one.request for one in saved[:MAX_ANSWERS])
    made = [] if patterns is None else asked(made_requests(patterns))
    names = bundle.names
    return telling(
        made, asked(request for request, _ in bundle.golden), lambda product_id: names.get(product_id, product_id)
    )


def of_order(evaluation: EvaluationResult) -> EvaluationResult:
    """What of an evaluation rests on the order of the offers alone, which a recalibrated bundle has from its parent."""
    return replace(evaluation, shown=(), sold=(), kept=(), restraint=(), empty=(), follow_on=())
