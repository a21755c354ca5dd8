"""A job as an MLflow run, and its bundle as a registered, pickle-free model.

The only module of tracking that knows MLflow, which is imported when a run is opened (that takes seconds), with its
telemetry off. A job writes to its own run by id, never to MLflow's global active run.
"""
# ruff: noqa: D102  # the methods of a run are described once, by the protocol

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mersalg.errors import ConfigError
from mersalg.registry.server import without_password
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.model_entry import MODEL_TYPE, log_model, read_entry, register
from mersalg_training.tracking.origin import origin_tags
from mersalg_training.tracking.run import TRAINING, RegisteredBundle, Run, UntrackedRun
from mersalg_training.tracking.store import VARIABLE, Store, artifact_location, find_store, page_of, prepare_store

PARENT_TAG: Final = "mlflow.parentRunId"
"""By this tag MLflow shows a run below another."""
NOTE_TAG: Final = "mlflow.note.content"
"""In this tag MLflow keeps a run's description."""
KIND_TAG: Final = "mlflow.experimentKind"
"""By this tag MLflow shows an experiment as one of models, not of prompts and agents."""
MODEL_TRAINING: Final = "custom_model_development"
MAX_PARAMS, MAX_METRICS, MAX_PARAM_LENGTH, MAX_DIGEST_LENGTH = 100, 1000, 6000, 36
"""MLflow's limits: parameters and metrics in one batch, characters of a parameter and of a data set's digest."""


@contextmanager
def open_run(
    tracking: TrackingConfig, name: str, *, parent: str | None = None, go_on: str | None = None
) -> Iterator[Run]:
    """Record a run; with `tracking.enabled = false` the same calls record nothing.

    It ends as FINISHED, as FAILED when the body raises, as KILLED on an interrupt; what was raised goes on. A killed
    process leaves it RUNNING. ConfigError: MLflow cannot be reached, or refuses.

    parent: the id of the run under which this one is shown, where the store holds it. go_on: the id of a run to take up
    again; where the store does not hold it, a new one is started.
    """
    if not tracking.enabled:
        yield UntrackedRun()
        return
    run = (take_up_run(tracking, go_on) if go_on is not None else None) or start_run(tracking, name, parent)
    try:
        yield run
    except BaseException as error:
        try:
            run.end("FAILED" if isinstance(error, Exception) else "KILLED")
        except ConfigError as also:
            error.add_note(str(also))
        raise
    run.end("FINISHED")


class MlflowRun:
    """A run in an MLflow store; made by `start_run`."""

    def __init__(self, mlflow: Any, store: Store, experiment_id: str, run_id: str) -> None:
        self._mlflow = mlflow
        self._store = store
        self._experiment_id = experiment_id
        self._run_id = run_id
        self._client = mlflow.MlflowClient(store.uri, registry_uri=store.uri)
        self._params: dict[str, str] = {}
        self._dataset: Any = None
        self._model: Any = None
        self._model_is_open = False

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def where(self) -> str:
        return page_of(self._store, self._experiment_id, self._run_id)

    def log_params(self, params: Mapping[str, object]) -> None:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
        for key, text in texts.items():
            if len(text) > MAX_PARAM_LENGTH:
                self.log_text(f"params/{key}.txt", text)
                texts[key] = f"{len(text)} characters: see the artifact params/{key}.txt"
        self._params |= texts
        entries = [self._mlflow.entities.Param(key, text) for key, text in texts.items()]
        with self._asking("log parameters"):
            for batch in batches(entries, MAX_PARAMS):
                self._client.log_batch(self._run_id, params=batch)

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        self._log_points([(name, value, 0) for name, value in metrics.items()])

    def log_curve(self, name: str, values: Sequence[float]) -> None:
        self._log_points([(name, value, step) for step, value in enumerate(values)])

    def start_model(self, name: str) -> None:
        with self._asking("open the entry of the model"):
            tags = self._client.get_run(self._run_id).data.tags
            self._model = self._client.create_logged_model(
                self._experiment_id,
                name,
                source_run_id=self._run_id,
                tags={key: value for key, value in tags.items() if key.startswith("mlflow.source.")},
                params=self._params,
                model_type=MODEL_TYPE,
            )
        self._model_is_open = True

    def use_model_of(self, run_id: str | None) -> None:
        with self._asking(f"find the model of the run {run_id}"):
            run = None if run_id is None else find_run(self._mlflow, self._client, run_id)
            if run is None:
                return
            result = self._client.search_logged_models(
                [run.info.experiment_id], filter_string=f"source_run_id = '{run_id}'", max_results=1
            )
            if result:
                self._model = result[0]
                entry = self._mlflow.entities.LoggedModelInput(self._model.model_id)
                self._client.log_inputs(self._run_id, models=[entry])

    def log_model_metrics(self, metrics: Mapping[str, float]) -> None:
        linked = {} if self._model is None else {"model_id": self._model.model_id}
        if self._dataset is not None:
            linked |= {"dataset_name": self._dataset.name, "dataset_digest": self._dataset.digest}
        self._log_points([(name, value, 0) for name, value in metrics.items()], **linked)

    def _log_points(self, points: list[tuple[str, float, int]], **linked: str) -> None:
        now = time.time_ns() // 1_000_000
        metric = self._mlflow.entities.Metric
        entries = [metric(name, float(value), now, step, **linked) for name, value, step in points]
        with self._asking("log metrics"):
            for batch in batches(entries, MAX_METRICS):
                self._client.log_batch(self._run_id, metrics=batch)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        entries = [self._mlflow.entities.RunTag(key, value) for key, value in tags.items()]
        with self._asking("set tags"):
            for batch in batches(entries, MAX_PARAMS):
                self._client.log_batch(self._run_id, tags=batch)

    def describe(self, text: str) -> None:
        self.set_tags({NOTE_TAG: text})

    def log_text(self, name: str, text: str) -> None:
        self._log_bytes(name, text.encode())

    def log_figure(self, name: str, png: bytes) -> None:
        self._log_bytes(name, png)

    def _log_bytes(self, name: str, content: bytes) -> None:
        path = PurePosixPath(name)
        with self._asking(f"keep the artifact {name}"), tempfile.TemporaryDirectory() as folder:
            file = Path(folder, path.name)
            file.write_bytes(content)
            self._client.log_artifact(self._run_id, str(file), None if str(path.parent) == "." else str(path.parent))

    def log_dataset(
        self, name: str, digest: str, source: str, profile: Mapping[str, object], context: str = TRAINING
    ) -> None:
        entities = self._mlflow.entities
        self._dataset = entities.Dataset(
            name, digest[:MAX_DIGEST_LENGTH], "local", json.dumps({"uri": source}), profile=json.dumps(dict(profile))
        )
        role = entities.InputTag("mlflow.data.context", context)
        with self._asking("log the data set"):
            self._client.log_inputs(self._run_id, [entities.DatasetInput(self._dataset, [role])])
        self.set_tags({"data.digest": digest})

    def log_bundle(self, folder: Path, registered_name: str) -> RegisteredBundle:
        entry = read_entry(folder)
        if self._model is None:
            self.start_model(folder.name)
        with self._asking(f"log the bundle {folder}"):
            log_model(self._mlflow, self._client, folder, entry, self._run_id, self._model)
            self._model_is_open = False
        with self._asking(f"register the bundle as {registered_name}"):
            point_to(self._mlflow, self._store.uri)
            self._create_registered_model(registered_name)
            made = register(self._client, registered_name, self._run_id, self._model.model_id, entry)
        self.set_tags(entry.tags)
        return made

    def _create_registered_model(self, name: str) -> None:
        """Make sure that the registry knows the name."""
        try:
            self._client.create_registered_model(name)
        except self._mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED; a model that was not logged is marked as failed."""
        with self._asking("end the run"):
            if self._model_is_open:
                self._client.finalize_logged_model(self._model.model_id, "FAILED")
            self._client.set_terminated(self._run_id, status)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        with refusals(self._mlflow, self._store, what):
            yield


def start_run(tracking: TrackingConfig, name: str, parent: str | None = None) -> MlflowRun:
    """Start a run in the configured experiment, which is made if there is none; ConfigError when MLflow refuses."""
    mlflow, store = reach_mlflow(tracking)
    tags = origin_tags(Path.cwd())
    with refusals(mlflow, store, f"open the experiment {tracking.experiment}"):
        client = mlflow.MlflowClient(store.uri)
        experiment = client.get_experiment_by_name(tracking.experiment)
        experiment_id = (
            client.create_experiment(
                tracking.experiment, artifact_location=artifact_location(store.uri), tags={KIND_TAG: MODEL_TRAINING}
            )
            if experiment is None
            else experiment.experiment_id
        )
        if parent is not None and find_run(mlflow, client, parent) is not None:
            tags[PARENT_TAG] = parent
        run = client.create_run(experiment_id, run_name=name, tags=tags)
    return MlflowRun(mlflow, store, experiment_id, run.info.run_id)


def take_up_run(tracking: TrackingConfig, run_id: str) -> MlflowRun | None:
    """Open a run that was started before, and mark it as running; None where the store does not hold it any more."""
    mlflow, store = reach_mlflow(tracking)
    with refusals(mlflow, store, f"take up the run {run_id}"):
        client = mlflow.MlflowClient(store.uri)
        result = find_run(mlflow, client, run_id)
        if result is None:
            return None
        client.update_run(run_id, status="RUNNING")
    return MlflowRun(mlflow, store, result.info.experiment_id, run_id)


def join_run(run_id: str) -> MlflowRun:
    """Write to a run that somebody else opened and ends, in the store to which MLflow points."""
    mlflow = import_mlflow()
    store = Store(mlflow.get_tracking_uri(), "MLflow's tracking address")
    with refusals(mlflow, store, f"find the run {run_id}"):
        run = mlflow.MlflowClient(store.uri).get_run(run_id)
    return MlflowRun(mlflow, store, run.info.experiment_id, run_id)


def find_run(mlflow: Any, client: Any, run_id: str) -> Any:
    """A run of the store; None where it is not, or is deleted."""
    try:
        result = client.get_run(run_id)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None
    return result if result.info.lifecycle_stage == "active" else None


def end_run_left_open(tracking: TrackingConfig, run_id: str) -> None:
    """Mark a run that a killed process left RUNNING as KILLED; a run that is gone is let be."""
    run = take_up_run(tracking, run_id) if tracking.enabled else None
    if run is not None:
        run.end("KILLED")


def reach_mlflow(tracking: TrackingConfig) -> tuple[Any, Store]:
    """Import MLflow and find the store; ConfigError if that is a server which is down."""
    store = find_store(tracking)
    prepare_store(store)
    return import_mlflow(), store


def point_to(mlflow: Any, uri: str) -> None:
    """Set MLflow's global address, which registering a model reads.

    MLflow sets its variable besides, which would decide for the next run of this process: it is put back.
    """
    before = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = before


def import_mlflow() -> Any:
    """Import MLflow, silent but for warnings; it sends nothing anywhere and packs no lock file of the folder around."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow  # noqa: PLC0415  # takes seconds, and must not happen before the lines above

    return mlflow


@contextmanager
def refusals(mlflow: Any, store: Store, what: str) -> Iterator[None]:
    """Turn what MLflow, its database driver or the disk raises into a ConfigError that names the store."""
    import sqlalchemy.exc  # noqa: PLC0415  # comes with mlflow, as late as mlflow

    try:
        yield
    except (mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, ImportError, OSError) as error:
        raise ConfigError(
            f"{store.named} {without_password(store.uri)}: MLflow could not {what}: {without_password(str(error))}; "
            "correct it, or train without it: --set tracking.enabled=false"
        ) from error


def batches(entries: list[Any], size: int) -> Iterator[list[Any]]:
    """Yield the entries in order, at most `size` at a time."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
