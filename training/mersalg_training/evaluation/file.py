"""The file of an evaluation: which bundle it was measured on, and every figure.

`mersalg train` writes it into the bundle, `mersalg evaluate --json` beside it. A report reads either, and refuses that
of another bundle. A recalibrated bundle carries its parent's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator

from mersalg.bundle import read_file
from mersalg.errors import MersalgError
from mersalg_training.evaluation.coverage_at_precision import CoverageAtPrecision
from mersalg_training.evaluation.empty_answers import EmptyAnswers
from mersalg_training.evaluation.follow_on import FollowOnShown
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.order_by_value import SalesByOrder
from mersalg_training.evaluation.precision_shown import ShownPrecision
from mersalg_training.evaluation.reliability import Reliability
from mersalg_training.evaluation.result import Difference, EvaluationResult, Row
from mersalg_training.json_values import finite

NAME: Final = "evaluation.json"
"""What it is called in a bundle."""
AGAIN: Final = "`mersalg evaluate NAME --baselines --restraint --json FILE` writes one"


class Identity(BaseModel):
    """What tells one bundle from another."""

    model_config = ConfigDict(extra="forbid")

    name: str
    created_at: str
    run_id: str | None
    scorer_sha256: str | None
    """None in files of earlier training runs."""


ESTIMATE: Final = tuple(field.name for field in fields(Estimate))


def nested(row: Any) -> Any:
    """A row as it is written, its estimate's fields beside its own, as the fields of a Row or a Difference."""
    if not isinstance(row, dict):
        return row
    own = {name: value for name, value in row.items() if name not in ESTIMATE}
    return {**own, "estimate": {name: row[name] for name in ESTIMATE if name in row}}


FlatRow = Annotated[Row, BeforeValidator(nested)]
FlatDifference = Annotated[Difference, BeforeValidator(nested)]


class Document(BaseModel):
    """The whole file."""

    bundle: Identity
    rows: list[FlatRow]
    differences: list[FlatDifference]
    ceilings: list[FlatRow]
    shown: list[ShownPrecision]
    sold: list[SalesByOrder]
    kept: list[Reliability]
    restraint: list[CoverageAtPrecision]
    empty: list[EmptyAnswers] = []
    follow_on: list[FollowOnShown] = []
    without_requests: list[str]
    skipped: dict[str, str]

    @field_validator("empty")
    @classmethod
    def of_some(cls, result: list[EmptyAnswers]) -> list[EmptyAnswers]:
        """Requests that saw nothing are some of all that were made."""
        if not all(1 <= row.requests <= row.of for row in result):
            raise ValueError("expected from one to all of the requests of a moment")
        return result

    def evaluation(self) -> EvaluationResult:
        """What was measured."""
        return EvaluationResult(**{name: getattr(self, name) for name in type(self).model_fields if name != "bundle"})


def identity(manifest: Mapping[str, Any]) -> Identity:
    """Which bundle a manifest is of."""
    scorer = manifest.get("files", {}).get("scorer.onnx")
    return Identity(
        name=manifest["name"],
        created_at=manifest["created_at"],
        run_id=manifest["run_id"],
        scorer_sha256=None if scorer is None else scorer["sha256"],
    )


def evaluation_document(manifest: Mapping[str, Any], evaluation: EvaluationResult) -> dict[str, Any]:
    """The document of an evaluation; null stands for what could not be measured."""
    return {"bundle": identity(manifest).model_dump(), **figures(evaluation)}


def figures(evaluation: EvaluationResult) -> dict[str, Any]:
    """Every figure, in values that JSON knows."""
    rows = {name: [flat(row) for row in getattr(evaluation, name)] for name in ("rows", "differences", "ceilings")}
    tables = ("shown", "sold", "kept", "restraint", "empty", "follow_on")
    document = {
        **rows,
        **{name: [asdict(row) for row in getattr(evaluation, name)] for name in tables},
        "without_requests": list(evaluation.without_requests),
        "skipped": dict(evaluation.skipped),
    }
    return dict(finite(document))


def flat(row: Row | Difference) -> dict[str, Any]:
    """A row as it is written: its estimate's fields beside its own."""
    fields = asdict(row)
    return {**{name: value for name, value in fields.items() if name != "estimate"}, **fields["estimate"]}


@dataclass(frozen=True)
class Carried:
    """The evaluation that a bundle carries."""

    evaluation: EvaluationResult
    parent: Identity | None
    """The parent that it was measured on before a recalibration; None = it was measured on the bundle itself."""


def carried_evaluation(folder: Path, manifest: Mapping[str, Any]) -> Carried | None:
    """The evaluation in a verified bundle; None where it carries none. MersalgError where it is of another bundle."""
    if NAME not in manifest["files"]:
        return None
    where = folder / NAME
    result = parse_document(read_file(folder, dict(manifest), NAME), where)
    if result.bundle.model_dump() in ancestors(manifest):
        return Carried(result.evaluation(), result.bundle)
    check_bundle(where, result.bundle, identity(manifest))
    return Carried(result.evaluation(), None)


def ancestors(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The identities of the bundles that a recalibrated one comes from, the nearest first."""
    result = []
    of = manifest
    while isinstance(lineage := of.get("lineage"), dict) and isinstance(parent := lineage.get("parent"), dict):
        result.append({name: parent.get(name) for name in Identity.model_fields})
        of = parent
    return result


def read_evaluation(path: Path, manifest: Mapping[str, Any]) -> EvaluationResult:
    """The evaluation in a file, which has to be of the bundle with this manifest. MersalgError if it is not."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MersalgError(f"{path}: cannot be read: {error.strerror}; {AGAIN}") from None
    result = parse_document(content, path)
    check_bundle(path, result.bundle, identity(manifest))
    return result.evaluation()


def parse_document(content: bytes, path: Path) -> Document:
    """The document in the bytes of a file; MersalgError says why there is none."""
    try:
        document = with_nan(json.loads(content.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise MersalgError(f"{path}: expected JSON in UTF-8, got {error}; {AGAIN}") from None
    if not isinstance(document, dict) or "bundle" not in document:
        raise MersalgError(
            f"{path}: bundle: expected the bundle that it is of, got none, so it may be of another one; {AGAIN}"
        )
    try:
        return Document.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise MersalgError(f"{path}: {key}: {first['msg']}; this is no file of an evaluation: {AGAIN}") from None


def check_bundle(path: Path, of: Identity, wanted: Identity) -> None:
    """Refuse an evaluation of another bundle, or of another version of this one."""
    for name, value in of:
        other = getattr(wanted, name)
        if value != other and not (name == "scorer_sha256" and value is None):
            raise MersalgError(
                f"{path}: bundle.{name}: expected {other!r} as in the bundle, got {value!r}: it is an evaluation of "
                f"another bundle, or of another version; evaluate this one: {AGAIN}"
            )


def with_nan(document: Any) -> Any:
    """The document with NaN in place of null in estimates, which are objects with value, low and high."""
    if isinstance(document, dict):
        estimate = document.keys() >= {"value", "low", "high"}
        return {
            key: math.nan if estimate and value is None and key in ("value", "low", "high") else with_nan(value)
            for key, value in document.items()
        }
    return [with_nan(item) for item in document] if isinstance(document, list) else document
