from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from mersalg_training.commands import validate as command


def validate(folder: Path, *more: str, days: int = 30) -> int:
    pairs = (("anna", "bread"), ("bert", "milk"))
    lines = [
        f"{who},{day},{what},2024-01-{day:02d},1,3" for day in range(1, days + 1) for who, what in [pairs[day % 2]]
    ]
    (folder / "orders.csv").write_text(
        "\n".join(["customer_id,Invoice,product_id,ordered_at,quantity,unit_price", *lines])
    )
    (folder / "job.toml").write_text(f'name = "job"\n[data]\norders = "{folder / "orders.csv"}"\n')
    parser = argparse.ArgumentParser()
    command.add_command(parser.add_subparsers())
    args = parser.parse_args(["validate", str(folder / "job.toml"), *more])
    return int(args.handler(args))


def test_what_was_read_mapped_switched_off_and_split_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(tmp_path) == 0
    out = capsys.readouterr().out
    for told in ("30 of 30 order lines count", "order_id is read from Invoice", "no brand", "calibrate", "2024-01-31"):
        assert told in out


def test_json_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(tmp_path, "--json", "--set", "split.test_days=0") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is True
    assert found["columns"]["orders"]["order_id"] == "Invoice"
    assert found["contract"]["lines_kept"] == 30
    assert found["windows"]["test_from"] == found["windows"]["to"] == "2024-01-31T00:00:00"
    assert [size["window"] for size in found["window_sizes"]] == ["fit", "rank", "calibrate"]


def test_purchases_that_do_not_hold_exit_with_2_and_say_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(tmp_path, days=4) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "expected orders of at least 5 days, got 4" in printed.err


def test_an_error_is_json_where_json_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(tmp_path, "--json", "--set", "data.orders=nowhere.csv") == 2
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is False
    assert "nowhere.csv" in found["error"]


def test_a_configuration_that_does_not_hold_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(tmp_path, "--set", "split.tests=1") == 2
    assert "split.tests" in capsys.readouterr().err


def test_a_line_of_the_purchases_is_printed_only_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cancelled = ("--set", "contract.cancelled_order_pattern=^7$")
    assert validate(tmp_path, *cancelled) == 0
    printed = capsys.readouterr().out
    assert "cancellation" in printed
    assert "bert" not in printed
    assert validate(tmp_path, *cancelled, "--json") == 0
    assert "bert" not in capsys.readouterr().out
    assert validate(tmp_path, *cancelled, "--examples") == 0
    assert "customer_id 'bert'" in capsys.readouterr().out


def test_an_error_shows_lines_only_where_they_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cancelled = ("--set", "contract.cancelled_order_pattern=.")
    assert validate(tmp_path, *cancelled) == 2
    told = capsys.readouterr().err
    assert "--examples" in told
    assert "anna" not in told
    assert validate(tmp_path, *cancelled, "--examples") == 2
    assert "customer_id 'anna'" in capsys.readouterr().err
