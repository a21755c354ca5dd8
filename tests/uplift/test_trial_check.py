"""Claims: a sound trial passes every check, whatever its effect, and each way to spoil one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mersalg.cli import main
from mersalg.errors import ConfigError
from mersalg_training.config import parse_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases
from mersalg_training.uplift.outcomes import tie_orders
from mersalg_training.uplift.record import read_record
from mersalg_training.uplift.result import Options
from mersalg_training.uplift.trial_check import TrialCheck, check_trial
from small_trial import START, write_trial

Row = dict[str, Any]
SPLITS = 200
FEW_SPLITS = 30
"""Where the claim is about something else."""


def check(folder: Path, unit: Any = "customer", options: Options | None = None, splits: int = FEW_SPLITS) -> TrialCheck:
    """What is found of the trial in a folder."""
    config = parse_config({"name": "t", "data": {"orders": str(folder / "orders.csv")}}, "test")
    purchases = open_purchases(config.data)
    apply_contract(purchases, config.contract, keep_judged=True)
    offers = str(folder / "offers.jsonl")
    record = read_record(purchases.connection, offers, config.data.columns, unit, max_crossed=1.0)
    tie_orders(purchases.connection, record)
    return check_trial(purchases.connection, record, options or Options(), seed=7, splits=splits)


def faults(found: TrialCheck) -> list[str]:
    return [one.name for one in found.checks if one.verdict == "FAULT"]


def spoil(folder: Path, change: Callable[[int, Row], list[Row]]) -> None:
    """Each row of the record becomes those that `change` makes of its place and itself."""
    rows = [json.loads(line) for line in (folder / "offers.jsonl").read_text().splitlines()]
    made = [row for place, one in enumerate(rows) for row in change(place, one)]
    (folder / "offers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_sound_trial_passes_every_check_though_its_offers_add_much(tmp_path: Path, seed: int) -> None:
    write_trial(tmp_path, customers=500, effect=0.5, seed=seed)
    found = check(tmp_path, splits=SPLITS)
    assert found.is_sound, faults(found)
    assert {one.verdict for one in found.checks} == {"sound"}
    assert len(found.checks) == 6 + 4 + 2 * 2


def test_lost_customers_of_one_arm_are_a_sample_ratio_that_was_not_drawn(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=600)
    spoil(tmp_path, lambda place, row: [] if row["arm"] == "champion" and place % 3 == 0 else [row])
    assert faults(check(tmp_path)) == ["sample ratio"]


def test_customers_who_were_seen_in_two_arms_are_named(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=400)
    other = {"hold-out": "champion", "champion": "hold-out"}
    later = (START + timedelta(days=91)).isoformat()

    def seen_twice(place: int, row: Row) -> list[Row]:
        again = {**row, "arm": other[row["arm"]], "offered_at": later, "shown": False}
        return [row, again] if place % 20 == 0 else [row]

    spoil(tmp_path, seen_twice)
    found = check(tmp_path)
    assert faults(found) == ["one arm for each"]
    told = next(one.found for one in found.checks if one.name == "one arm for each")
    assert told == "20 of 400 units were seen in two arms"


def test_rows_without_an_arm_are_named(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=400)
    spoil(tmp_path, lambda place, row: [row, {**row, "arm": None}] if place % 10 == 0 else [row])
    assert faults(check(tmp_path)) == ["every row is assigned"]


def test_a_hold_out_that_was_shown_offers_leaks(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=400)
    spoil(tmp_path, lambda place, row: [{**row, "shown": row["shown"] or place % 5 == 0}])
    assert faults(check(tmp_path)) == ["the hold-out saw nothing"]


def test_a_control_that_is_a_bundle_may_show_offers(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=400)
    spoil(tmp_path, lambda place, row: [{**row, "arm": row["arm"].replace("hold-out", "old"), "shown": True}])
    found = check(tmp_path, options=Options(control="old"))
    assert found.is_sound
    assert "the hold-out saw nothing" not in [one.name for one in found.checks]


def test_good_customers_who_were_put_into_one_arm_show_in_what_they_bought_before(tmp_path: Path) -> None:
    orders, _ = write_trial(tmp_path, customers=600, effect=0.0)
    spent: dict[str, float] = {}
    for line in orders.read_text().splitlines()[1:]:
        customer, _, _, at, _, price = line.split(",")
        if datetime.fromisoformat(at) < START + timedelta(days=60):
            spent[customer] = spent.get(customer, 0.0) + float(price)
    ranked = sorted((f"c{number:04}" for number in range(600)), key=lambda name: spent.get(name, 0.0))
    best = set(ranked[300:])
    spoil(tmp_path, lambda place, row: [{**row, "arm": "champion" if row["unit"] in best else "hold-out"}])
    found = faults(check(tmp_path, options=Options(shares={"hold-out": 0.5, "champion": 0.5})))
    assert "alike: revenue before" in found
    assert "sample ratio" not in found


def test_an_arm_that_was_filled_later_is_named(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=400)

    def moved(place: int, row: Row) -> list[Row]:
        days = 15 if row["arm"] == "champion" else 0
        return [{**row, "offered_at": (datetime.fromisoformat(row["offered_at"]) + timedelta(days=days)).isoformat()}]

    spoil(tmp_path, moved)
    assert "assigned in the same days" in faults(check(tmp_path))


def test_a_record_of_other_days_than_the_orders_is_named(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=400)

    def a_year_later(place: int, row: Row) -> list[Row]:
        return [{**row, "offered_at": (datetime.fromisoformat(row["offered_at"]) + timedelta(days=365)).isoformat()}]

    spoil(tmp_path, a_year_later)
    assert "orders of those days" in faults(check(tmp_path))


def test_one_reseller_who_carries_the_variance_is_found_by_the_splits(tmp_path: Path) -> None:
    orders, offers = write_trial(tmp_path, customers=400, effect=0.0)
    rows = [json.loads(line) for line in offers.read_text().splitlines()]
    whale = next(row for row in rows if row["arm"] == "champion")
    at = datetime.fromisoformat(whale["offered_at"]) + timedelta(days=2)
    with orders.open("a") as file:
        file.write(f"{whale['unit']},bulk,p1,{at.isoformat()},1,90000000\n")
    found = check(tmp_path, splits=SPLITS)
    assert "A/A in champion: revenue per customer" in faults(found)
    assert all(name.startswith("A/A in champion") for name in faults(found))
    told = next(one.found for one in found.checks if one.verdict == "FAULT")
    assert told.startswith("0.0% of 200 splits differ")


def test_few_units_and_orders_as_units_are_told_of_as_far_as_can_be(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=40)
    found = check(tmp_path)
    assert found.is_sound
    told = {one.name: one.verdict for one in found.checks}
    assert told["A/A in champion: revenue per customer"] == "not told"
    assert told["sample ratio"] == "sound"


def test_a_control_that_is_no_arm_is_refused(tmp_path: Path) -> None:
    write_trial(tmp_path, customers=60)
    with pytest.raises(ConfigError, match="--control nobody: expected one of"):
        check(tmp_path, options=Options(control="nobody"))


def test_half_of_an_arm_differs_from_the_other_as_often_as_the_test_says(tmp_path: Path) -> None:
    """The nominal share over all arms, measures and seeds, within what chance allows."""
    shares = []
    for seed in range(11, 14):
        folder = tmp_path / str(seed)
        folder.mkdir()
        write_trial(folder, customers=400, seed=seed)
        shares += [
            float(one.found.split("%")[0]) for one in check(folder, splits=SPLITS).checks if one.name.startswith("A/A")
        ]
    assert len(shares) == 12
    assert 3.5 < np.mean(shares) < 6.5


def run(folder: Path, *arguments: str) -> int:
    files = ("--orders", str(folder / "orders.csv"), "--offers", str(folder / "offers.jsonl"))
    return main(["uplift", *files, "--aa", *arguments])


def test_the_command_prints_verdicts_and_gives_status_0_for_a_sound_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_trial(tmp_path, customers=120)
    assert run(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "Sound       nothing speaks against this trial" in printed
    assert "sample ratio" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offers.jsonl", "orders.csv"]  # and no run is logged


def test_a_fault_gives_status_1_in_text_and_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_trial(tmp_path, customers=120)
    spoil(tmp_path, lambda place, row: [{**row, "shown": True}])
    assert run(tmp_path) == 1
    assert "FAULT       the hold-out saw nothing: the hold-out leaks" in " ".join(capsys.readouterr().out.split(" "))
    assert run(tmp_path, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["sound"] is False
    leak = next(one for one in document["checks"] if one["name"] == "the hold-out saw nothing")
    assert leak["verdict"] == "FAULT"


@pytest.mark.parametrize(("arguments", "told"), [(("--out", "x"), "--out: --aa writes no file")])
def test_options_that_do_not_go_together_are_refused(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_trial(tmp_path, customers=60)
    assert run(tmp_path, *arguments) == 2
    assert told in capsys.readouterr().err


def test_json_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders, offers = write_trial(tmp_path, customers=60)
    assert main(["uplift", "--orders", str(orders), "--offers", str(offers), "--json"]) == 2
    assert "--json: prints what --aa finds" in capsys.readouterr().err
