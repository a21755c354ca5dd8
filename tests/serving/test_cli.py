from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mersalg.bundle import read_bundle
from mersalg.cli import main
from mersalg.display import summary
from toy_bundle import write_bundle

Out = pytest.CaptureFixture[str]


def test_inspect_prints_the_manifest_and_the_card_as_json(toy_folder: Path, capsys: Out) -> None:
    assert main(["inspect", str(toy_folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    card = facts.pop("card")
    assert facts == json.loads((toy_folder / "manifest.json").read_text())
    assert card == (toy_folder / "CARD.md").read_text()
    assert set(facts["certificates"][0]) == {"kind", "threshold", "precision", "confidence", "n", "from", "to"}


def test_inspect_prints_one_screen(toy_folder: Path, capsys: Out) -> None:
    assert main(["inspect", str(toy_folder)]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    for fact in ("toy", "1,000 lines", "golden", "replacement   silent", "0.2200", "--all", "--json"):
        assert fact in text
    assert "test/recall@10" not in text


def test_inspect_fits_the_screen_whatever_a_manifest_says(toy_folder: Path) -> None:
    bundle = read_bundle(toy_folder)
    manifest = {**bundle.manifest, "name": "x" * 500, "metrics": {f"test/{n}": 0.5 for n in range(5_000)}}
    lines = summary(replace(bundle, manifest=manifest)).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) == 100


def test_inspect_tells_of_the_weakest_tenth_where_the_manifest_does(toy_folder: Path) -> None:
    bundle = read_bundle(toy_folder)
    told = {"realised": 0.181, "at_least": 0.142, "at_most": 0.233}
    for tenth, expected in (
        (told, "0.1810 (0.142 to 0.233)"),
        (None, ""),
        ("much", ""),
        ({**told, "at_most": "x"}, ""),
    ):
        kinds = {kind: {**rule, "weakest_tenth": tenth} for kind, rule in bundle.manifest["kinds"].items()}
        table = summary(replace(bundle, manifest={**bundle.manifest, "kinds": kinds})).split("\n\n")[1].splitlines()
        assert table[0].endswith("weakest tenth")
        assert table[1].endswith(expected)
        assert ("0.1810" in table[1]) == bool(expected)


def test_inspect_prints_all_for_people(toy_folder: Path, capsys: Out) -> None:
    assert main(["inspect", str(toy_folder), "--all"]) == 0
    text = capsys.readouterr().out
    for fact in (
        "toy",
        "1,000 lines",
        "duplicate 3",
        "switched off",
        "replacement   silent",
        "0.2200",
        "test/recall@10",
    ):
        assert fact in text


def test_verify_says_what_was_checked(toy_folder: Path, capsys: Out) -> None:
    assert main(["verify", str(toy_folder)]) == 0
    text = capsys.readouterr().out
    for word in ("manifest", "files", "graph", "golden", "is a whole bundle"):
        assert word in text


def test_a_refusal_is_a_line_on_stderr_and_status_two(tmp_path: Path, capsys: Out) -> None:
    assert main(["verify", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("mersalg: ")
    assert captured.err.count("\n") == 1


def test_recommend_prints_a_table_with_names_and_reasons(toy_folder: Path, capsys: Out) -> None:
    asked = ["recommend", str(toy_folder), "--cart", "milk, bag", "--limit", "2"]
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "milk", "Fresh", "milk", "more-of-same", "0.5000", "in", "your", "order"]
    assert lines[2].endswith("  goes with Fresh milk: bought together six times as often as chance")
    assert len(lines) == 3
    assert main([*asked, "--language", "sv"]) == 0
    assert "passar till Fresh milk: köpt tillsammans sex gånger så ofta" in capsys.readouterr().out
    assert main([*asked, "--language", "de"]) == 2
    assert "language: expected one of en, da, no, sv, got 'de'" in capsys.readouterr().err


def test_recommend_takes_a_history_kinds_and_a_time_and_prints_json(
    toy_folder: Path, tmp_path: Path, capsys: Out
) -> None:
    history = tmp_path / "history.json"
    history.write_text('[{"product_id": "butter", "ordered_at": "2017-05-01", "quantity": 40}]')
    arguments = ["--history", str(history), "--at", "2017-06-01", "--kinds", "cross-sell,add-on", "--exclude", "bag"]
    assert main(["recommend", str(toy_folder), *arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [offer["product_id"] for offer in answer["offers"]] == ["butter", "bread"]
    assert answer["reason"] is None


def test_recommend_orders_by_value_and_offers_only_what_is_named(toy_folder: Path, capsys: Out) -> None:
    for arguments, expected in (
        (["--order", "value"], ["wine", "bag", "butter"]),
        (["--only", "bread,wine", "--only", "honey"], ["bread", "wine"]),
        (["--only", "bread,wine", "--order", "value"], ["wine", "bread"]),
    ):
        assert main(["recommend", str(toy_folder), "--json", *arguments]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert [offer["product_id"] for offer in answer["offers"]] == expected


def test_inspect_tells_what_the_order_by_value_knows(toy_folder: Path, capsys: Out) -> None:
    assert main(["inspect", str(toy_folder)]) == 0
    assert ["value", "margin"] in [line.split() for line in capsys.readouterr().out.splitlines()]
    assert main(["inspect", str(toy_folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == "margin"


def test_recommend_names_products_of_the_cart_that_the_bundle_does_not_know(toy_folder: Path, capsys: Out) -> None:
    assert main(["recommend", str(toy_folder), "--cart", "milk,Whole milk,cheese-9"]) == 0
    assert capsys.readouterr().err == "mersalg: --cart: not in the bundle: Whole milk, cheese-9\n"
    assert main(["recommend", str(toy_folder), "--cart", "milk"]) == 0
    assert capsys.readouterr().err == ""


def test_recommend_says_why_there_is_nothing(toy_folder: Path, capsys: Out) -> None:
    assert main(["recommend", str(toy_folder), "--kinds", "replacement"]) == 0
    text = capsys.readouterr().out
    assert "No offers: kind silent" in text
    assert "0.0500" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--moment", "browsing"],
        ["--kinds", "downsell"],
        ["--limit", "-1"],
        ["--order", "profit"],
        ["--only", ",".join(f"p{number}" for number in range(513))],
        ["--at", "soon"],
        ["--history", "none.json"],
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(toy_folder: Path, capsys: Out, arguments: list[str]) -> None:
    assert main(["recommend", str(toy_folder), *arguments]) == 2
    assert arguments[0].removeprefix("--") in capsys.readouterr().err


def test_score_writes_the_offers_and_counts_the_empty_answers(toy_folder: Path, tmp_path: Path, capsys: Out) -> None:
    requests, out = tmp_path / "requests.jsonl", tmp_path / "offers.parquet"
    rows = [{"request_id": str(i), "cart": ["milk"], "kinds": ["add-on", "upsell"] if i else []} for i in range(100)]
    requests.write_text("\n".join(map(json.dumps, rows)))
    assert main(["score", str(toy_folder), str(requests), "--out", str(out), "--batch-size", "7"]) == 0
    text = capsys.readouterr().out
    assert "100 requests, 198 offers" in text
    assert "1 empty answers: no kind asked for 1" in text
    assert pq.read_table(out).num_rows == 198
    assert main(["score", str(toy_folder), str(requests), "--out", str(out), "--no-threshold"]) == 0
    assert pq.read_table(out).num_rows == 297


def test_a_terminal_sees_the_progress(
    toy_folder: Path, tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requests.jsonl").write_text('{"request_id": "x", "cart": []}\n')
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("mersalg.cli.PROGRESS_SECONDS", 0.0)
    arguments = ["score", str(toy_folder), str(tmp_path / "requests.jsonl"), "--out", str(tmp_path / "offers.jsonl")]
    assert main(arguments) == 0
    assert "1 requests, " in capsys.readouterr().err


def test_an_installed_package_adds_its_commands(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    def add_commands(subparsers: Any) -> None:
        parser = subparsers.add_parser("greet")
        parser.set_defaults(handler=lambda args: print("hello") or 5)

    entry = EntryPoint("greetings", "some.module:add_commands", "mersalg.commands")
    monkeypatch.setattr(EntryPoint, "load", lambda self: add_commands)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [entry])
    assert main(["greet"]) == 5
    assert capsys.readouterr().out == "hello\n"


def test_commands_that_cannot_be_loaded_are_named_and_the_others_work(
    monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    entry = EntryPoint("broken", "mersalg.no_such_module:add", "mersalg.commands")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [entry])
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    captured = capsys.readouterr()
    assert "mersalg.no_such_module:add" in captured.err
    assert "recommend" in captured.out


def test_a_reader_that_ends_early_is_no_error(toy_folder: Path) -> None:
    command = f"{sys.executable} -m mersalg inspect {toy_folder} --json | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_module_runs_as_a_command(toy_folder: Path) -> None:
    command = [sys.executable, "-m", "mersalg", "recommend", str(toy_folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["offers"]) == 3


@pytest.mark.parametrize("command", ["inspect", "verify", "recommend", "score"])
def test_help_explains_each_command(command: str, capsys: Out) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "models/demo" in capsys.readouterr().out


HOSTILE = "\x1b[2J\x9b31m\r\nmersalg: all is well\u202e\u2028\x00"


def test_no_name_in_a_bundle_drives_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"milk": f"milk{HOSTILE}", "bread": "Ñandú 茶"}
    folder = write_bundle(tmp_path / "toy", {"products.json": json.dumps(names).encode()})
    assert main(["recommend", str(folder), "--cart", "bread"]) == 2
    told = capsys.readouterr()
    assert "products.json" in told.err
    assert not set("\x1b\x9b\u202e\u2028\x00") & set(told.out + told.err)


def test_no_refusal_drives_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "no\x1b[2J\u202ebundle")]) == 2
    said = capsys.readouterr().err
    assert "no\\u001b[2J\\u202ebundle" in said
    assert "\x1b" not in said
