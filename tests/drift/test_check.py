"""Claims: an unchanged shop keeps its bundle, another assortment asks for training, what is not known is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift.later import END, Later
from mersalg import KINDS
from mersalg.cli import main
from mersalg_training.drift.reference import read_reference
from mersalg_training.drift.scorer import known_products
from report.page_reader import read_page, rows, section
from small_shop import Line
from toy_bundle import write_manifest


def check(later: Later, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["check", str(later.bundle), "--json", *arguments])
    printed = capsys.readouterr()
    assert status != 2, printed.err
    return status, json.loads(printed.out)


def refusal(bundle: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["check", str(bundle), *arguments]) == 2
    return capsys.readouterr().err


def replaced(lines: list[Line]) -> list[Line]:
    """From the end of the bundle's data on, half of the products have another id."""
    return [
        line._replace(product_id=f"new-{line.product_id}")
        if line.ordered_at >= END and sum(line.product_id.encode()) % 2
        else line
        for line in lines
    ]


def shuffled(lines: list[Line]) -> list[Line]:
    """From then on everybody buys anything."""
    random = np.random.default_rng(3)
    products = sorted({line.product_id for line in lines})
    return [
        line._replace(product_id=str(random.choice(products))) if line.ordered_at >= END else line for line in lines
    ]


def test_a_shop_that_goes_on_as_before_keeps_its_bundle(later: Later, capsys: pytest.CaptureFixture[str]) -> None:
    page = later.folder / "check.html"
    status, found = check(later, capsys, "--orders", later.orders("same"), "--report", str(page))
    assert (status, found["decision"], found["findings"]) == (0, "keep", [])
    assert found["since"] == END.isoformat()
    assert found["unknown"]["lines"] < 0.02
    assert sum(kind["offers"] for kind in found["kinds"]) > 200
    assert any(kind["area_then"] for kind in found["kinds"])
    assert {shift["name"] for shift in found["shifts"]} >= {"price paid", "bought before", "relevance of more-of-same"}
    text = page.read_text(encoding="utf-8")
    read = read_page(text)
    assert read.all("h1")[0].text().startswith("small-shop: checked on")
    assert list(rows(section(read, "keeps"), "Shown offers")) == list(KINDS)
    assert section(read, "keeps").all("svg")
    assert "price paid" in rows(section(read, "seen"), "Population stability index")


def test_another_assortment_asks_to_train_anew(later: Later, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = check(later, capsys, "--orders", later.orders("replaced", replaced(later.shop.lines)))
    assert (status, found["decision"]) == (4, "retrain")
    assert found["findings"][0]["rule"] == "unknown products"
    assert found["unknown"]["lines"] > 0.3


def test_customers_who_buy_anything_break_what_was_promised(later: Later, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = check(later, capsys, "--orders", later.orders("shuffled", shuffled(later.shop.lines)))
    assert status in (3, 4)
    assert {finding["rule"] for finding in found["findings"]} & {"ranking", "certificate", "calibration"}
    assert next(s for s in found["shifts"] if s["name"] == "bought before")["size"] != "little"


def test_a_check_is_the_same_every_time(later: Later, capsys: pytest.CaptureFixture[str]) -> None:
    orders = later.orders("again")
    first = check(later, capsys, "--orders", orders, "--requests", "200")
    assert check(later, capsys, "--orders", orders, "--requests", "200") == first


def test_a_bundle_without_a_reference_is_checked_and_what_is_not_known_is_said(
    later: Later, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(later.bundle, old)
    manifest = json.loads((old / "manifest.json").read_text())
    del manifest["reference"]
    write_manifest(old, manifest)
    assert main(["check", str(old), "--orders", later.orders("old"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert any("without a reference" in note for note in found["notes"])
    assert found["shifts"] == []


def test_of_a_long_history_drawn_customers_are_looked_at(later: Later, capsys: pytest.CaptureFixture[str]) -> None:
    orders, few = later.orders("drawn"), len(later.shop.lines) // 2
    (_, whole), (_, part) = (
        check(later, capsys, "--orders", orders, "--set", f"engine.drawn_lines={most}") for most in (10**6, few)
    )
    assert not any("drawn" in note for note in whole["notes"])
    assert any("(engine.drawn_lines)" in note for note in part["notes"])
    assert 0 < part["requests"] < whole["requests"]


def test_newer_orders_alone_are_said_to_make_everybody_new(later: Later, capsys: pytest.CaptureFixture[str]) -> None:
    newer = [line for line in later.shop.lines if line.ordered_at >= END]
    _, found = check(later, capsys, "--orders", later.orders("alone", newer))
    assert any("every customer looks new" in note for note in found["notes"])


def test_no_newer_orders_are_refused_and_so_is_a_window_that_was_learned_from(
    later: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "expected orders from 2024-07-19 on" in refusal(later.bundle, capsys)
    orders = later.orders("refused")
    assert "which the bundle has learned from" in refusal(
        later.bundle, capsys, "--orders", orders, "--since", "2024-07-01"
    )
    assert "--since: expected an ISO 8601 day" in refusal(later.bundle, capsys, "--orders", orders, "--since", "July")
    assert "--requests" in refusal(later.bundle, capsys, "--orders", orders, "--requests", "0")


def test_a_damaged_reference_is_refused(later: Later, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(later.bundle, damaged)
    manifest = json.loads((damaged / "manifest.json").read_text())
    del manifest["reference"]["kinds"]["upsell"]["relevance"]
    write_manifest(damaged, manifest)
    assert "reference" in refusal(damaged, capsys, "--orders", later.orders("damaged"))


def test_a_reference_holds_counts_and_no_row_about_a_person(later: Later) -> None:
    manifest = json.loads((later.bundle / "manifest.json").read_text())
    reference = read_reference(manifest)
    assert reference is not None
    assert reference.to_json() == manifest["reference"]
    text = json.dumps(manifest["reference"])
    assert not any(line.customer_id in text for line in later.shop.lines if line.customer_id)
    assert len(text) < 20_000


def test_the_products_that_a_bundle_knows_are_those_of_its_vocabulary(later: Later) -> None:
    known = known_products((later.bundle / "scorer.onnx").read_bytes(), "scorer.onnx")
    assert known == set(json.loads((later.bundle / "products.json").read_text()))
