"""The file of an evaluation: which bundle it is of, and every figure. `mersalg evaluate --json` writes it.

A report reads it again, and refuses one that is of another bundle.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from mersalg.errors import MersalgError
from mersalg_training.evaluation.coverage_at_precision import Restraint
from mersalg_training.evaluation.empty_answers import Empty
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.order_by_value import Sold
from mersalg_training.evaluation.precision_shown import Shown
from mersalg_training.evaluation.reliability import Kept
from mersalg_training.evaluation.result import Difference, Evaluation, Row

AGAIN: Final = "`mersalg evaluate NAME --baselines --restraint --json FILE` writes one"


class Identity(BaseModel):
    """What tells one bundle from another."""

    model_config = ConfigDict(extra="forbid")

    name: str
    created_at: str
    run_id: str | None
    scorer_sha256: str | None
    """None while the bundle is not whole yet, as in the run that trains it."""


class FlatRow(BaseModel):
    """A row as it is written."""

    task: str
    method: str
    metric: str
    value: float
    low: float
    high: float
    n: int

    def row(self) -> Row:
        """The row of an evaluation."""
        return Row(self.task, self.method, self.metric, Estimate(self.value, self.low, self.high, self.n))


class FlatDifference(BaseModel):
    """A difference as it is written."""

    task: str
    rival: str
    metric: str
    value: float
    low: float
    high: float
    n: int

    def difference(self) -> Difference:
        """The difference of an evaluation."""
        return Difference(self.task, self.rival, self.metric, Estimate(self.value, self.low, self.high, self.n))


class Document(BaseModel):
    """The whole file."""

    bundle: Identity
    rows: list[FlatRow]
    differences: list[FlatDifference]
    ceilings: list[FlatRow]
    shown: list[Shown]
    sold: list[Sold]
    kept: list[Kept]
    restraint: list[Restraint]
    empty: list[Empty] = []
    without_requests: list[str]
    skipped: dict[str, str]

    @field_validator("empty")
    @classmethod
    def of_some(cls, found: list[Empty]) -> list[Empty]:
        """Requests that saw nothing are some of all that were made."""
        if not all(1 <= row.requests <= row.of for row in found):
            raise ValueError("expected from one to all of the requests of a moment")
        return found


def identity(manifest: Mapping[str, Any]) -> Identity:
    """Which bundle a manifest is of."""
    scorer = manifest.get("files", {}).get("scorer.onnx")
    return Identity(
        name=manifest["name"],
        created_at=manifest["created_at"],
        run_id=manifest["run_id"],
        scorer_sha256=None if scorer is None else scorer["sha256"],
    )


def evaluation_document(manifest: Mapping[str, Any], found: Evaluation) -> dict[str, Any]:
    """The document of an evaluation; null stands for what could not be measured."""
    from mersalg_training.json_values import finite  # noqa: PLC0415  # it draws, which needs matplotlib

    document = finite(found.to_json())
    return {"bundle": identity(manifest).model_dump(), **document}


def read_evaluation(path: Path, manifest: Mapping[str, Any]) -> Evaluation:
    """The evaluation in a file, which has to be of the bundle with this manifest. MersalgError if it is not."""
    document = read_document(path)
    if not isinstance(document, dict) or "bundle" not in document:
        raise MersalgError(
            f"{path}: bundle: expected the bundle that it is of, got none, so it may be of another one; {AGAIN}"
        )
    try:
        read = Document.model_validate(with_nan(document))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise MersalgError(f"{path}: {key}: {first['msg']}; this is no file of an evaluation: {AGAIN}") from None
    check_bundle(path, read.bundle, identity(manifest))
    return Evaluation(
        rows=[row.row() for row in read.rows],
        differences=[row.difference() for row in read.differences],
        shown=read.shown,
        without_requests=read.without_requests,
        ceilings=[row.row() for row in read.ceilings],
        sold=read.sold,
        skipped=read.skipped,
        kept=read.kept,
        restraint=read.restraint,
        empty=read.empty,
    )


def read_document(path: Path) -> Any:
    """The JSON document of a file; MersalgError says why there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MersalgError(f"{path}: cannot be read: {error.strerror}; {AGAIN}") from None
    except (ValueError, RecursionError) as error:
        raise MersalgError(f"{path}: expected JSON in UTF-8, got {error}; {AGAIN}") from None


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
