"""Claims about `mersalg evaluate`: the window is the manifest's, the figures are kept, wrong numbers are refused."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mersalg.errors import MersalgError
from mersalg_training.commands.evaluate import add_command, evaluate_command
from mersalg_training.evaluation.metrics import OURS, RECALL
from toy_bundle import write_bundle


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # SQLAlchemy's, of MLflow's own
def test_the_command_evaluates_a_bundle_on_the_window_that_its_manifest_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the artifacts of a local store lie
    write_bundle(tmp_path / "toy")
    orders = write_orders(tmp_path / "orders.csv")
    store = f"sqlite:///{tmp_path / 'runs.db'}"
    sets = [f"data.orders='{orders}'", "label.horizon_days=3", "tracking.enabled=true", f"tracking.uri='{store}'"]
    arguments = ["--queries", "50", "--json", str(tmp_path / "found.json"), *(x for s in sets for x in ("--set", s))]
    assert evaluate_command(parsed(tmp_path / "toy", *arguments)) == 0
    printed = capsys.readouterr().out
    assert "these are not the purchases that the bundle was trained on" in printed
    assert "completion, all" in printed
    found = json.loads((tmp_path / "found.json").read_text())
    ours = {row["task"]: row["value"] for row in found["rows"] if (row["method"], row["metric"]) == (OURS, RECALL)}
    assert ours["completion, all"] == 1.0  # three products of the toy bundle's seven in each order
    assert any(row["offers"] for row in found["shown"])
    run, artifacts = read_run(store, printed.rpartition("/runs/")[2].strip())
    assert run.data.metrics["ndcg/completion"] == run.data.metrics["ndcg/completion/high"] == 1.0
    assert run.data.metrics["certified/cross_sell"] == 0.22
    assert len(run.data.metrics) < 80
    table = (tmp_path / "mlruns" / run.info.run_id / "artifacts" / "metrics.csv").read_text()
    every = dict(csv.reader(table.splitlines()))
    assert every["test/completion.all/recall_at_10"] == "1.0"
    assert "test/completion.all/baseline.popularity/recall_at_10" in every
    assert run.data.params == {"queries": "50", "baselines": "quick"}
    assert {"metrics.csv", "evaluation.json", "evaluation.md", "evaluation_recall.md", "report.html"} <= artifacts


def read_run(store: str, run_id: str) -> tuple[Any, set[str]]:
    """A run, and the names of its artifacts at the top."""
    import mlflow

    client = mlflow.MlflowClient(store)
    return client.get_run(run_id), {artifact.path for artifact in client.list_artifacts(run_id)}


def test_the_command_refuses_a_number_of_queries_below_one(tmp_path: Path) -> None:
    with pytest.raises(MersalgError, match="--queries"):
        evaluate_command(parsed(tmp_path, "--queries", "0"))


def parsed(bundle: Path, *arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    return parser.parse_args(["evaluate", str(bundle), *arguments])


def write_orders(path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price"])
        for month in range(1, 6):
            for day in range(1, 29):
                for place, product in enumerate(["bread", "butter", "bag"]):
                    row = [
                        f"c{day % 7}",
                        f"o{month}-{day}",
                        product,
                        f"2017-{month:02}-{day:02}T10:00:00",
                        1,
                        2 + place,
                    ]
                    writer.writerow(row)
    return path
