"""The claim that the record of a service is what `mersalg uplift` and `mersalg evaluate --offers` read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from mersalg.cli import main
from mersalg_service.experiment import HOLD_OUT, read_experiment
from mersalg_training.logged_offers.read import read_offers
from serve.running import running
from toy_bundle import write_bundle

START = datetime(2025, 3, 1, 12)
TRIAL = 'name = "spring"\nshadow = "champion"\nwithout_unit = "champion"\n[arms]\nhold-out = 0.5\nchampion = 0.5\n'


def test_a_served_trial_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", "k" * 32)
    (tmp_path / "trial.toml").write_text(TRIAL)
    folder = write_bundle(tmp_path / "toy")
    experiment = read_experiment(tmp_path / "trial.toml")
    orders = ["customer_id,order_id,product_id,ordered_at,quantity,unit_price"]
    with running(folder, trial=str(tmp_path / "trial.toml"), exposures=str(tmp_path / "record")) as service:
        for number in range(300):
            customer, at = f"c{number}", START + timedelta(minutes=number)
            treated = experiment.assign(customer).arm != HOLD_OUT
            asked = {"cart": ["milk"], "limit": 1, "kinds": ["cross-sell"], "at": at.isoformat()}
            answer = service.recommend(customer_id=customer, order_id=f"o{number}", **asked)
            assert bool(answer.json["offers"]) == treated
            price = 20 + number % 7 + 6 * treated
            later = (at + timedelta(hours=1)).isoformat()
            orders.append(f"{customer},o{number},milk,{later},1,{price}")
            if treated and number % 3 == 0:
                orders.append(f"{customer},o{number},bread,{later},1,2")
        orders.append("late,o-late,milk,2025-06-01T00:00:00,1,1")
        service.recommend(cart=["milk"])  # nobody's: outside of the comparison
    (tmp_path / "orders.csv").write_text("\n".join(orders) + "\n")
    labelled = tmp_path / "labelled.parquet"
    arguments = [
        "uplift", "--orders", str(tmp_path / "orders.csv"), "--offers", str(tmp_path / "record"), "--out",
        str(tmp_path / "report"), "--labelled", str(labelled), "--set", "tracking.enabled=false",
    ]  # fmt: skip
    assert main(arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "champion against hold-out" in printed
    assert "3 rows without a unit's id are no part of the comparison" in printed
    report = json.loads((tmp_path / "report" / "uplift.json").read_text())
    effect = next(line["effect"] for line in report["lines"] if line["measure"] == "revenue per customer")
    assert effect["effect"] == pytest.approx(6.67, abs=0.5)
    assert report["ratio"]["mismatch"] is False
    (tmp_path / "record" / "more.csv").write_text("unit,arm\n")
    assert main(arguments) == 2
    assert "holds JSON Lines and more.csv" in capsys.readouterr().err
    rows = pq.read_table(labelled).to_pylist()
    shown = [row for row in rows if row["shown"]]
    assert {row["product_id"] for row in rows} == {"bread"}
    assert sum(row["accepted"] for row in shown) == sum(line.split(",")[2] == "bread" for line in orders)
    assert {row["accepted"] for row in rows if not row["shown"]} == {None}
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products AS SELECT 'bread' AS product_id")
    logged = read_offers(connection, str(labelled), {}, max_reject_share=0.0)  # as `mersalg evaluate --offers` does
    assert (logged.rows_kept, logged.notes[0]) == (
        len(shown),
        f"{len(rows) - len(shown)} rows say that nothing was shown, and are left out",
    )
