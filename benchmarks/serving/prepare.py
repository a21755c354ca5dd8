"""Everything that the contenders load, made once of a bundle and its purchases."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

from contenders import Place
from fit_lookups import write_lookups
from real_requests import open_source
from request_file import write_requests

import mersalg

STAMP = "prepared.json"


def prepare(place: Place, n: int, seed: int, progress: Callable[[str], None]) -> None:
    """Fill the work folder; what is there of the same bundle, requests and seed stays.

    DataError where the bundle held no test window back, or its purchases are not there.
    """
    recommender = mersalg.load(place.bundle)
    manifest = dict(recommender.manifest)
    stamp = {"scorer": manifest["files"]["scorer.onnx"]["sha256"], "requests": n, "seed": seed}
    written = place.work / STAMP
    if written.is_file() and json.loads(written.read_text()) == stamp:
        progress(f"Reused {place.work}")
        return
    shutil.rmtree(place.work, ignore_errors=True)
    place.work.mkdir(parents=True)
    progress("Reading purchases")
    source = open_source(manifest, str(place.bundle))
    write_requests(source.requests(n, seed), place.work / "requests.jsonl")
    (place.work / "often_bought.json").write_text(json.dumps(source.often_bought(20_000, seed)))
    progress("Fitting the bare lookups")
    write_lookups(source, list(recommender.names), place.work / "lookups")
    progress("Saving the bundle as MLflow's model")
    save_for_mlflow(place.bundle, place.work / "mlflow")
    written.write_text(json.dumps(stamp))


def save_for_mlflow(bundle: Path, folder: Path) -> None:
    """The bundle as `mersalg train` logs it, in a folder."""
    from mersalg_training.tracking.mlflow_run import import_mlflow  # noqa: PLC0415
    from mersalg_training.tracking.model_entry import signature  # noqa: PLC0415

    mlflow = import_mlflow()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType")
        warnings.filterwarnings("ignore", ".*An input example was not provided")  # golden.json holds examples
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module="mersalg.pyfunc",
            data_path=str(bundle),
            signature=signature(mlflow),
            pip_requirements=["pandas"],
        )
