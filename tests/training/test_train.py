"""Claims: a bundle holds what was learned and what was told of it; a history that teaches nothing is refused."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

import mersalg
from conftest import PASSWORD, Job
from mersalg import KINDS, DataError
from mersalg.cli import main
from mersalg_training.data.calendar import time_to_day
from mersalg_training.evaluation.file import carried_evaluation, evaluation_document
from mersalg_training.export.card import render_card
from mersalg_training.graph import retrieve
from mersalg_training.json_values import as_json
from mersalg_training.learn import read_purchases
from mersalg_training.progress import Stages, quiet
from mersalg_training.tables.build import learn_shop
from quick_job import QUICK, offers_of, run, without_customers
from small_shop import SmallShop, write_shop

SCHEMA = json.loads((Path(__file__).parents[2] / "models" / "bundle.schema.json").read_text())


def requests_beside(bundle: Path) -> list[dict[str, Any]]:
    lines = (bundle.parent / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_trained_bundle_holds_what_the_specification_says(trained_bundle: Path) -> None:
    assert {path.name for path in trained_bundle.iterdir()} == {
        "manifest.json", "scorer.onnx", "products.json", "golden.json", "CARD.md", "evaluation.json",
        "patterns.json",
    }  # fmt: skip
    manifest = json.loads((trained_bundle / "manifest.json").read_text())
    jsonschema.validate(manifest, SCHEMA, jsonschema.Draft202012Validator)
    assert list(manifest["kinds"]) == list(KINDS)
    assert manifest["metrics"]
    assert manifest["run_id"] is None


def test_a_trained_bundle_carries_the_evaluation_that_its_metrics_and_card_tell(trained_bundle: Path) -> None:
    manifest = json.loads((trained_bundle / "manifest.json").read_text())
    assert manifest["files"]["evaluation.json"]["size"] < 2**20
    carried = carried_evaluation(trained_bundle, manifest)
    assert carried is not None
    assert carried.parent is None
    assert {name: v for name, v in carried.evaluation.metrics().items() if math.isfinite(v)} == manifest["metrics"]
    assert render_card(manifest, carried.evaluation.rows) == (trained_bundle / "CARD.md").read_text(encoding="utf-8")
    document = evaluation_document(manifest, carried.evaluation)
    assert as_json(document) == (trained_bundle / "evaluation.json").read_bytes()
    assert document["bundle"]["scorer_sha256"] == manifest["files"]["scorer.onnx"]["sha256"]


def test_nothing_but_the_bundle_is_written(trained_bundle: Path) -> None:
    assert {path.name for path in trained_bundle.parent.iterdir()} == {"data", "bundle", "requests.jsonl"}


def test_real_requests_get_offers_above_their_threshold_and_all_kinds_occur(trained_bundle: Path) -> None:
    requests = requests_beside(trained_bundle)
    assert len(requests) >= 40
    shown = mersalg.load(trained_bundle).score(requests[:40])
    assert sum(len(answer) > 0 for answer in shown) > 5
    assert len({offer.kind for answer in shown for offer in answer}) > 1
    every = [{**request, "kinds": list(KINDS), "limit": 100} for request in requests]
    anonymous = [{**request, "history": []} for request in every]
    assert {offer.kind for offer in offers_of(trained_bundle, [*every, *anonymous])} == set(KINDS)


def test_what_is_shown_is_bought_more_often_than_what_is_not(trained_bundle: Path, small_shop: SmallShop) -> None:
    """Milk is used up within days and a second camera is not: the bundle has to have learned as much."""
    history = [{"product_id": p, "ordered_at": "2024-06-20T12:00:00", "quantity": 1} for p in ("milk-0", "camera-0")]
    request = {"history": history, "at": "2024-07-01T12:00:00", "moment": "cart", "kinds": list(KINDS), "limit": 60}
    relevance = {offer.product_id: offer.relevance for offer in offers_of(trained_bundle, [request])}
    assert relevance["milk-0"] > 3 * relevance.get("camera-0", 0.0)


def test_batteries_are_an_add_on_of_gear_and_gear_is_no_add_on_of_batteries(trained_bundle: Path) -> None:
    recommender = mersalg.load(trained_bundle)
    request = {"at": "2024-07-01T12:00:00", "moment": "cart", "kinds": list(KINDS), "limit": 60}
    of_toy, of_battery = recommender.score(
        [{**request, "cart": ["toy-0"]}, {**request, "cart": ["battery-0"]}], threshold=False
    )
    battery = next(offer for offer in of_toy if offer.product_id == "battery-0")
    assert (battery.kind, battery.because) == ("add-on", "toy-0")
    toys = [offer for offer in of_battery if offer.product_id.startswith(("toy", "camera", "torch"))]
    assert {offer.kind for offer in toys} <= {"cross-sell"}


def test_a_dearer_product_of_the_type_is_an_upsell_of_the_one_in_the_cart(trained_bundle: Path) -> None:
    request = {"cart": ["coffee-0"], "at": "2024-07-01T12:00:00", "kinds": ["upsell"], "limit": 60, "moment": "cart"}
    offers = offers_of(trained_bundle, [request])
    assert {offer.product_id for offer in offers} <= {f"coffee-{step}" for step in range(1, 5)}
    assert offers
    assert {offer.because for offer in offers} == {"coffee-0"}


def test_more_products_than_a_bundle_holds_are_refused_before_anything_is_counted(
    small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, stages = write_shop(small_shop, tmp_path), Stages(Console(file=io.StringIO()))
    purchased = read_purchases(config, stages)
    end = time_to_day(purchased.windows.test_from)
    held = learn_shop(purchased.history, purchased.attributes, end, config, quiet).n_items
    monkeypatch.setattr(retrieve, "MAX_ITEMS", held + 1)
    read_purchases(config, stages)
    monkeypatch.setattr(retrieve, "MAX_ITEMS", held)
    with pytest.raises(DataError, match=f"fewer than {held} products, got {held}; leave out"):
        read_purchases(config, stages)


def test_of_a_long_history_all_lines_are_counted_and_requests_are_made_of_drawn_customers(
    trained_bundle: Path, small_shop: SmallShop, tmp_path: Path
) -> None:
    lines = len(small_shop.lines)
    config = write_shop(small_shop, tmp_path / "data", **{**QUICK, "engine": {"drawn_lines": lines // 2}})
    run(config, tmp_path / "bundle")
    whole, part = (json.loads((b / "manifest.json").read_text()) for b in (trained_bundle, tmp_path / "bundle"))
    jsonschema.validate(part, SCHEMA, jsonschema.Draft202012Validator)
    assert part["privacy"] == whole["privacy"]
    assert part["data"]["statistics"] == whole["data"]["statistics"]
    assert (tmp_path / "bundle" / "patterns.json").read_bytes() == (trained_bundle / "patterns.json").read_bytes()
    assert "drawn" not in whole["data"]
    assert f"{whole['data']['lines']:,} lines are in memory (engine.drawn_lines)" in part["data"]["drawn"]
    assert part["data"]["drawn"] in (tmp_path / "bundle" / "CARD.md").read_text(encoding="utf-8")
    assert part["reference"]["requests"] < whole["reference"]["requests"]


def test_each_stage_is_told_with_its_seconds(trained_job: Job) -> None:
    for stage in ("Reading and checking purchases", "Calibrating and certifying", "Loading the bundle as a shop does"):
        assert stage in trained_job.printed


def test_the_password_of_the_tracking_is_in_no_file_of_the_bundle_nor_on_its_page(
    trained_job: Job, tmp_path: Path
) -> None:
    assert main(["report", str(trained_job.bundle), "--out", str(tmp_path / "page.html")]) == 0
    files = [path for path in trained_job.bundle.rglob("*") if path.is_file()]
    assert (trained_job.bundle / "manifest.json") in files
    assert [path for path in [*files, tmp_path / "page.html"] if PASSWORD.encode() in path.read_bytes()] == []
    assert "alice:***@" in (trained_job.bundle / "manifest.json").read_text()
    assert PASSWORD not in trained_job.printed


def test_orders_of_one_line_by_nobody_are_refused_with_what_to_do(small_shop: SmallShop, tmp_path: Path) -> None:
    once = {line.order_id: line for line in without_customers(small_shop).lines}
    config = write_shop(small_shop.with_lines(list(once.values())), tmp_path, **QUICK)
    with pytest.raises(DataError, match=r"got \d+ orders of one product each, which teach nothing; map order_id"):
        run(config, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_short_history_is_refused(small_shop: SmallShop, tmp_path: Path) -> None:
    first = min(line.ordered_at for line in small_shop.lines)
    few = [line for line in small_shop.lines if (line.ordered_at - first).days < 5]
    with pytest.raises(DataError, match="split"):
        run(write_shop(small_shop.with_lines(few), tmp_path, **QUICK), tmp_path / "bundle")
