"""Claims about the demo: its carts are drawn blindly, from time that nothing trained has seen, and told as they are."""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mersalg import Recommender, load
from mersalg.errors import DataError
from mersalg.names import MOMENTS
from mersalg.offers import Offer, Offers
from mersalg_training import demo as shown_demo
from mersalg_training.config import parse_config
from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.split import Windows
from mersalg_training.demo import Example, demo, draw_examples, example_table, overall, snippet
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision
from mersalg_training.learn import Purchased
from small_history import Order, make_attributes, make_timeline
from small_shop import SmallShop, write_shop
from toy_bundle import make_manifest, write_bundle

PRICES = {"bag": 1.0, "bread": 2.0, "butter": 3.0, "filter": 9.0, "honey": 4.0, "milk": 1.5, "wine": 8.0}
NAMES = {product: f"Fresh {product}" for product in PRICES}
THRESHOLDS = {"cross-sell": 0.2, "add-on": None}
WINDOWS = Windows(*(day_to_time(day) for day in (0.0, 40.0, 60.0, 100.0, 200.0)))
HORIZON_DAYS = 7.0


@pytest.fixture(scope="module")
def recommender(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """The toy shop, which offers milk, bread and butter to an empty cart."""
    loaded = load(write_bundle(tmp_path_factory.mktemp("demo") / "toy"))
    manifest = make_manifest({}) | {"config": {"label": {"horizon_days": HORIZON_DAYS}}}
    loaded.manifest = manifest
    return loaded


def purchased(report: Any = None) -> Purchased:
    """Forty customers who often buy three products before the test window, and four others in it every fifth day."""
    orders = []
    for number in range(40):
        orders += [Order(f"customer-{number}", 9.0 * k + number / 50, "bread butter honey") for k in range(10)]
        orders += [Order(f"customer-{number}", 105.0 + 5 * k + number / 50, "bag filter milk wine") for k in range(8)]
    types: dict[str, str | None] = dict.fromkeys(PRICES, "food") | {"honey": None}
    return Purchased(report, make_timeline(orders, PRICES), make_attributes(types), WINDOWS)


def example(offers: Offers, **fields: Any) -> Example:
    request = {"cart": ["bread"], "history": [], "at": datetime(2024, 5, 1, 9), "moment": "cart"} | fields
    return Example(request, offers, ["wine", "milk"])


def text_of(renderable: Any) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def shows(*offers: tuple[str, str | None]) -> Offers:
    made = [Offer("", rank, product, "cross-sell", 0.25, 1.0, why) for rank, (product, why) in enumerate(offers, 1)]
    return Offers(tuple(made), None, 9, {"cross-sell": 0.25})


def test_there_is_one_example_of_each_moment(recommender: Recommender) -> None:
    found = draw_examples(recommender, purchased(), seed=7)
    assert [one.request["moment"] for one in found] == list(MOMENTS)


def test_the_same_seed_draws_the_same_examples_and_another_seed_others(recommender: Recommender) -> None:
    first, again, other = (draw_examples(recommender, purchased(), seed) for seed in (7, 7, 8))
    assert [one.request for one in first] == [one.request for one in again]
    assert [one.request for one in first] != [one.request for one in other]


def test_the_bundle_has_no_say_in_which_examples_are_drawn(recommender: Recommender) -> None:
    class Silent:
        manifest = recommender.manifest

        def score(self, requests: list[dict[str, Any]]) -> list[Offers]:
            return [Offers((), "nothing retrieved", 0, {}) for _ in requests]

    loud, silent = (draw_examples(one, purchased(), 7) for one in (recommender, Silent()))  # type: ignore[arg-type]
    assert [one.request for one in loud] == [one.request for one in silent]


def test_examples_lie_in_the_test_window_and_send_no_later_line(recommender: Recommender) -> None:
    for one in draw_examples(recommender, purchased(), seed=7):
        assert WINDOWS.test_from <= one.request["at"] < WINDOWS.to
        assert all(line["ordered_at"] <= one.request["at"] for line in one.request["history"])


@pytest.mark.parametrize("seed", range(5))
def test_the_carts_are_real_ones_and_none_that_was_made_for_training(recommender: Recommender, seed: int) -> None:
    for one in draw_examples(recommender, purchased(), seed):
        assert set(one.request["cart"]) <= {"bag", "filter", "milk", "wine"}


def test_a_window_without_an_order_gives_no_example(recommender: Recommender) -> None:
    empty = replace(purchased(), windows=replace(WINDOWS, test_from=day_to_time(190), to=day_to_time(200)))
    assert draw_examples(recommender, empty, seed=7) == []


def test_what_was_offered_and_bought_is_ticked_on_both_sides_and_nothing_else_is() -> None:
    told = text_of(example_table(example(shows(("milk", "bread"), ("bag", None))), NAMES, THRESHOLDS, 7.0))
    assert told.count("✓ Fresh milk") == told.count("✓") == 2
    for part in ("25.0% cross-sell, because of Fresh bread", "because of no product", "Fresh wine", "no history sent"):
        assert part in told


def test_an_own_product_is_told_as_bought_before() -> None:
    assert "bought before" in text_of(example_table(example(shows(("milk", "milk"))), NAMES, THRESHOLDS, 7.0))


def test_an_empty_answer_tells_its_reason_and_how_close_the_best_were() -> None:
    none = Offers((), "below threshold", 4, {"cross-sell": 0.125, "add-on": 0.5})
    told = text_of(example_table(example(none), NAMES, THRESHOLDS, 7.0))
    for part in ("none: below threshold", "cross-sell: best 12.5%, shown from 20.0%", "add-on: best 50.0%, silent"):
        assert part in told
    assert "✓" not in told


def test_the_columns_say_what_the_moment_means() -> None:
    paid = text_of(example_table(example(shows(("bag", None)), moment="order-confirmation"), NAMES, THRESHOLDS, 7.0))
    assert "paid for" in paid
    assert "bought within 7 days" in paid
    later = text_of(example_table(example(shows(), moment="follow-up", cart=[]), NAMES, THRESHOLDS, 7.0))
    assert "in the cart" in later
    assert "nothing" in later


def test_a_long_list_is_cut_and_says_by_how_much() -> None:
    many = {f"p{number}": f"Product {number}" for number in range(20)} | NAMES
    told = text_of(example_table(example(shows(), cart=[f"p{n}" for n in range(20)]), many, THRESHOLDS, 7.0))
    assert "Product 7" in told
    assert "Product 8" not in told
    assert "and 12 more" in told


def test_a_name_with_brackets_is_printed_as_it_is() -> None:
    told = text_of(example_table(example(shows(("bag", None))), NAMES | {"bag": "Bag [red]"}, THRESHOLDS, 7.0))
    assert "Bag [red]" in told


def test_the_summary_tells_what_all_requests_see() -> None:
    some = Estimate(0.5, 0.4, 0.6, 100)
    assert overall(ShownPrecision(EVERY, EVERY, 1000, 1442, 721, some, some)) == (
        "In all, of 1,000 such requests 50.0% see an offer, and 50.0% of the 1,442 offers were bought."
    )
    nobody = Estimate(0.0, 0.0, 0.0, 100)
    assert (
        overall(ShownPrecision(EVERY, EVERY, 10, 0, 0, None, nobody))
        == "In all, of 10 such requests 0.0% see an offer."
    )


def test_the_snippet_runs_as_it_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "toy")
    lines = snippet(Path("toy"), ["milk"]).splitlines()
    assert len(lines) == 3
    exec("\n".join(line.strip() for line in lines), {})
    assert "because of 'milk'" in capsys.readouterr().out


@pytest.mark.slow
def test_the_whole_demo_replaces_an_earlier_bundle_and_ends_by_saying_where_everything_is(
    small_shop: SmallShop, trained_bundle: Path, tmp_path: Path
) -> None:
    config, out = write_shop(small_shop, tmp_path / "data", ranker={"trees": 8}), tmp_path / "models" / "small-shop"
    shutil.copytree(trained_bundle, out, ignore=shutil.ignore_patterns("requests.jsonl"))
    printed = io.StringIO()
    demo(config, out, Console(file=printed, width=120))
    told = printed.getvalue()
    assert load(out).manifest["config"]["ranker"]["trees"] == 8
    # Twice the small shop's horizon is longer than its test window, which has no request after payment.
    assert [told.count(f"\n{moment}, ") for moment in MOMENTS] == [1, 1, 1, 0, 0]
    for part in ("In all, of ", "import mersalg", f"Bundle      {out}, made in", "Run         not tracked"):
        assert part in told


def test_missing_purchases_are_told_before_anything_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_demo, "train", lambda *_: pytest.fail("training began"))
    config = parse_config({"name": "demo", "data": {"orders": "package:no_such_shop/orders.parquet"}}, "test")
    with pytest.raises(DataError, match="python -m pip install no-such-shop"):
        demo(config, tmp_path / "demo", Console())


def test_outside_the_project_the_command_ends_with_2_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["demo"])
    assert shown_demo.main() == 2
    assert "configs/demo.toml: no such configuration" in capsys.readouterr().err
