"""Claims about the demo: real carts that nothing trained has seen, chosen by a rule, stand before the figures."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console

from mersalg import Recommender, load
from mersalg.errors import DataError
from mersalg.names import AFTER_PAYMENT, KINDS, MOMENTS, Kind
from mersalg.offers import Offer, Offers
from mersalg.requests import Request
from mersalg_training import demo as shown_demo
from mersalg_training.config import parse_config
from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.split import Windows
from mersalg_training.demo import (
    Example,
    choose_examples,
    demo,
    example_parts,
    kinds_table,
    overall,
    show_examples,
    snippet,
)
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.precision_shown import EVERY, ShownPrecision
from mersalg_training.evaluation.render import HEADLINE
from mersalg_training.learn import Purchased
from small_history import Order, history_of, make_attributes, make_timeline
from small_shop import SmallShop, write_shop
from toy_bundle import make_manifest, write_bundle

PRICES = {"bag": 1.0, "bread": 2.0, "butter": 3.0, "filter": 9.0, "honey": 4.0, "milk": 1.5, "wine": 8.0}
NAMES = {product: f"Fresh {product}" for product in PRICES}
RULES = {"cross-sell": {"threshold": 0.2}, "add-on": {"threshold": None}}
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
    timeline = make_timeline(orders, PRICES)
    return Purchased(report, history_of(timeline), timeline, make_attributes(types), WINDOWS)


def example(offers: Offers, **fields: Any) -> Example:
    request = {"cart": ["bread"], "history": [], "at": datetime(2024, 5, 1, 9), "moment": "cart"} | fields
    return Example(request, offers, ["wine", "milk"])


def text_of(*renderables: Any) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(*renderables, sep="\n")
    return captured.get()


def told_of(one: Example, names: Mapping[str, str] = NAMES) -> str:
    return text_of(*example_parts(one, names, RULES))


def shows(*offers: tuple[str, str | None], kind: Kind = "cross-sell", relevance: float = 0.25) -> Offers:
    made = [Offer("", rank, product, kind, relevance, 1.0, why, 6.2) for rank, (product, why) in enumerate(offers, 1)]
    return Offers(tuple(made), None, 9, {kind: relevance})


NONE: Final = Offers((), "below threshold", 4, {"cross-sell": 0.125, "add-on": 0.5})


class Answering:
    """Gives each request, by its number in the order that they are drawn, what a test wants."""

    def __init__(self, recommender: Recommender, answer: Callable[[int, Request], Offers]) -> None:
        self.manifest, self.answered, self.give = recommender.manifest, list[Request](), answer

    def name(self, product_id: str) -> str:
        return product_id

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        self.answered += requests
        return [self.give(len(self.answered) - len(requests) + n, request) for n, request in enumerate(requests)]


def test_each_kind_has_the_request_of_its_most_relevant_best_offer_and_the_first_empty_answer_is_last(
    recommender: Recommender,
) -> None:
    def give(number: int, _: Request) -> Offers:
        kind = [*KINDS, None][number % 6]
        return NONE if kind is None else shows(("milk", "bread"), kind=kind, relevance=0.9 if number // 6 == 3 else 0.1)

    by = Answering(recommender, give)
    found = choose_examples(by, purchased(), seed=7)
    assert [one.kind for one in found] == [*KINDS, None]
    for number, one in zip((18, 19, 20, 21, 22, 5), found, strict=True):
        asked = by.answered[number]
        assert (one.request["cart"], one.request["moment"]) == (list(asked.cart), MOMENTS[asked.moment])
        assert len(one.request["history"]) == len(asked.history)


def test_a_large_cart_comes_after_every_small_one(recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_demo, "FEW", 2)
    by = Answering(recommender, lambda _, request: shows(("milk", "bread"), relevance=0.1 * (1 + len(request.cart))))
    (found,) = choose_examples(by, purchased(), seed=7)
    assert max(len(request.cart) for request in by.answered) == 4
    assert len(found.request["cart"]) == 2


def test_a_kind_that_no_answer_begins_with_is_told_with_its_reason(recommender: Recommender) -> None:
    silent = {kind: {"threshold": None, "silent_because": f"no {kind}, [why]"} for kind in KINDS}
    by = Answering(recommender, lambda *_: shows(("milk", "bread")))
    by.manifest = {**recommender.manifest, "kinds": silent}
    console = Console(width=160)
    with console.capture() as captured:
        show_examples(choose_examples(by, purchased(), 7), by, purchased(), console)
    assert [f"No answer begins with {kind}: no {kind}, [why]." in captured.get() for kind in KINDS] == [
        False,
        *[True] * 4,
    ]


def test_the_same_seed_draws_the_same_examples_and_another_seed_others(recommender: Recommender) -> None:
    first, again, other = (choose_examples(recommender, purchased(), seed) for seed in (7, 7, 8))
    assert [one.request for one in first] == [one.request for one in again]
    assert [one.request for one in first] != [one.request for one in other]


def test_examples_are_of_real_carts_in_the_test_window_and_send_no_later_line(recommender: Recommender) -> None:
    by = Answering(recommender, lambda number, _: shows(("milk", "bread"), kind=KINDS[number % len(KINDS)]))
    for one in choose_examples(by, purchased(), seed=7):
        assert WINDOWS.test_from <= one.request["at"] < WINDOWS.to
        assert all(line["ordered_at"] <= one.request["at"] for line in one.request["history"])
        assert set(one.request["cart"]) <= {"bag", "filter", "milk", "wine"}


def test_a_request_whose_outcome_is_not_known_is_not_asked(
    recommender: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(shown_demo, "stream_answers", lambda _, requests: asked.extend(requests) or iter(()))
    choose_examples(recommender, replace(purchased(), windows=replace(WINDOWS, to=day_to_time(142))), seed=7)
    last = {paid: max(one["at"] for one in asked if (one["moment"] in AFTER_PAYMENT) is paid) for paid in (True, False)}
    assert last[True] <= day_to_time(142 - HORIZON_DAYS) < last[False]


def test_a_window_without_an_order_gives_no_example(recommender: Recommender) -> None:
    empty = replace(purchased(), windows=replace(WINDOWS, test_from=day_to_time(190), to=day_to_time(200)))
    assert choose_examples(recommender, empty, seed=7) == []


def test_what_was_offered_and_bought_is_ticked_on_both_sides_and_nothing_else_is() -> None:
    told = told_of(example(shows(("milk", "bread"), ("bag", None))))
    assert told.count("✓ Fresh milk") == told.count("✓") == 2
    for part in ("cross-sell, 25.0%: goes with Fresh bread: bought together six times", "often bought here"):
        assert part in told
    assert "then bought  ✓ Fresh milk; Fresh wine" in told


def test_an_empty_answer_tells_its_reason_and_how_close_the_best_were() -> None:
    told = told_of(example(NONE))
    for part in ("none: below threshold", "cross-sell 12.5% (shown from 20.0%)", "add-on 50.0% (silent)"):
        assert part in told
    assert told.startswith("no offer  (cart, 2024-05-01 09:00, no history sent)")
    assert "✓" not in told


def test_the_labels_say_what_the_moment_means() -> None:
    for moment, label in (("product-page", "viewed"), ("checkout", "in the cart"), ("order-confirmation", "paid for")):
        assert f"  {label}" in told_of(example(shows(("bag", None)), moment=moment))


def test_without_a_cart_the_last_order_of_the_history_stands_in_its_place() -> None:
    bought = [("wine", 1), ("bag", 2), ("butter", 2)]
    history = [{"product_id": product, "ordered_at": datetime(2024, 4, day)} for product, day in bought]
    told = told_of(example(shows(("milk", "milk")), moment="follow-up", cart=[], history=history))
    assert "  bought last  Fresh bag; Fresh butter" in map(str.rstrip, told.splitlines())
    assert "in the cart  nothing" in told_of(example(NONE, cart=[]))


def test_a_long_list_is_cut_and_says_by_how_much() -> None:
    many = {f"p{number}": f"Product {number}" for number in range(20)} | NAMES
    told = told_of(example(shows(("bag", None)), cart=[f"p{n}" for n in range(20)]), many)
    assert "Product 5; and 14 more" in " ".join(told.split())
    assert "Product 6" not in told


def test_a_name_with_brackets_is_printed_as_it_is() -> None:
    assert "Bag [red]" in told_of(example(shows(("bag", None))), NAMES | {"bag": "Bag [red]"})


SOME: Final = Estimate(0.5, 0.4, 0.6, 100)


def test_the_summary_tells_what_all_requests_see() -> None:
    assert overall(ShownPrecision(EVERY, EVERY, 1000, 1442, 721, SOME, SOME)) == (
        "In all, of 1,000 requests 50.0% see an offer, and 50.0% of the 1,442 offers were bought."
    )
    nobody = Estimate(0.0, 0.0, 0.0, 100)
    assert overall(ShownPrecision(EVERY, EVERY, 10, 0, 0, None, nobody)) == "In all, of 10 requests 0.0% see an offer."


def test_a_kind_is_told_with_its_threshold_its_certificate_and_what_was_bought_at_every_moment() -> None:
    rules = {"cross-sell": {"threshold": 0.0512, "precision_wanted": 0.05}}
    rules["add-on"] = {"threshold": None, "precision_wanted": 0.1}  # type: ignore[dict-item]
    certificate = {"kind": "cross-sell", "precision": 0.0437, "confidence": 0.95, "n": 900}
    certificate |= {"from": "2024-01-01", "to": "2024-02-01"}
    shown = [
        ShownPrecision(EVERY, EVERY, 1000, 1442, 721, SOME, SOME),
        ShownPrecision(EVERY, "cross-sell", 1000, 1234, 617, SOME, SOME),
        ShownPrecision("cart", "cross-sell", 1000, 17, 9, SOME, SOME),
    ]
    table = kinds_table({"kinds": rules, "certificates": [certificate]}, shown)
    assert table.rows == [
        ["cross-sell", "0.0512", "0.05", "0.0437", "0.95", "1,234", "0.500 (0.400 to 0.600)"],
        ["add-on", "silent", "0.10", "no", "", "", ""],
    ]
    assert kinds_table({"kinds": rules, "certificates": []}, []).notes == []


def test_the_snippet_runs_as_it_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "toy")
    exec(snippet(Path("toy"), ["milk"]), {})
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
    examples, figures = told.index("Real carts from"), told.index("What each kind shows and certifies")
    assert examples < figures < told.index("import mersalg")
    assert all(told.count(f"\n{kind}  (") + told.count(f"No answer begins with {kind}") == 1 for kind in KINDS)
    for part in (
        "then bought",
        "In all, of ",
        f"Bundle       {out}, made in",
        "Run          not tracked",
        f"mersalg playground {out}\n",
    ):
        assert part in told
    tasks = {row["task"] for row in json.loads((out / "evaluation.json").read_text())["rows"]}
    headline = [task for task in HEADLINE if task in tasks]
    assert headline, "the small shop has requests for none of them"
    assert all(told[figures:].count(f"\n{task} ") == 1 for task in headline)
    assert not [task for task in HEADLINE if task not in tasks and f"\n{task} " in told[figures:]]
    assert len(told[figures:].splitlines()) <= 40


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
