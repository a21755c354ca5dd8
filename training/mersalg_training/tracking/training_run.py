"""What a training job tells MLflow: parameters, metrics, data, the plots that a data scientist looks at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mersalg_training.config import flat
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.evaluation.file import evaluation_document
from mersalg_training.evaluation.metrics import RECALL
from mersalg_training.evaluation.render import markdown
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.json_values import as_json
from mersalg_training.limits.result import GAVE_WAY, LIMITS
from mersalg_training.plots.evaluation import (
    precision_against_coverage,
    relevance_distribution,
    reliability,
    results_by_task,
)
from mersalg_training.plots.thresholds import reliability_by_group, tradeoff_curves
from mersalg_training.plots.training import feature_importances, recall_of_candidates, training_loss
from mersalg_training.tracking.description import describe_run
from mersalg_training.tracking.headline import as_csv, headline
from mersalg_training.tracking.run import Run

if TYPE_CHECKING:
    from mersalg_training.calibration.fit import Calibrated
    from mersalg_training.learn import Learned


COUNTS: Final = ("lines", "orders", "customers", "products")
"""Of the purchases, in a manifest."""


def log_job(
    run: Run,
    report: ContractReport,
    learned: Learned,
    evaluation: EvaluationResult | None,
    manifest: Mapping[str, Any],
    seconds: Mapping[str, float],
    latency_ms: float,
) -> None:
    """Log everything but the bundle itself; nothing is drawn for a run that is not tracked.

    latency_ms: of one request, the median over the golden ones.
    """
    if run.id is None:
        return
    run.log_params(flat(learned.fitted.config) | gave_way(manifest))
    run.log_dataset(
        learned.fitted.config.name,
        report.digest,
        learned.fitted.config.data.orders,
        {name: manifest["data"][name] for name in COUNTS},
    )
    run.log_text("config.json", as_json(manifest["config"]).decode())
    run.log_text("data/contract.json", as_json(report.to_json()).decode())
    run.start_model(manifest["name"])
    figures = headline(manifest, evaluation, latency_ms)
    run.log_model_metrics(figures)
    run.log_metrics({"training_seconds": sum(seconds.values()), **taken(manifest)})
    run.describe(describe_run(manifest, figures))
    run.log_text(
        "metrics.csv",
        as_csv(job_figures(report, learned, manifest, seconds) | figures),
    )
    names = learned.fitted.feature_names
    for side, trees in learned.fitted.rankers.by_name().items():
        run.log_curve(f"loss/{side}", trees.loss.tolist())
        gains = dict(zip(names, (trees.gain / max(trees.gain.sum(), 1e-12)).tolist(), strict=True))
        run.log_figure(f"plots/importance_{side}.png", feature_importances(gains))
    run.log_figure(
        "plots/loss.png",
        training_loss({side: trees.loss.tolist() for side, trees in learned.fitted.rankers.by_name().items()}),
    )
    run.log_figure("plots/candidates.png", recall_of_candidates(learned.fitted.recall))
    log_certifying(run, learned)
    if evaluation is not None:
        log_evaluation(run, evaluation, manifest)


def gave_way(manifest: Mapping[str, Any]) -> dict[str, str]:
    """`gave_way.SETTING` -> what it is instead of what, of each setting that gave way for a limit."""
    told = manifest.get(LIMITS, {}).get(GAVE_WAY, [])
    return {f"gave_way.{parameter(one['setting'])}": f"{one['value']} instead of {one['usual']}" for one in told}


def parameter(setting: str) -> str:
    """A setting as a part of a parameter's name."""
    return setting.replace("'", "").replace(" ", "_")


def taken(manifest: Mapping[str, Any]) -> dict[str, float]:
    """`limits/NAME` -> what was taken of each limit that was given."""
    told = manifest.get(LIMITS, {})
    return {f"limits/{name}": kept["taken"] for name, kept in told.items() if name != GAVE_WAY}


def job_figures(
    report: ContractReport, learned: Learned, manifest: Mapping[str, Any], seconds: Mapping[str, float]
) -> dict[str, float]:
    """Every figure of a job under its flat name."""
    return {
        **{f"data/{name}": float(manifest["data"][name]) for name in COUNTS},
        **{f"data/rejected/{reason}": float(n) for reason, n in report.rejected.items()},
        **{f"seconds/{name}": value for name, value in seconds.items()},
        **learned.fitted.statistics.metrics(),
        **threshold_metrics(learned.calibrated),
        **{f"candidate_recall/{source.replace(' ', '_')}": share for source, share in learned.fitted.recall.items()},
        **taken(manifest),
        **(manifest["metrics"]),
    }


def log_evaluation(run: Run, evaluation: EvaluationResult, manifest: Mapping[str, Any]) -> None:
    """Log the tables of every method on every task with their intervals, and their picture; of a tracked run alone."""
    if run.id is None:
        return
    run.log_text("evaluation.json", as_json(evaluation_document(manifest, evaluation)).decode())
    run.log_text("evaluation.md", markdown(evaluation))
    run.log_text("evaluation_recall.md", markdown(evaluation, RECALL))
    run.log_figure("plots/results.png", results_by_task(evaluation.rows))
    if evaluation.promises is not None:
        shown = evaluation.promises
        relevance = shown.relevance.astype(np.float64)
        run.log_figure("plots/reliability_test.png", reliability(relevance, shown.label > 0.5, shown.kind))


def threshold_metrics(calibrated: Calibrated) -> dict[str, float]:
    """What the thresholds promise, and the half of the customers that was held out for it."""
    result = {}
    for kind, chosen in calibrated.thresholds.items():
        values = {
            "threshold": chosen.threshold if chosen.threshold is not None else np.nan,
            "precision_wanted": chosen.wanted,
            "precision_realised": chosen.precision,
            "precision_reachable": chosen.reachable,
            "certified": float(chosen.certified),
            "precision_promised": chosen.promised if chosen.certified else np.nan,
            "precision_of_weakest": chosen.weakest.realised if chosen.weakest is not None else np.nan,
            "offers": float(chosen.offers),
            "coverage": chosen.shown.coverage,
            "recall": chosen.shown.recall,
            "worth": chosen.shown.worth,
        }
        result.update({f"threshold/{kind}/{name}": v for name, v in values.items() if np.isfinite(v)})
    return result


def log_certifying(run: Run, learned: Learned) -> None:
    """The plots of the certifying half."""
    rows = learned.calibrated.certifying
    bought = rows.label > 0.5
    relevance = rows.relevance.astype(np.float64)
    thresholds = {kind: chosen.threshold for kind, chosen in learned.calibrated.thresholds.items()}
    run.log_figure("plots/reliability.png", reliability(relevance, bought, rows.kind))
    run.log_figure("plots/precision.png", precision_against_coverage(relevance, bought, rows.kind, thresholds))
    run.log_figure("plots/tradeoffs.png", tradeoff_curves(learned.calibrated.thresholds))
    run.log_figure("plots/reliability_by_group.png", reliability_by_group(rows))
    run.log_figure("plots/relevance.png", relevance_distribution(relevance, rows.kind, thresholds))
