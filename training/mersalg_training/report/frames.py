"""What was measured of a bundle, as data frames: the figures of its page for a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

import pandas as pd

from mersalg.names import KINDS
from mersalg.registry.opening import open_bundle
from mersalg_training.evaluation.file import read_evaluation
from mersalg_training.evaluation.metrics import NDCG, OURS, Estimate
from mersalg_training.evaluation.precision_shown import EVERY
from mersalg_training.evaluation.reliability import ALL
from mersalg_training.evaluation.result import ORACLE, EvaluationResult, Row
from mersalg_training.report.sections.reliability import verdict
from mersalg_training.report.sections.results import best_rival, difference
from mersalg_training.report.subject import Subject, described

INTERVAL: Final = ("low", "high")
PLACES: Final = 3
"""Decimals in a notebook; the frames have all."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """An evaluation of a bundle. `low` and `high` are the ends of 95 % intervals; NaN stands for what is not known."""

    bundle: str
    """Its name."""
    missing: str
    """What was not measured, and what measures it; empty = nothing is missing."""
    kinds: pd.DataFrame
    """By kind: its threshold, what is certified, promised and came, and who sees one."""
    tasks: pd.DataFrame
    """By task: NDCG@10 beside the best single baseline, their difference, and the ceiling."""
    methods: pd.DataFrame
    """Every metric of every method on every task, the baselines and the ceilings among them."""
    differences: pd.DataFrame
    """The bundle minus each baseline, on the same requests."""
    curves: pd.DataFrame
    """Precision and coverage of each kind by threshold."""
    calibration: pd.DataFrame
    """What was promised and came, by kind and group."""
    reliability: pd.DataFrame
    """The same in groups of equal size by relevance: the points of a reliability curve."""
    shown: pd.DataFrame
    """By moment and kind: who sees an offer, and what is bought of it."""
    follow_on: pd.DataFrame
    """Whether what is shown goes beyond best-sellers, beside a plain rule."""
    coverage: pd.DataFrame
    """Carts that see an offer at an equal precision; filled by `mersalg evaluate --restraint`."""

    @classmethod
    def read(cls, bundle: str | Path, evaluation: str | Path | None = None) -> Evaluation:
        """Of a bundle's folder; evaluation: a file of `mersalg evaluate --json` in place of the bundle's own.

        BundleError when the bundle is not whole; MersalgError when the evaluation is of another one.
        """
        opened = open_bundle(bundle)
        measured = None if evaluation is None else read_evaluation(Path(evaluation), opened.manifest)
        return framed(described(opened, measured))

    def __repr__(self) -> str:
        return f"Evaluation of {self.bundle}: {len(self.kinds)} kinds, {len(self.tasks)} tasks"

    def _repr_html_(self) -> str:
        """The kinds and the tasks, as Jupyter shows them."""
        kinds = self.kinds[["threshold", "certified", "came", "low", "high", "verdict", "seen"]]
        tasks = self.tasks[["ndcg", "low", "high", "baseline", "difference", "difference_low", "difference_high"]]
        tables = [frame.round(PLACES).to_html(na_rep="", border=0) for frame in (kinds, tasks) if len(frame)]
        missing = f"<p>{escape(self.missing)}</p>" if self.missing else ""
        return f"<p><strong>Evaluation of {escape(self.bundle)}</strong></p>{missing}{''.join(tables)}"


def framed(subject: Subject) -> Evaluation:
    """The figures of a page as data frames."""
    result = subject.evaluation
    return Evaluation(
        bundle=subject.name,
        missing=subject.unmeasured,
        kinds=frame(kind_rows(subject), KIND_COLUMNS, index="kind"),
        tasks=frame(task_rows(result), TASK_COLUMNS, index="task"),
        methods=frame(
            ({"task": row.task, "method": row.method, "metric": row.metric, **spread(row.estimate)}
             for row in [*result.rows, *result.ceilings]),
            ("task", "method", "metric", "value", *INTERVAL, "n"),
        ),
        differences=frame(
            ({"task": row.task, "baseline": row.rival, "metric": row.metric, **spread(row.estimate),
              **({} if row.ratio is None else {"ratio": row.ratio.value})} for row in result.differences),
            ("task", "baseline", "metric", "value", *INTERVAL, "n", "ratio"),
        ),
        curves=frame(curve_rows(subject.manifest["kinds"]), CURVE_COLUMNS),
        calibration=frame(
            ({"kind": row.kind, "group": row.group, "promised": row.promised, **came(row.came), "offers": row.offers,
              "ece": row.error, "ece_by_chance": row.error_by_chance} for row in result.kept),
            ("kind", "group", "promised", "came", *INTERVAL, "offers", "ece", "ece_by_chance"),
        ),
        reliability=frame(
            ({"kind": row.kind, "group": row.group, "promised": point.promised, **came(point.came),
              "offers": point.offers} for row in result.kept for point in row.reliability),
            ("kind", "group", "promised", "came", *INTERVAL, "offers"),
        ),
        shown=frame(shown_rows(result), SHOWN_COLUMNS),
        follow_on=frame(
            ({"history": row.history, "method": row.method, "requests": row.requests, **row.metrics()}
             for row in result.follow_on),
            ("history", "method", "requests"),
        ),
        coverage=frame(
            ({"task": row.task, "method": row.method, "precision": row.wanted,
              **({} if row.coverage is None else spread(row.coverage)),
              **({} if row.ratio is None else {"ratio": row.ratio.value})} for row in result.restraint),
            ("task", "method", "precision", "value", *INTERVAL, "n", "ratio"),
        ),
    )  # fmt: skip


KIND_COLUMNS: Final = (
    "kind", "threshold", "wanted", "certified", "confidence", "promised", "came", *INTERVAL, "offers", "verdict",
    "ece", "ece_by_chance", "seen", "silent_because",
)  # fmt: skip
TASK_COLUMNS: Final = (
    "task", "ndcg", *INTERVAL, "n", "baseline", "baseline_ndcg", "difference", "difference_low", "difference_high",
    "ratio", "ceiling",
)  # fmt: skip
CURVE_COLUMNS: Final = (
    "kind",
    "threshold",
    "chosen",
    "offers",
    "customers",
    "precision",
    "coverage",
    "recall",
    "worth",
)
SHOWN_COLUMNS: Final = ("moment", "kind", "requests", "offers", "bought", "precision", *INTERVAL, "seen")


def frame(rows: Iterator[Mapping[str, Any]], columns: Sequence[str], index: str | None = None) -> pd.DataFrame:
    """A data frame that has these columns first, whatever its rows tell; None is NaN in a column of numbers."""
    told = list(rows)
    more = [name for name in dict.fromkeys(name for row in told for name in row) if name not in columns]
    made = pd.DataFrame(told, columns=[*columns, *more])
    return made if index is None else made.set_index(index)


def spread(estimate: Estimate) -> dict[str, float]:
    """An estimate's columns."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def came(estimate: Estimate) -> dict[str, float]:
    """The columns of a share that came."""
    return {"came": estimate.value, "low": estimate.low, "high": estimate.high}


def kind_rows(subject: Subject) -> Iterator[dict[str, Any]]:
    """What is promised of each kind, and what came of it."""
    kept = {row.kind: row for row in subject.evaluation.kept if row.group == ALL}
    seen = {row.kind: row.seen.value for row in subject.evaluation.shown if row.moment == EVERY}
    for kind in KINDS:
        rule, certificate, row = subject.manifest["kinds"].get(kind), subject.certificate(kind), kept.get(kind)
        if rule is None:
            continue
        told = {"kind": kind, "threshold": rule["threshold"], "wanted": rule.get("precision_wanted")}
        told |= {"silent_because": rule.get("silent_because"), "seen": seen.get(kind)}
        if certificate is not None:
            told |= {"certified": certificate["precision"], "confidence": certificate["confidence"]}
        if row is not None:
            told |= {"promised": row.promised, **came(row.came), "offers": row.offers}
            told |= {"ece": row.error, "ece_by_chance": row.error_by_chance}
            told["verdict"] = "not certified" if certificate is None else verdict(certificate["precision"], row.came)[0]
        yield told


def task_rows(result: EvaluationResult) -> Iterator[dict[str, Any]]:
    """The bundle beside the best single baseline."""
    ceilings = {row.task: row.value for row in result.ceilings if (row.method, row.metric) == (ORACLE, NDCG)}
    for task, methods in result.figures(NDCG).items():
        ours, rival = methods.get(OURS), best_rival(result, task, NDCG)
        if ours is not None:
            yield {**of_task(ours, rival), **against(result, rival), "ceiling": ceilings.get(task)}


def of_task(ours: Row, rival: Row | None) -> dict[str, Any]:
    """The two figures."""
    told = {"task": ours.task, "ndcg": ours.value, "low": ours.low, "high": ours.high, "n": ours.n}
    return told if rival is None else {**told, "baseline": rival.method, "baseline_ndcg": rival.value}


def against(result: EvaluationResult, rival: Row | None) -> dict[str, Any]:
    """How far they lie apart."""
    gap = None if rival is None else difference(result, rival.task, rival.method, NDCG)
    if gap is None:
        return {}
    ends = {"difference_low": gap.estimate.low, "difference_high": gap.estimate.high}
    return {"difference": gap.estimate.value, **ends, "ratio": None if gap.ratio is None else gap.ratio.value}


def curve_rows(kinds: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every threshold that was tried."""
    for kind, rule in kinds.items():
        for row in rule.get("tradeoffs") or []:
            yield {"kind": kind, "chosen": row["threshold"] == rule["threshold"], **row}


def shown_rows(result: EvaluationResult) -> Iterator[dict[str, Any]]:
    """What is shown at each moment."""
    for row in result.shown:
        told = {"moment": row.moment, "kind": row.kind, "requests": row.requests, "offers": row.offers}
        told |= {"bought": row.relevant, "seen": row.seen.value}
        bought = {} if row.precision is None else spread(row.precision)
        yield told | {"precision" if name == "value" else name: bought[name] for name in bought if name != "n"}
