"""Claims about `mersalg evaluate NAME --offers`: from files to figures, or a refusal that says what to do."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from mersalg.cli import main
from small_log import drawn_log, write_log
from toy_bundle import CANDIDATES, write_bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, the orders of its shop, and a log of offers."""
    folder = tmp_path_factory.mktemp("command")
    write_bundle(folder / "toy")
    start = datetime(2017, 1, 1)
    lines = [
        f"customer-{number % 9},old-{number},{product},{start + timedelta(days=number)}"
        for number, product in enumerate(list(CANDIDATES) * 10)
    ]
    (folder / "orders.csv").write_text("customer_id,order_id,product_id,ordered_at\n" + "\n".join(lines) + "\n")
    write_log(drawn_log(1200, np.random.default_rng(21)), folder / "offers.parquet")
    return folder


def run(folder: Path, *more: str) -> int:
    return main(["evaluate", str(folder / "toy"), "--set", f"data.orders={folder / 'orders.csv'}", *more])


def test_the_figures_are_printed_and_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "found.json"
    assert run(folder, "--offers", str(folder / "offers.parquet"), "--json", str(file)) == 0
    printed = capsys.readouterr().out
    for told in (
        "3,600 of 3,600 logged offers count",
        "position 1",
        "tenth ",
        "effective sample",
        "no cart:",
        "more-of-same: ",
        " more than the log\n",
    ):
        assert told in printed
    found = json.loads(file.read_text())
    assert found["value"]["every"]["missing"] is None
    stated = [group for group, value in found["value"].items() if group != "every" and value["missing"] is None]
    assert len(stated) >= 2
    assert printed.count("\nSNIPS 0.") == len(stated)
    assert set(found["value"]["every"]["values"]) == {"IPS", "clipped IPS", "SNIPS", "DR", "SNDR", "Switch-DR"}
    assert found["offers"]["rows_kept"] == 3600


def test_offers_in_any_position_are_matched_where_that_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--offers", str(folder / "offers.parquet"), "--positions", "any") == 0
    assert "in any position of the same request" in capsys.readouterr().out


def test_a_log_that_is_not_there_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--offers", str(folder / "nothing.parquet")) != 0
    assert "found no file" in capsys.readouterr().err


def test_tracking_that_is_switched_off_is_refused_and_not_passed_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offers = str(folder / "offers.parquet")
    assert run(folder, "--offers", offers, "--track", "--set", "tracking.enabled=false") != 0
    assert "tracking.enabled=true" in capsys.readouterr().err


@pytest.mark.parametrize("names", [{}, {"shown": "on_page", "accepted": "put_in_cart", "arm": "variant"}])
def test_an_accepted_offer_that_nobody_saw_changes_no_figure(
    names: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Held out by the arm, where the record does not say whether it was shown; or not shown, as it says."""
    seen = [row | {"shown": True, "arm": "champion"} for row in drawn_log(400, np.random.default_rng(22))]
    held_out = {"customer_id": "eve", "accepted": 1, "shown": None, "arm": "hold-out"}
    not_shown = {"customer_id": "zoe", "accepted": 1, "shown": False}
    everything = [*seen, *(row | held_out for row in seen), *(row | not_shown for row in seen)]
    mapped = [f"--set=data.columns.{column}={name}" for column, name in names.items()]
    found = []
    for rows in (seen, everything):
        spelled = [{names.get(name, name): value for name, value in row.items()} for row in rows]
        log, file = write_log(spelled, folder / "trial.parquet"), folder / "trial.json"
        assert run(folder, "--offers", str(log), "--json", str(file), *mapped) == 0
        found.append(json.loads(file.read_text()))
    for document in found:
        del document["offers"]["notes"]
    assert found[0] == found[1]
    assert "2,400 rows say that nothing was shown, and are left out" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_the_figures_are_logged_to_mlflow_where_that_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mersalg_training.tracking.mlflow_run import import_mlflow

    store = f"sqlite:///{folder / 'mlflow.db'}"
    assert run(folder, "--offers", str(folder / "offers.parquet"), "--track", "--set", f"tracking.uri={store}") == 0
    assert "Run  " in capsys.readouterr().out
    client = import_mlflow().MlflowClient(store)
    [logged] = client.search_runs([client.get_experiment_by_name("mersalg").experiment_id])
    assert logged.data.metrics["acceptance/value.every/snips"] > 0.5
    assert [artifact.path for artifact in client.list_artifacts(logged.info.run_id)] == ["acceptance.json"]
