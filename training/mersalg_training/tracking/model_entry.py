"""A bundle as a model of MLflow: its schema, an example of a request, what its environment needs, and its registration.

MLflow itself comes in as a value: `mlflow_run` is the module that imports it.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, Final

from mersalg.errors import BundleError
from mersalg.offers import OFFER_FIELDS
from mersalg.recommender import load
from mersalg.requests import FIELDS
from mersalg_training.drift.check import manifest_digest
from mersalg_training.tracking.description import describe_version, version_tags
from mersalg_training.tracking.run import RegisteredBundle
from mersalg_training.tracking.wheel import write_wheel

ALIAS: Final = "challenger"
MODEL_TYPE: Final = "mersalg"
"""Of logged models, and for `mlflow.models.evaluate`."""
BUNDLE_IN_MODEL: Final = "data/bundle"
"""Where the bundle lies in the logged model, whatever the folder was called when it was logged."""
PINNED: Final = ("numpy", "onnxruntime", "pandas")
"""What answers in the model's environment beside mersalg, in the versions that answered the golden requests."""
NUMBERS: Final = ("relevance", "score", "lift", "due_in_days", "interval_days", "price_step")
WHOLE_NUMBERS: Final = ("rank", "times_bought")
LISTS: Final = ("better",)
"""Of an offer's fields, those that are no text."""


@dataclass(frozen=True)
class ModelEntry:
    """What the registry is told of a bundle."""

    description: str
    tags: Mapping[str, str]
    example: Mapping[str, Any] | None
    """A golden request that is answered with an offer; None where there is none."""


def read_entry(folder: Path) -> ModelEntry:
    """Read, verify and try a bundle, and give what the registry is told of it. BundleError where it does not hold."""
    if not (folder / "manifest.json").is_file():
        raise BundleError(f"{folder}: expected a bundle with a manifest.json, got none; write the bundle first")
    recommender = load(folder)
    golden = json.loads((folder / "golden.json").read_text("utf-8"))
    parity = f"{len(golden['requests'])} golden requests answered alike by onnxruntime {version('onnxruntime')}"
    tags = version_tags(recommender.manifest, manifest_digest(folder), f"{parity}, {platform.machine()}")
    answered = (r for r, answer in zip(golden["requests"], golden["answers"], strict=True) if answer)
    return ModelEntry(
        describe_version((folder / "CARD.md").read_text("utf-8")),
        tags,
        next(({name: cell for name, cell in request.items() if cell not in (None, [])} for request in answered), None),
    )


def log_model(mlflow: Any, client: Any, folder: Path, entry: ModelEntry, run_id: str, model: Any) -> None:
    """Log a bundle as the pyfunc model of an entry that is open, with the wheel that its environment installs.

    Not by MLflow's `Model.log`, which links every metric of the run to the model once more.
    """
    import pandas as pd  # noqa: PLC0415  # comes with mlflow, as late as mlflow

    with tempfile.TemporaryDirectory() as staging, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*An input example was not provided")  # of a bundle that offers nothing
        warnings.filterwarnings("ignore", "Operation with range is deprecated")  # MLflow's use of pandas
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")  # MLflow about its own types
        data = Path(staging, PurePosixPath(BUNDLE_IN_MODEL).name)
        shutil.copytree(folder, data)
        wheel = write_wheel("mersalg", Path(staging))
        saved = Path(staging, "model")
        mlflow.pyfunc.save_model(
            str(saved),
            loader_module="mersalg.pyfunc",
            data_path=str(data),
            code_paths=[str(wheel)],
            mlflow_model=mlflow.models.Model(
                artifact_path=model.artifact_location, run_id=run_id, model_uuid=model.model_id, model_id=model.model_id
            ),
            signature=signature(mlflow),
            input_example=None if entry.example is None else pd.DataFrame([entry.example]),
            pip_requirements=[f"code/{wheel.name}", *(f"{name}=={version(name)}" for name in PINNED)],
        )
        client.log_model_artifacts(model.model_id, str(saved))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [mlflow.entities.LoggedModelOutput(model.model_id, step=0)])


def register(client: Any, name: str, run_id: str, model_id: str, entry: ModelEntry) -> RegisteredBundle:
    """Register a logged model whose name the registry knows, and move the alias to it."""
    made = client.create_model_version(
        name, f"models:/{model_id}", run_id, tags=dict(entry.tags), description=entry.description, model_id=model_id
    )
    client.set_registered_model_alias(name, ALIAS, made.version)
    link = json.dumps([{"name": name, "version": made.version}])
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link, **entry.tags})  # what the web page reads
    return RegisteredBundle(name, str(made.version), f"models:/{name}/{made.version}")


def signature(mlflow: Any) -> Any:
    """Give MLflow's schema of a request and of an offer.

    A table of requests without a needed column is refused before it is scored. `Any` where a cell may be missing, since
    a table then holds NaN among lists: mersalg itself checks the cells.
    """
    schema, types = mlflow.types.schema, mlflow.types.DataType
    requests = [schema.ColSpec(types.string, "request_id"), schema.ColSpec(types.string, "moment")]
    for name in (name for name in FIELDS if name not in ("request_id", "moment", "shopper")):
        requests.append(schema.ColSpec(schema.AnyType(), name, required=False))
    offers = [schema.ColSpec(type_of(name, schema, types), name, required=is_given(name)) for name in OFFER_FIELDS]
    threshold = schema.ParamSpec("threshold", types.boolean, default=True)
    return mlflow.models.ModelSignature(
        inputs=schema.Schema(requests), outputs=schema.Schema(offers), params=schema.ParamSchema([threshold])
    )


def type_of(name: str, schema: Any, types: Any) -> Any:
    """MLflow's type of an offer's field."""
    if name in LISTS:
        return schema.Array(types.string)
    return types.double if name in NUMBERS else types.long if name in WHOLE_NUMBERS else types.string


def is_given(name: str) -> bool:
    """Whether every offer has the field."""
    return name not in ("because", "lift", "due_in_days", "interval_days", "price_step")
