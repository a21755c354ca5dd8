"""`mersalg uplift` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mersalg.cli import main
from small_trial import write_trial

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")  # MLflow's own


def run(folder: Path, *arguments: str) -> int:
    store = f"sqlite:///{folder / 'mlflow.db'}"
    return main(["uplift", "--offers", str(folder / "offers.jsonl"), "--set", f"tracking.uri={store}", *arguments])


def test_the_report_is_printed_written_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, _ = write_trial(tmp_path, customers=300)
    monkeypatch.chdir(tmp_path)
    labelled = tmp_path / "labelled.parquet"
    assert run(tmp_path, "--orders", str(orders), "--out", "report", "--labelled", str(labelled)) == 0
    printed = capsys.readouterr().out
    assert "champion against hold-out" in printed
    assert "attributed, which is not uplift" in printed
    assert "not told: lifetime revenue over 365 days" in printed
    document = json.loads((tmp_path / "report" / "uplift.json").read_text())
    assert document["ratio"]["mismatch"] is False
    assert {line["measure"] for line in document["lines"]} >= {"revenue per customer", "revenue per order"}
    assert (tmp_path / "report" / "uplift.md").read_text().startswith("# Uplift\n")
    for name in ("effects_champion.png", "looks_champion.png", "attributed_champion.png", "cuped.png"):
        assert (tmp_path / "report" / name).read_bytes().startswith(b"\x89PNG")
    assert labelled.is_file()

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("mersalg")
    assert experiment is not None
    logged = client.search_runs([experiment.experiment_id])[0]
    effect = next(line["effect"] for line in document["lines"] if line["measure"] == "revenue per customer")
    assert logged.info.run_name == "uplift spring"
    assert logged.data.metrics["uplift/champion/revenue_per_customer/30_days/effect"] == effect["effect"]
    assert logged.data.tags["uplift.sample_ratio_mismatch"] == "false"


def test_a_sample_ratio_mismatch_is_said_and_gives_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders, _ = write_trial(tmp_path, customers=400)
    arguments = ("--orders", str(orders), "--shares", "hold-out=0.3,champion=0.7", "--set", "tracking.enabled=false")
    assert run(tmp_path, *arguments) == 1
    assert "MISMATCH" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "expected --orders PATH, or --config"),
        (("--orders", "{orders}", "--control", "nobody"), "--control nobody: expected one of"),
        (("--orders", "{orders}", "--confidence", "95"), "--confidence: expected a number above 0.5"),
        (("--orders", "{orders}", "--window-days", "0"), "--window-days: expected a number above 0"),
        (("--orders", "{orders}", "--shares", "champion"), "--shares champion: expected ARM=SHARE"),
        (("--orders", "{orders}", "--shares", "champion=0.5,hold-out=0.1"), "sum to 1"),
        (("--orders", "{orders}", "--labelled", "none/file.parquet"), "the folder none does not exist"),
        (("--orders", "none.csv"), "found no file"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders, _ = write_trial(tmp_path, customers=60)
    filled = [argument.format(orders=orders) for argument in arguments]
    assert run(tmp_path, *filled, "--set", "tracking.enabled=false") == 2
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("form", "names"), [("csv", {}), ("jsonl", {"shown": "on_page", "arm": "variant", "unit": "visitor"})]
)
def test_an_accepted_offer_that_nobody_saw_is_no_sale_of_an_arm_and_has_no_label(
    form: str, names: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everybody buys the product of an offer that was held out, or not shown though the arm was."""
    orders, offers = write_trial(tmp_path, customers=300)
    seen = [json.loads(line) for line in offers.read_text().splitlines()]
    bought = {line.split(",")[0]: line.split(",")[1:3] for line in orders.read_text().splitlines()[1:]}
    nobody_saw = []
    for row in [row for row in seen if row["unit"] in bought]:
        order_id, product_id = bought[row["unit"]]
        shown = False if row["arm"] == "champion" else None
        nobody_saw.append(row | {"order_id": order_id, "product_id": product_id, "moment": "follow-up", "shown": shown})
    mapped = [f"--set=data.columns.{column}={name}" for column, name in names.items()]
    attributed = []
    for rows in (seen, [*seen, *nobody_saw]):
        spelled = [{names.get(name, name): value for name, value in row.items()} for row in rows]
        record = write_record(spelled, tmp_path / f"record.{form}")
        arguments = ["--orders", str(orders), "--out", str(tmp_path / "report"), "--set=tracking.enabled=false"]
        labelled = tmp_path / "labelled.parquet"
        assert main(["uplift", "--offers", record, *arguments, "--labelled", str(labelled), *mapped]) == 0
        attributed.append(json.loads((tmp_path / "report" / "uplift.json").read_text())["attributed"])
    assert attributed[0] == attributed[1]
    labels = [row["accepted"] for row in pq.read_table(labelled).to_pylist() if not row["shown"]]
    assert len(labels) == len(nobody_saw) + sum(row["arm"] == "hold-out" for row in seen)
    assert set(labels) == {None}
    capsys.readouterr()


def write_record(rows: list[dict[str, Any]], path: Path) -> str:
    """Rows as JSON Lines or CSV."""
    lines = [json.dumps(row) for row in rows]
    if path.suffix == ".csv":
        cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
        lines = [",".join(rows[0]), *(",".join(row) for row in cells)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_configuration_tells_where_the_orders_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders, _ = write_trial(tmp_path, customers=100)
    text = orders.read_text().replace("customer_id", "household", 1)
    orders.write_text(text)
    config = tmp_path / "shop.toml"
    config.write_text(
        f'name = "shop"\n[data]\norders = "{orders}"\n[data.columns]\ncustomer_id = "household"\n'
        "[tracking]\nenabled = false\n"
    )
    assert main(["uplift", "--config", str(config), "--offers", str(tmp_path / "offers.jsonl")]) == 0
    assert "champion against hold-out" in capsys.readouterr().out
