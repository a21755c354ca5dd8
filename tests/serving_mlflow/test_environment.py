"""Claim: a logged model is served where mersalg is not installed, in an environment that MLflow makes for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mersalg
from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.mlflow_run import open_run

SECONDS = 1200
ASKS_AN_INDEX = ("Could not connect", "Failed to fetch", "No matching distribution", "No solution found", "dns error")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_an_environment_of_its_own_answers_the_example(trained_bundle: Path, tmp_path: Path) -> None:
    """By `mlflow models predict --env-manager uv`; skipped where no index of packages can be reached."""
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with open_run(TrackingConfig(uri=store), "corner-shop") as run:
        run.log_bundle(trained_bundle, "corner-shop")
    [example] = (tmp_path / "mlruns" / "models").glob("*/artifacts/serving_input_example.json")
    # Nothing of this environment is seen: neither PYTHONPATH nor its programs but uv.
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": store,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    arguments = ["models", "predict", "--model-uri", "models:/corner-shop@challenger", "--env-manager", "uv"]
    files = ["--input-path", str(example), "--output-path", str(tmp_path / "answers.json"), "--content-type", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", *arguments, *files],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0 and any(told in done.stderr for told in ASKS_AN_INDEX):
        pytest.skip(f"no index of packages can be reached: {done.stderr[-500:]}")
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads((tmp_path / "answers.json").read_text())["predictions"]
    request = json.loads(example.read_text())["dataframe_split"]
    golden = dict(zip(request["columns"], request["data"][0], strict=True))
    expected = mersalg.load(trained_bundle).score([golden])[0]
    assert [(offer["product_id"], offer["kind"]) for offer in answers] == [(o.product_id, o.kind) for o in expected]
    installed = f"mersalg=={mersalg.__version__} (from file://"
    assert installed in done.stdout + done.stderr, "uv says what it put into the environment, and where it comes from"
