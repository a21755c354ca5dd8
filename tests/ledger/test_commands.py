"""Claims: `mersalg follow-up` and `mersalg ledger` do what they say, with a real bundle and real ledgers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ledger.small_offers import AT, offer
from mersalg.cli import main
from mersalg.policy.default import DEFAULT_POLICY
from mersalg_service.follow_up.command import offer_rows
from mersalg_service.ledger import Batch, Decision, Ledger
from processes import killed_before
from toy_bundle import write_bundle

Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "toy")


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Anna bought much butter, berta milk."""
    lines = ["customer_id,product_id,ordered_at,quantity", "anna,butter,2017-11-01,40", "berta,milk,2017-11-02,1"]
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    return tmp_path / "orders.csv"


@pytest.fixture
def made(toy_folder: Path, orders: Path, url: str, key_file: Path, tmp_path: Path) -> Made:
    return Made(toy_folder, orders, url, key_file, tmp_path)


class Made:
    """What a call of the command needs."""

    def __init__(self, bundle: Path, orders: Path, url: str, key_file: Path, folder: Path) -> None:
        self.bundle, self.orders, self.url, self.key_file, self.folder = bundle, orders, url, key_file, folder

    def arguments(self, out: str, *more: str) -> list[str]:
        paths = ["--orders", str(self.orders), "--ledger", self.url, "--key-file", str(self.key_file)]
        return ["follow-up", str(self.bundle), *paths, "--out", str(self.folder / out), "--at", "2017-12-01", *more]

    def mails(self, out: str, *more: str) -> list[dict[str, Any]]:
        assert main(self.arguments(out, *more)) == 0
        return self.rows(out)

    def rows(self, name: str) -> list[dict[str, Any]]:
        if name.endswith(".parquet"):
            return list(pq.read_table(self.folder / name).to_pylist())
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def ledger(self, *arguments: str) -> int:
        return main(["ledger", arguments[0], "--ledger", self.url, "--key-file", str(self.key_file), *arguments[1:]])


def who_gets_what(rows: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(row["customer_id"], row["rank"], row["product_id"]) for row in rows]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_a_mailing_has_an_offers_fields_the_customer_and_the_batch(made: Made, suffix: str, capsys: Out) -> None:
    rows = made.mails(f"mails.{suffix}", "--batch", "december")
    assert who_gets_what(rows) == [
        ("anna", 1, "butter"),
        ("anna", 2, "milk"),
        ("berta", 1, "milk"),
        ("berta", 2, "bread"),
    ]
    assert list(rows[0]) == [
        "customer_id", "request_id", "rank", "product_id", "name", "kind", "relevance", "score", "because",
        "because_name", "reason", "moment", "offered_at", "batch",
    ]  # fmt: skip
    assert (rows[0]["moment"], rows[0]["batch"]) == ("follow-up", "december")
    assert str(rows[0]["offered_at"]).startswith("2017-12-01")
    assert made.rows(f"mails.none.{suffix}") == []
    text = capsys.readouterr().out
    assert "4 for 2 customers" in text
    assert "anna" not in text


def test_a_mailing_under_a_policy_keeps_it_and_goes_on_by_no_other(made: Made, tmp_path: Path, capsys: Out) -> None:
    policy, catalogue = tmp_path / "policy.toml", tmp_path / "products.csv"
    policy.write_text(DEFAULT_POLICY)
    catalogue.write_text("product_id,price,stock\nbutter,3,5\nmilk,1,0\nbread,2,5\n")
    under = ["--policy", str(policy), "--catalogue", str(catalogue), "--batch", "december"]
    rows = made.mails("mails.jsonl", *under)
    assert who_gets_what(rows) == [("anna", 1, "butter"), ("berta", 1, "bread")], "one cross-sell each, and no milk"
    policy.write_text("[blocked]\nproducts = ['bread']\n")
    assert main(made.arguments("mails.jsonl", *under)) == 2
    assert "policy" in capsys.readouterr().err


def test_the_next_mailing_repeats_nothing_and_says_why_somebody_gets_none(made: Made, capsys: Out) -> None:
    made.mails("first.jsonl")
    second = made.mails("second.jsonl")
    assert who_gets_what(second) == [
        ("anna", 1, "bread"),
        ("berta", 1, "butter"),
    ], "no add-on in a follow-up"
    assert made.mails("third.parquet") == who_gets_what(made.mails("fourth.parquet")) == []
    assert [(row["customer_id"], row["reason"]) for row in made.rows("fourth.none.parquet")] == [
        ("anna", "offered before"),
        ("berta", "offered before"),
    ]
    assert "2 customers: offered before 2" in capsys.readouterr().out


def test_a_batch_with_a_name_can_be_written_again_and_stays_the_same(made: Made, capsys: Out) -> None:
    first = made.mails("mails.jsonl", "--batch", "december")
    (made.folder / "mails.jsonl").unlink()
    assert made.mails("mails.jsonl", "--batch", "december") == first
    assert "december (written again)" in capsys.readouterr().out
    assert main(made.arguments("mails.jsonl", "--batch", "december", "--limit", "1")) == 2
    assert "made with limit = 2, got 1" in capsys.readouterr().err


def test_products_have_their_names_where_the_bundle_knows_them(made: Made) -> None:
    rows = made.mails("mails.jsonl")
    assert {row["product_id"]: (row["name"], row["because_name"]) for row in rows} == {
        product: (f"Fresh {product}", None) for product in ("butter", "milk", "bread")
    }
    batch, decision = Batch("b", AT, closed=False, resumed=False), Decision((offer("x"), offer("y")), None)
    named = offer_rows(batch, "follow-up", {"anna": decision}, {"x": "A thing", "milk": "Fresh milk"}, "en")
    assert [(row["name"], row["because"], row["because_name"]) for row in named] == [
        ("A thing", "milk", "Fresh milk"),
        (None, "milk", "Fresh milk"),
    ]


@pytest.mark.parametrize("when", ["before its files", "after its files"])
def test_a_batch_that_was_killed_behind_the_word_that_it_is_written_is_not_written_again_unasked(
    made: Made, when: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    method = "last_word" if when == "before its files" else "finish"
    monkeypatch.setattr(Ledger, method, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(made.arguments("mails.jsonl")) == 130
    monkeypatch.undo()
    out = made.folder / "mails.jsonl"
    assert out.exists() is (when == "after its files")
    first = made.rows("mails.jsonl") if out.exists() else None
    out.unlink(missing_ok=True)  # it was sent
    assert main(made.arguments("mails.jsonl")) == 2
    assert not out.exists()
    told = capsys.readouterr().err
    assert "may have been sent" in told
    (batch,) = re.findall(r"--batch (\S+)`", told)
    again = made.mails("mails.jsonl", "--batch", batch)
    assert first in (again, None)
    new = made.mails("mails.jsonl")
    assert {row["batch"] for row in new} != {batch}
    sent = {(row["customer_id"], row["product_id"]) for row in again}
    assert not sent & {(row["customer_id"], row["product_id"]) for row in new}


@pytest.mark.parametrize("how", ["opt-out", "erase"])
def test_who_opts_out_while_a_batch_is_written_is_not_in_it(
    made: Made, how: str, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    mark_written = Ledger.mark_written

    def and_then(ledger: Ledger, batch: Batch) -> None:
        mark_written(ledger, batch)  # the parts of the files are whole, and have offers for anna
        assert '"anna"' in next(made.folder.glob(".mails.jsonl.*.part")).read_text()
        assert made.ledger(how, "--customer", " anna") == 0

    monkeypatch.setattr(Ledger, "mark_written", and_then)
    rows = made.mails("mails.jsonl", "--batch", "december")
    assert {row["customer_id"] for row in rows} == {"berta"}
    assert [(r["customer_id"], r["reason"]) for r in made.rows("mails.none.jsonl")] == [("anna", "opted out")]
    told = capsys.readouterr().out
    assert "1 customers opted out while the batch was written" in told
    assert "2 for 1 customers" in told
    monkeypatch.undo()
    assert {row["customer_id"] for row in made.mails("next.jsonl")} == {"berta"}


def test_offers_do_not_appear_without_their_reasons(made: Made) -> None:
    (made.folder / "mails.none.jsonl").mkdir()
    assert main(made.arguments("mails.jsonl")) == 2
    assert sorted(path.name for path in made.folder.glob("*mails*")) == ["mails.none.jsonl"]


def test_a_ledger_that_is_not_there_is_not_made_by_a_mailing(made: Made, capsys: Out) -> None:
    made.url = f"sqlite:///{made.folder / 'unmounted.db'}"
    for command in (made.arguments("mails.jsonl"), ["ledger", "stats", "--ledger", made.url]):
        assert main(command) == 2
        assert "`mersalg ledger init URL` makes a new one" in capsys.readouterr().err
    assert not (made.folder / "unmounted.db").exists()


def test_caps_kinds_and_the_order_by_value_are_kept(made: Made) -> None:
    assert who_gets_what(made.mails("a.jsonl", "--cap", "1/30d")) == [("anna", 1, "butter"), ("berta", 1, "milk")]
    assert made.mails("b.jsonl", "--cap", "1/30d") == []
    assert {row["reason"] for row in made.rows("b.none.jsonl")} == {"cap offers:1/30d"}
    rows = made.mails("c.jsonl", "--kinds", "add-on,cross-sell", "--order", "value", "--limit", "1")
    assert who_gets_what(rows) == [("anna", 1, "bag"), ("berta", 1, "bag")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "0"], "limit: expected a whole number from 1"),
        (["--cap", "often"], "expected a text such as 2/30d"),
        (["--kinds", "gifts"], "--kinds: expected some of"),
        (["--order", "price"], "--order: expected one of"),
        (["--column", "customer_id"], "expected OURS=THEIRS"),
        (["--at", "2017-12-01T00:00:00Z"], "have no time zone; give one without"),
        (["--at", "soon"], "--at: expected a datetime"),
        (["--batch", ""], "batch: expected a name, got ''"),
        (["--batch", " "], "batch: expected a name, got ' '"),
        (["--reasons", "mails.jsonl"], "--reasons: expected another file"),
        (["--out", "mails.xlsx"], "expected a name that ends in"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_claimed(
    made: Made, arguments: list[str], said: str, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made.folder)
    assert main([*made.arguments("mails.jsonl"), *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "anna" not in captured.err + captured.out
    made.ledger("stats", "--json")
    assert json.loads(capsys.readouterr().out)["batches"] == {}


def test_a_killed_command_is_resumed_by_the_same_command(
    toy_folder: Path, url: str, key_file: Path, tmp_path: Path
) -> None:
    lines = [f"customer {n},milk,2017-11-02" for n in range(3000)]
    (tmp_path / "many.csv").write_text("\n".join(["customer_id,product_id,ordered_at", *lines]))
    made = Made(toy_folder, tmp_path / "many.csv", url, key_file, tmp_path)
    command = ["mersalg", *made.arguments("mails.jsonl")]

    def decided() -> int:
        import contextlib
        import io

        with contextlib.redirect_stdout(io.StringIO()) as text:
            made.ledger("stats", "--json")
        return int(json.loads(text.getvalue())["customers_with_offers"])

    killed_before("mersalg_service.ledger:Ledger.claim", 3, *command)
    assert 0 < decided() < 3000
    assert not (tmp_path / "mails.jsonl").exists()
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=True)
    assert "(resumed)" in done.stdout
    rows = made.rows("mails.jsonl")
    assert set(Counter((row["customer_id"], row["product_id"]) for row in rows).values()) == {1}
    assert len(rows) == 6000
    assert len({row["batch"] for row in rows}) == 1


def test_export_and_erase_one_customer(made: Made, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    made.mails("mails.jsonl")
    capsys.readouterr()
    assert made.ledger("export", "--customer", "anna") == 0
    assert [o["product_id"] for o in json.loads(capsys.readouterr().out)["offers"]] == ["butter", "milk"]
    assert made.ledger("erase", "--customer", "anna") == 0
    assert capsys.readouterr().out.startswith("erased 2 offers")
    out = made.folder / "anna.json"
    monkeypatch.setattr("sys.stdin", iter_lines("anna\n"))
    assert made.ledger("export", "--customer", "-", "--out", str(out)) == 0
    assert json.loads(out.read_text())["offers"] == []
    assert [row["customer_id"] for row in made.mails("next.jsonl")] == ["berta"]
    assert made.rows("next.none.jsonl")[0]["reason"] == "opted out"


def iter_lines(text: str) -> Any:
    import io

    return io.StringIO(text)


def test_who_opts_out_gets_none_until_opting_in(made: Made) -> None:
    assert made.ledger("opt-out", "--customer", "berta") == 0
    assert {row["customer_id"] for row in made.mails("a.jsonl")} == {"anna"}
    assert made.ledger("opt-in", "--customer", "berta") == 0
    assert {row["customer_id"] for row in made.mails("b.jsonl", "--limit", "1")} == {"anna", "berta"}


def test_an_opt_out_is_heeded_however_the_id_is_spelled(made: Made, capsys: Out) -> None:
    made.orders.write_text(
        "customer_id,product_id,ordered_at\n17850.0,milk,2017-11-01\n17851,milk,2017-11-01\n 17852 ,milk,2017-11-01\n"
        "17853,milk,2017-11-01\n17854,milk,2017-11-01\n"
    )
    at = "2017-11-02T00:00:00"
    lines = [f"17850,,opted-out,{at}", f"17851.0,,opted-out,{at}", f"17852 ,,opted-out,{at}"]
    (made.folder / "out.csv").write_text("\n".join(["customer_id,product_id,outcome,at", *lines]))
    (made.folder / "out.jsonl").write_text(f'{{"customer_id": 17853.0, "outcome": "opted-out", "at": "{at}"}}\n')
    for name in ("out.csv", "out.jsonl"):
        assert made.ledger("outcomes", str(made.folder / name)) == 0
    assert {row["customer_id"] for row in made.mails("mails.jsonl")} == {"17854"}
    assert {(row["customer_id"], row["reason"]) for row in made.rows("mails.none.jsonl")} == {
        (customer, "opted out") for customer in ("17850", "17851", "17852", "17853")
    }


def test_an_opt_in_of_the_future_is_refused_and_hides_no_opt_out(made: Made, capsys: Out) -> None:
    file = made.folder / "in.csv"
    file.write_text("customer_id,product_id,outcome,at\nanna,,opted-in,2099-01-01T00:00:00\n")
    assert made.ledger("outcomes", str(file)) == 2
    assert "in.csv, line 2: at: expected a time up to now" in capsys.readouterr().err
    assert made.ledger("opt-out", "--customer", "anna") == 0
    assert {row["customer_id"] for row in made.mails("mails.jsonl")} == {"berta"}


@pytest.mark.parametrize("name", ["outcomes.csv", "outcomes.jsonl"])
def test_outcomes_of_a_file_are_recorded_once(made: Made, name: str, capsys: Out) -> None:
    made.mails("mails.jsonl")
    rows = [
        {"customer_id": "anna", "product_id": "butter", "outcome": "bought", "at": "2017-12-03"},
        {"customer_id": "anna", "product_id": "wine", "outcome": "bought", "at": "2017-12-03"},
        {"customer_id": "berta", "product_id": "", "outcome": "opted-out", "at": "2017-12-04"},
    ]
    text = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    if name.endswith("jsonl"):
        text = [json.dumps(row) for row in rows]
    (made.folder / name).write_text("\n".join(text))
    capsys.readouterr()
    for expected in ("2 new, 1 no such offer", "2 known, 1 no such offer"):
        assert made.ledger("outcomes", str(made.folder / name)) == 0
        assert capsys.readouterr().out.strip() == ", ".join(sorted(expected.split(", "), key=lambda t: t[2:]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("anna,butter,eaten,2017-12-03", "line 3: outcome: expected one of accepted"),
        ("anna,butter,bought,soon", "line 3: at: expected a datetime"),
        (",butter,bought,2017-12-03", "line 3: expected a customer_id"),
        ("an\0na,butter,bought,2017-12-03", "line 3: expected a customer_id"),
        ("anna,butter,bought,2099-12-03", "line 3: at: expected a time up to now"),
        ("anna,,bought,2017-12-03", "line 3: outcome bought: expected the product_id"),
    ],
)
def test_a_line_that_is_no_outcome_is_named(made: Made, line: str, said: str, capsys: Out) -> None:
    file = made.folder / "outcomes.csv"
    file.write_text(f"customer_id,product_id,outcome,at\nanna,butter,bought,2017-12-03\n{line}\n")
    assert made.ledger("outcomes", str(file)) == 2
    assert said in capsys.readouterr().err


def test_a_purge_tells_what_went_and_what_no_longer_holds(made: Made, capsys: Out) -> None:
    made.mails("mails.jsonl")
    assert made.ledger("purge", "--details-days", "365") == 0
    assert "details of 4 offers, 0 outcomes and 2 decisions deleted; 1 batches" in capsys.readouterr().out
    assert made.ledger("purge", "--details-days", "365", "--keys-days", "730") == 0
    assert "4 offers deleted whole" in capsys.readouterr().out
    made.mails("again.jsonl")
    assert "no longer in the ledger" in capsys.readouterr().out
    assert made.ledger("purge", "--details-days", "-1") == 2


def test_a_key_is_made_once_and_told(tmp_path: Path, capsys: Out) -> None:
    assert main(["ledger", "key", str(tmp_path / "key")]) == 0
    secret = (tmp_path / "key").read_text().strip()
    assert len(secret) == 64
    assert secret not in capsys.readouterr().out
    assert main(["ledger", "key", str(tmp_path / "key")]) == 2


def test_the_command_works_without_a_key_and_tells_where_it_made_one(
    toy_folder: Path, orders: Path, tmp_path: Path, capsys: Out
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    assert main(["ledger", "init", url]) == 0
    assert f"its new key is in {tmp_path / 'config' / 'mersalg' / 'ledger.key'}" in capsys.readouterr().out
    arguments = ["follow-up", str(toy_folder), "--orders", str(orders), "--ledger", url, "--out"]
    assert main([*arguments, str(tmp_path / "a.parquet")]) == 0
    assert main(["ledger", "init", url]) == 2
    assert "there is a ledger already" in capsys.readouterr().err


def test_stats_are_a_table_for_people(made: Made, capsys: Out) -> None:
    made.mails("mails.jsonl")
    capsys.readouterr()
    assert made.ledger("stats") == 0
    text = capsys.readouterr().out
    assert "offers by kind" in text
    assert "more-of-same 2" in text
    assert "anna" not in text
