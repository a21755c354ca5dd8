"""Claims about a mailing in a trial: the hold-out gets nothing and uses up nothing, and the record is whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ledger.test_commands import Made, Out, who_gets_what
from mersalg.cli import main
from mersalg_service.experiment import EXPOSURE_FIELDS, HOLD_OUT, read_experiment
from mersalg_service.ledger import Batch, Ledger
from toy_bundle import write_bundle

TRIAL = 'name = "mails"\n{more}\n[arms]\nhold-out = 0.5\nchampion = 0.5\n'
SHADOW = 'shadow = "champion"'


@pytest.fixture
def made(tmp_path: Path, url: str, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Sixty customers who all bought milk."""
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", "k" * 32)
    lines = [f"c{number:02},milk,2017-11-02,1" for number in range(60)]
    (tmp_path / "orders.csv").write_text("\n".join(["customer_id,product_id,ordered_at,quantity", *lines]))
    return Made(write_bundle(tmp_path / "toy"), tmp_path / "orders.csv", url, key_file, tmp_path)


def trial(made: Made, more: str = SHADOW) -> list[str]:
    (made.folder / "trial.toml").write_text(TRIAL.format(more=more))
    return ["--trial", str(made.folder / "trial.toml"), "--exposures", str(made.folder / "record")]


def arms(made: Made) -> dict[str, str]:
    experiment = read_experiment(made.folder / "trial.toml")
    return {customer: experiment.assign(customer).arm for customer in (f"c{number:02}" for number in range(60))}


def record(made: Made, batch: str) -> list[dict[str, Any]]:
    text = (made.folder / "record" / f"follow-up-{batch}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_who_is_held_out_gets_nothing_and_what_he_would_have_got_is_in_the_record(made: Made, capsys: Out) -> None:
    mails = made.mails("mails.jsonl", "--batch", "one", *trial(made))
    arm = arms(made)
    assert {row["customer_id"] for row in mails} == {c for c in arm if arm[c] == "champion"}
    without = made.rows("mails.none.jsonl")
    assert {(row["customer_id"], row["reason"]) for row in without} == {
        (c, "hold-out") for c in arm if arm[c] == HOLD_OUT
    }
    assert "hold-out " in capsys.readouterr().out
    rows = record(made, "one")
    assert set(rows[0]) == set(EXPOSURE_FIELDS)
    offered = [(row["customer_id"], row["position"], row["product_id"]) for row in rows]
    assert offered == [(c, place, p) for c in sorted(arm) for place, p in ((1, "milk"), (2, "bread"))]
    assert all(row["shown"] == (row["arm"] == "champion") == (arm[row["unit"]] == "champion") for row in rows)
    assert {(row["moment"], row["offered_at"], row["propensity"], row["experiment"]) for row in rows} == {
        ("follow-up", "2017-12-01T00:00:00", 0.5, "mails")
    }


def test_without_a_shadow_the_record_says_that_he_was_held_out(made: Made) -> None:
    made.mails("mails.jsonl", "--batch", "one", *trial(made, ""))
    rows = [row for row in record(made, "one") if row["arm"] == HOLD_OUT]
    assert rows
    assert {(row["product_id"], row["shown"], row["reason"], row["bundle"]) for row in rows} == {
        (None, False, "hold-out", None)
    }


def test_a_hold_out_uses_up_no_cap_and_no_offer(made: Made) -> None:
    options = [*trial(made), "--cap", "offers:2/30d"]
    made.mails("one.jsonl", "--batch", "one", *options)
    later = ["--at", "2017-12-08", "--batch", "two"]
    assert made.mails("two.jsonl", *options, *later) == []
    arm = arms(made)
    reasons = {row["customer_id"]: row["reason"] for row in made.rows("two.none.jsonl")}
    assert reasons == {c: "hold-out" if arm[c] == HOLD_OUT else "cap offers:2/30d" for c in arm}
    rows = record(made, "two")
    assert {(row["arm"], row["product_id"], row["reason"]) for row in rows} == {
        (HOLD_OUT, "milk", None),
        (HOLD_OUT, "bread", None),
        ("champion", None, "cap offers:2/30d"),
    }
    over = made.mails("three.jsonl", "--at", "2018-02-01")  # the trial is over: everybody is written to
    held = [row for row in over if arm[row["customer_id"]] == HOLD_OUT]
    assert {row["product_id"] for row in held} == {"milk", "bread"}


def test_what_would_have_been_offered_keeps_the_caps(made: Made) -> None:
    options = ["--cap", "more-of-same:0/30d", "--cap", "cross-sell:1/30d", "--limit", "3"]
    made.mails("mails.jsonl", "--batch", "one", *trial(made), *options)
    rows = record(made, "one")
    by_arm = {
        arm: {(row["position"], row["product_id"]) for row in rows if row["arm"] == arm}
        for arm in (HOLD_OUT, "champion")
    }
    assert by_arm[HOLD_OUT] == by_arm["champion"] == {(1, "bread")}, "a second cross-sell is over its cap"


def test_a_killed_batch_goes_on_and_has_each_row_once(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--batch", "one", *trial(made))
    monkeypatch.setattr(Ledger, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(made.arguments("mails.jsonl", *arguments)) == 130
    monkeypatch.undo()
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", "k" * 32)
    first = record(made, "one")
    made.mails("mails.jsonl", *arguments)
    again = made.mails("mails.jsonl", *arguments)  # finished: written once more
    assert record(made, "one") == first
    assert len({(row["customer_id"], row["position"]) for row in first}) == len(first) == 120
    assert who_gets_what(again) == who_gets_what(made.rows("mails.jsonl"))


def test_who_opts_out_while_a_batch_is_written_was_shown_nothing_in_its_record(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = trial(made)
    customer = next(customer for customer, arm in arms(made).items() if arm == "champion")
    mark_written = Ledger.mark_written

    def and_then(ledger: Ledger, batch: Batch) -> None:
        mark_written(ledger, batch)
        assert made.ledger("opt-out", "--customer", customer) == 0

    monkeypatch.setattr(Ledger, "mark_written", and_then)
    assert customer not in {row["customer_id"] for row in made.mails("mails.jsonl", "--batch", "one", *options)}
    rows = [row for row in record(made, "one") if row["unit"] == customer]
    assert [(row["product_id"], row["shown"], row["reason"]) for row in rows] == [(None, False, "opted out")]


@pytest.mark.parametrize("change", ["other key", "other shares"])
def test_a_batch_goes_on_with_the_trial_with_which_it_began(
    made: Made, change: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    arguments = made.arguments("mails.jsonl", "--batch", "one", *trial(made))
    assert main(arguments) == 0
    if change == "other key":
        monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", "x" * 32)
    else:
        file = made.folder / "trial.toml"
        file.write_text(file.read_text().replace("= 0.5", "= 0.25", 1).replace("champion = 0.5", "champion = 0.75"))
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert "was made with trial" in told
    assert "k" * 32 not in told


def test_a_record_as_parquet_has_the_types_of_its_columns(made: Made) -> None:
    options = [*trial(made)[:3], str(made.folder / "record.parquet")]
    made.mails("mails.jsonl", *options)
    table = pq.read_table(made.folder / "record.parquet")
    assert table.num_rows == 120
    assert {name: str(table.schema.field(name).type) for name in ("shown", "offered_at", "position")} == {
        "shown": "bool",
        "offered_at": "timestamp[us]",
        "position": "int32",
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--trial", "{trial}"], "--exposures FOLDER: expected"),
        (["--exposures", "{record}"], "--trial FILE.toml: expected"),
        (["--trial", "{order}", "--exposures", "{record}"], "unit: expected customer, for"),
        (["--trial", "{trial}", "--exposures", "{nowhere}"], "cannot be a folder"),
    ],
)
def test_a_trial_that_cannot_be_is_refused(made: Made, options: list[str], words: str, capsys: Out) -> None:
    trial(made)
    (made.folder / "order.toml").write_text(TRIAL.format(more='unit = "order"'))
    places = {
        "trial": made.folder / "trial.toml", "order": made.folder / "order.toml", "record": made.folder / "record",
        "nowhere": made.folder / "no" / "record",
    }  # fmt: skip
    assert main(made.arguments("mails.jsonl", *(option.format(**places) for option in options))) == 2
    assert words in capsys.readouterr().err
    assert not (made.folder / "mails.jsonl").exists()
