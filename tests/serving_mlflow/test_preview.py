"""Claim: the report that a run holds is seen in MLflow's own page."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mersalg_training.config import TrackingConfig
from mersalg_training.report.tracking import log_report
from mersalg_training.tracking.mlflow_run import import_mlflow, open_run
from playground.pages import find_playwright
from report.evidence import EVALUATION, with_patterns, write_full_bundle
from web.conftest import found
from web.programs import find_node

SECONDS = 600.0
PREVIEW = Path(__file__).with_name("preview.mjs")


def shown_by(url: str, picture: Path) -> dict[str, Any]:
    """What a driven Chromium sees of an artifact's preview."""
    command = [*found(find_node), str(PREVIEW), found(find_playwright), url, str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, f"{picture}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_the_report_of_a_run_is_seen_in_mlflow_s_own_page(mlflow_server: str, tmp_path: Path) -> None:
    folder = with_patterns(write_full_bundle(tmp_path / "toy"))
    with open_run(TrackingConfig(uri=mlflow_server, experiment="previewed"), "toy") as run:
        log_report(run, folder, EVALUATION)
    assert run.id is not None
    experiment = import_mlflow().MlflowClient(mlflow_server).get_run(run.id).info.experiment_id
    url = f"{mlflow_server}/#/experiments/{experiment}/runs/{run.id}/artifacts/report.html"
    told = shown_by(url, tmp_path / "preview.png")
    assert told["heading"] == "toy: report of a bundle"
    assert "Fresh bread" in told["text"]
    assert "At least 22.0% of what is shown is bought" in told["text"]
    assert told["seen"]
    assert told["styled"] == "grid"
    assert min(told["box"]["width"], told["box"]["height"]) > 300
