"""MLflow's evaluator of the model type `mersalg`: the figures of `mersalg evaluate`, through MLflow's own interface.

    mlflow.models.evaluate("models:/demo@challenger", data=order_lines, model_type="mersalg")

`data` is a DataFrame of order lines, history and test window, with the columns of the file that the bundle was trained
on. The windows are those of the bundle's manifest. Of mersalg only MLflow imports this module.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mlflow.models import EvaluationResult
from mlflow.models.evaluation import ModelEvaluator

from mersalg.errors import MersalgError
from mersalg.recommender import Recommender
from mersalg_training.evaluation import QUERIES
from mersalg_training.evaluation.run import EvaluationOptions
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.report.evaluated import evaluate_bundle, log_evaluated
from mersalg_training.tracking.mlflow_run import join_run
from mersalg_training.tracking.model_entry import MODEL_TYPE


@dataclass(frozen=True)
class EvaluatorOptions:
    """What `evaluator_config` may set, as the arguments of `mersalg evaluate` do."""

    queries: int = QUERIES
    """Most requests of a task."""
    baselines: bool = False
    """Beside every baseline."""
    restraint: bool = False
    """Also coverage at equal precision."""
    overrides: tuple[str, ...] = ()
    """Over the bundle's configuration, as `--set`: `data.products=PATH`."""


class MersalgEvaluator(ModelEvaluator):  # type: ignore[misc]  # mlflow is untyped here
    """Puts a logged bundle to the tasks of its test window."""

    @classmethod
    def can_evaluate(cls, *, model_type: str, evaluator_config: Any = None, **kwargs: Any) -> bool:
        """Whether a model is of our type."""
        return model_type == MODEL_TYPE

    def evaluate(
        self, *, model_type: str, dataset: Any, run_id: str, evaluator_config: Any, model: Any = None, **kwargs: Any
    ) -> EvaluationResult:
        """Evaluate, log to the run what `mersalg evaluate` logs, and give the headline figures."""
        recommender, options = recommender_of(model), read_options(evaluator_config or {})
        manifest = recommender.manifest
        with tempfile.TemporaryDirectory() as folder:
            orders = Path(folder, "orders.parquet")
            dataset.features_data.to_parquet(orders, index=False)
            overrides = [*options.overrides, f"data.orders='{orders}'"]
            config, windows = bundle_config(manifest, str(recommender.folder), overrides)
            asked = EvaluationOptions(options.queries, options.baselines, options.restraint)
            result = evaluate_bundle(recommender, config, windows, asked)
        log_evaluated(join_run(run_id), recommender, result, dataset.name)
        return EvaluationResult(metrics=result.figures(manifest), artifacts={}, run_id=run_id)


def recommender_of(model: Any) -> Recommender:
    """The recommender behind a loaded model; MersalgError where it is no bundle."""
    raw = model.get_raw_model() if hasattr(model, "get_raw_model") else None
    if not isinstance(raw, Recommender):
        raise MersalgError(
            'model: expected the address of a logged bundle, "models:/NAME@ALIAS", with env_manager="local"; '
            f"got {type(raw or model).__name__}"
        )
    return raw


def read_options(config: Mapping[str, Any]) -> EvaluatorOptions:
    """The options in `evaluator_config`; MersalgError names one that is unknown."""
    known = [field.name for field in fields(EvaluatorOptions)]
    unknown = [name for name in config if name not in known]
    if unknown:
        raise MersalgError(f"evaluator_config: expected {', '.join(known)}, got {unknown[0]!r}")
    return EvaluatorOptions(**config)
