"""A training job as an MLflow run, and its bundle as a registered, pickle-free model.

The only module that knows MLflow, which is imported when a run is opened (that takes seconds), with its telemetry
off. A job writes to its own run by id, never to MLflow's global active run.
"""
# ruff: noqa: D102  # the methods of a run are described once, by the protocol

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from mersalg.errors import BundleError, ConfigError
from mersalg.registry.server import HIDDEN, without_password
from mersalg_training.config import TrackingConfig

ALIAS: Final = "challenger"
BUNDLE_IN_MODEL: Final = "data/bundle"
"""Where the bundle lies in the logged model, whatever the folder was called when it was logged."""
PARENT_TAG: Final = "mlflow.parentRunId"
"""By this tag MLflow shows a run below another."""
MAX_PARAMS, MAX_METRICS, MAX_PARAM_LENGTH, MAX_DIGEST_LENGTH = 100, 1000, 6000, 36
"""MLflow's limits: parameters and metrics in one batch, characters of a parameter and of a data set's digest."""


@dataclass(frozen=True)
class RegisteredBundle:
    """A bundle in MLflow's model registry."""

    name: str
    version: str
    uri: str
    """`models:/NAME/VERSION`; `models:/NAME@challenger` also names it, until the next one is registered."""


class Run(Protocol):
    """What a training job may tell about itself."""

    @property
    def id(self) -> str | None:
        """MLflow's run id; None when tracking is switched off."""

    @property
    def where(self) -> str:
        """One line for the user: where the run is and how to look at it."""

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log the flat config; a value too long for MLflow becomes the artifact `params/KEY.txt`, and says so."""

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log one value a metric; a name may hold letters, digits, spaces and `_ - . : /`."""

    def log_curve(self, name: str, values: Sequence[float]) -> None:
        """Log one metric whose step is the position in `values`."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or replace tags."""

    def log_text(self, name: str, text: str) -> None:
        """Keep a text as the artifact `name`, a relative path with `/`."""

    def log_figure(self, name: str, png: bytes) -> None:
        """Keep a PNG as the artifact `name`, a relative path with `/`."""

    def log_dataset(self, name: str, digest: str, source: str, profile: Mapping[str, object]) -> None:
        """Name the purchases that the run trained on; the whole digest is the tag `data.digest`."""

    def log_bundle(self, folder: Path, registered_name: str) -> RegisteredBundle | None:
        """Log a bundle verbatim as a pyfunc model, register it and move the alias `challenger` to it."""


@contextmanager
def open_run(
    tracking: TrackingConfig, name: str, *, parent: str | None = None, go_on: str | None = None
) -> Iterator[Run]:
    """Record a run; with `tracking.enabled = false` the same calls record nothing.

    It ends as FINISHED, as FAILED when the body raises, as KILLED on an interrupt; what was raised goes on. A killed
    process leaves it RUNNING. ConfigError: MLflow cannot be reached, or refuses.

    parent: the id of the run under which this one is shown. go_on: the id of a run to take up again; where the store
    does not hold it, a new one is started.
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


class UntrackedRun:
    """A run that records nothing, because the configuration says so."""

    id: None = None
    where = "not tracked (tracking.enabled = false)"

    def log_params(self, params: Mapping[str, object]) -> None: ...
    def log_metrics(self, metrics: Mapping[str, float]) -> None: ...
    def log_curve(self, name: str, values: Sequence[float]) -> None: ...
    def set_tags(self, tags: Mapping[str, str]) -> None: ...
    def log_text(self, name: str, text: str) -> None: ...
    def log_figure(self, name: str, png: bytes) -> None: ...
    def log_dataset(self, name: str, digest: str, source: str, profile: Mapping[str, object]) -> None: ...
    def log_bundle(self, folder: Path, registered_name: str) -> RegisteredBundle | None:
        return None


class MlflowRun:
    """A run in an MLflow store; made by `start_run`."""

    def __init__(self, mlflow: Any, uri: str, experiment_id: str, run_id: str) -> None:
        self._mlflow = mlflow
        self._uri = uri
        self._experiment_id = experiment_id
        self._run_id = run_id
        self._client = mlflow.MlflowClient(uri, registry_uri=uri)

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def where(self) -> str:
        page = f"/#/experiments/{self._experiment_id}/runs/{self._run_id}"
        store = without_password(self._uri)
        if is_server(self._uri):
            return store.rstrip("/") + page
        return f"{mlflow_command()} ui --backend-store-uri {store}  then open http://127.0.0.1:5000{page}"

    def log_params(self, params: Mapping[str, object]) -> None:
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
        for key, text in texts.items():
            if len(text) > MAX_PARAM_LENGTH:
                self.log_text(f"params/{key}.txt", text)
                texts[key] = f"{len(text)} characters: see the artifact params/{key}.txt"
        entries = [self._mlflow.entities.Param(key, text) for key, text in texts.items()]
        with self._asking("log parameters"):
            for batch in batches(entries, MAX_PARAMS):
                self._client.log_batch(self._run_id, params=batch)

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        self._log_points([(name, value, 0) for name, value in metrics.items()])

    def log_curve(self, name: str, values: Sequence[float]) -> None:
        self._log_points([(name, value, step) for step, value in enumerate(values)])

    def _log_points(self, points: list[tuple[str, float, int]]) -> None:
        now = time.time_ns() // 1_000_000
        metric = self._mlflow.entities.Metric
        entries = [metric(name, float(value), now, step) for name, value, step in points]
        with self._asking("log metrics"):
            for batch in batches(entries, MAX_METRICS):
                self._client.log_batch(self._run_id, metrics=batch)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        entries = [self._mlflow.entities.RunTag(key, value) for key, value in tags.items()]
        with self._asking("set tags"):
            for batch in batches(entries, MAX_PARAMS):
                self._client.log_batch(self._run_id, tags=batch)

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

    def log_dataset(self, name: str, digest: str, source: str, profile: Mapping[str, object]) -> None:
        entities = self._mlflow.entities
        dataset = entities.Dataset(
            name, digest[:MAX_DIGEST_LENGTH], "local", json.dumps({"uri": source}), profile=json.dumps(dict(profile))
        )
        role = entities.InputTag("mlflow.data.context", "training")
        with self._asking("log the data set"):
            self._client.log_inputs(self._run_id, [entities.DatasetInput(dataset, [role])])
        self.set_tags({"data.digest": digest})

    def log_bundle(self, folder: Path, registered_name: str) -> RegisteredBundle:
        if not (folder / "manifest.json").is_file():
            raise BundleError(f"{folder}: expected a bundle with a manifest.json, got none; write the bundle first")
        with self._asking(f"log the bundle {folder}"), tempfile.TemporaryDirectory() as staging:
            data = Path(staging, PurePosixPath(BUNDLE_IN_MODEL).name)
            shutil.copytree(folder, data)
            model_id = self._log_model(data)
        with self._asking(f"register the bundle as {registered_name}"):
            self._create_registered_model(registered_name)
            made = self._client.create_model_version(
                registered_name, f"models:/{model_id}", self._run_id, model_id=model_id
            )
            self._client.set_registered_model_alias(registered_name, ALIAS, made.version)
            link = json.dumps([{"name": registered_name, "version": made.version}])
            self._client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link})  # what the web page reads
        return RegisteredBundle(registered_name, str(made.version), f"models:/{registered_name}/{made.version}")

    def _create_registered_model(self, name: str) -> None:
        """Make sure that the registry knows the name."""
        try:
            self._client.create_registered_model(name)
        except self._mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _log_model(self, data: Path) -> str:
        """Log a folder as a pyfunc model of this run's experiment; gives MLflow's id of the model."""
        model = self._client.create_logged_model(self._experiment_id, data.name, source_run_id=self._run_id)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*An input example was not provided")  # golden.json holds examples
            warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")  # MLflow about its own types
            self._mlflow.models.Model.log(
                artifact_path=None,
                name=data.name,
                flavor=self._mlflow.pyfunc,
                run_id=self._run_id,
                model_id=model.model_id,
                loader_module="mersalg.pyfunc",
                data_path=str(data),
                signature=request_signature(self._mlflow),
                pip_requirements=[f"mersalg=={version('mersalg')}", "pandas"],
            )
        return str(model.model_id)

    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED."""
        with self._asking("end the run"):
            self._client.set_terminated(self._run_id, status)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        with refusals(self._mlflow, self._uri, what):
            yield


def start_run(tracking: TrackingConfig, name: str, parent: str | None = None) -> MlflowRun:
    """Start a run in the configured experiment, which is made if there is none; ConfigError when MLflow refuses."""
    mlflow = reach_mlflow(tracking)
    tags = {} if parent is None else {PARENT_TAG: parent}
    with refusals(mlflow, tracking.uri, f"open the experiment {tracking.experiment}"):
        client = mlflow.MlflowClient(tracking.uri)
        experiment = client.get_experiment_by_name(tracking.experiment)
        experiment_id = (
            client.create_experiment(tracking.experiment, artifact_location=artifact_location(tracking.uri))
            if experiment is None
            else experiment.experiment_id
        )
        run = client.create_run(experiment_id, run_name=name, tags=tags)
    return MlflowRun(mlflow, tracking.uri, experiment_id, run.info.run_id)


def take_up_run(tracking: TrackingConfig, run_id: str) -> MlflowRun | None:
    """Open a run that was started before, and mark it as running; None where the store does not hold it any more."""
    mlflow = reach_mlflow(tracking)
    with refusals(mlflow, tracking.uri, f"take up the run {run_id}"):
        client = mlflow.MlflowClient(tracking.uri)
        try:
            result = client.get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        if result.info.lifecycle_stage != "active":
            return None
        client.update_run(run_id, status="RUNNING")
    return MlflowRun(mlflow, tracking.uri, result.info.experiment_id, run_id)


def end_run_left_open(tracking: TrackingConfig, run_id: str) -> None:
    """Mark a run that a killed process left RUNNING as KILLED; a run that is gone is let be."""
    run = take_up_run(tracking, run_id) if tracking.enabled else None
    if run is not None:
        run.end("KILLED")


def reach_mlflow(tracking: TrackingConfig) -> Any:
    """Import MLflow and point it to the store; ConfigError if that is a server which is down.

    A bundle holds the address without its password: ConfigError where one has to be given anew.
    """
    if HIDDEN in tracking.uri:
        raise ConfigError(
            f"tracking.uri {tracking.uri}: the password is not kept in a bundle; give the address anew, "
            "--set tracking.uri=..., or do without: --set tracking.enabled=false"
        )
    if is_server(tracking.uri):
        check_server(tracking.uri)
    mlflow = import_mlflow()
    with refusals(mlflow, tracking.uri, "set the tracking store"):
        mlflow.set_tracking_uri(tracking.uri)  # logging a model reads the global address
    return mlflow


def import_mlflow() -> Any:
    """Import MLflow, silent but for warnings; it sends nothing anywhere and packs no lock file of the folder around."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow  # noqa: PLC0415  # takes seconds, and must not happen before the lines above

    return mlflow


def request_signature(mlflow: Any) -> Any:
    """Give MLflow's schema of a request, so that a table without a needed column is refused before it is scored.

    `Any` where a cell may be missing, since a table then holds NaN among lists: mersalg itself checks the cells.
    """
    schema, text = mlflow.types.schema, mlflow.types.DataType.string
    columns = [schema.ColSpec(text, "request_id"), schema.ColSpec(text, "moment")]
    for name in ("cart", "history", "at", "kinds", "limit", "exclude", "only", "order"):
        columns.append(schema.ColSpec(schema.AnyType(), name, required=False))
    threshold = schema.ParamSpec("threshold", mlflow.types.DataType.boolean, default=True)
    return mlflow.models.ModelSignature(inputs=schema.Schema(columns), params=schema.ParamSchema([threshold]))


@contextmanager
def refusals(mlflow: Any, uri: str, what: str) -> Iterator[None]:
    """Turn what MLflow, its database driver or the disk raises into a ConfigError that names `tracking.uri`."""
    import sqlalchemy.exc  # noqa: PLC0415  # comes with mlflow, as late as mlflow

    try:
        yield
    except (mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError, ImportError, OSError) as error:
        raise ConfigError(
            f"tracking.uri {without_password(uri)}: MLflow could not {what}: {without_password(str(error))}; "
            "correct [tracking], or train without it: --set tracking.enabled=false"
        ) from error


def check_server(uri: str) -> None:
    """Ask an MLflow server for its health once, because MLflow itself retries for minutes; ConfigError if it is down.

    Any HTTP answer will do: whether it is the right one is for MLflow to say.
    """
    try:
        urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=10).close()
    except urllib.error.HTTPError:
        return
    except OSError as error:
        raise ConfigError(
            f"tracking.uri {without_password(uri)}: expected an MLflow server, got no answer: {error}; "
            "start it, or train without it: --set tracking.enabled=false"
        ) from None


def is_server(uri: str) -> bool:
    """Whether a store is reached over HTTP."""
    return uri.startswith(("http://", "https://"))


def artifact_location(uri: str) -> str | None:
    """Give the folder `mlruns` next to an SQLite file, as a URI; None = the store's own default."""
    prefix, separator, file = uri.partition(":///")
    if prefix != "sqlite" or not separator:
        return None
    return (Path(file).resolve().parent / "mlruns").as_uri()


def mlflow_command() -> str:
    """Give what a user types for MLflow in the current folder: the environment's own, if it lies in there."""
    own = Path(sys.executable).with_name("mlflow")
    here = Path.cwd()
    return str(own.relative_to(here)) if own.is_relative_to(here) else "mlflow"


def batches(entries: list[Any], size: int) -> Iterator[list[Any]]:
    """Yield the entries in order, at most `size` at a time."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
