"""Claims: both orders of offers meet the same requests, and what was bought is worth the line that bought it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mersalg.names import MOMENTS, Order
from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod, Offered
from mersalg_training.evaluation.file import figures
from mersalg_training.evaluation.order_by_value import MARGIN, REVENUE, SalesByOrder, sales_by_order
from mersalg_training.evaluation.render import markdown, render
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.evaluation.run import with_shown
from mersalg_training.ranking.cases import Cases, ragged
from small_history import Order as Bought
from small_history import make_attributes, make_timeline

PRICES = {"beans": 3.0, "lamp": 30.0, "spoon": 1.0}
COSTS = {"beans": 1.0, "lamp": 28.0}
NOTHING = np.zeros(0, dtype=np.int64)


def shop() -> Timeline:
    """Ann buys beans and a lamp, and days later two lamps, beans and a spoon; Bob a spoon."""
    orders = [Bought("ann", 10, "beans lamp"), Bought("ann", 15, "beans lamp spoon"), Bought("bob", 10, "spoon")]
    timeline = make_timeline(orders, PRICES)
    quantity = timeline.line_quantity.copy()
    quantity[timeline.order_start[1] + 1] = 2.0
    return replace(timeline, line_quantity=quantity)


def attributes(costs: Mapping[str, float] = COSTS) -> Attributes:
    return make_attributes(dict.fromkeys(PRICES), costs)


def cases_of(timeline: Timeline, *rows: tuple[str, int, str]) -> Cases:
    """Moment, order and target of each request."""
    code = {product: number for number, product in enumerate(timeline.product_ids)}
    order = np.array([row[1] for row in rows], dtype=np.int64)
    return Cases(
        moment=np.array([MOMENTS.index(row[0]) for row in rows], dtype=np.int64),  # type: ignore[arg-type]
        at=timeline.order_day[order],
        cart=ragged([NOTHING] * len(rows)),
        history=np.zeros((len(rows), 2), dtype=np.int64),
        target=ragged([np.array(sorted(code[product] for product in row[2].split()), dtype=np.int64) for row in rows]),
        customer=timeline.order_customer[order].astype(np.int64),
        order=order,
    )


def answers(timeline: Timeline, *shown: str) -> list[BundleAnswer]:
    codes = [[timeline.product_ids.index(product) for product in row.split()] for row in shown]
    return [BundleAnswer([Offered("cross-sell", code, 0.5, 0.0) for code in row]) for row in codes]


def sold(
    timeline: Timeline,
    cases: Cases,
    relevance: Sequence[str],
    value: Sequence[str],
    known: Attributes | None = None,
) -> tuple[SalesByOrder, SalesByOrder]:
    by_order: dict[Order, list[BundleAnswer]] = {
        "relevance": answers(timeline, *relevance),
        "value": answers(timeline, *value),
    }
    found = sales_by_order(timeline, known or attributes(), cases, by_order, np.random.default_rng(3))
    return found[0], found[1]


def test_what_was_shown_and_bought_is_worth_its_line_over_all_requests() -> None:
    timeline = shop()
    cases = cases_of(timeline, ("cart", 0, "beans lamp"), ("cart", 1, "beans lamp"), ("cart", 2, "spoon"))
    by_relevance, by_value = sold(timeline, cases, ["beans", "beans spoon", "beans"], ["lamp", "lamp", "lamp"])
    assert (by_relevance.order, by_relevance.offers, by_relevance.relevant) == ("relevance", 4, 2)
    assert (by_value.order, by_value.offers, by_value.relevant) == ("value", 3, 2)
    assert by_relevance.precision is not None
    assert by_relevance.precision.value == pytest.approx(2 / 4)
    assert by_relevance.worth[REVENUE].value == pytest.approx((3 + 3) / 3)
    assert by_value.worth[REVENUE].value == pytest.approx((30 + 60) / 3)
    assert by_value.worth[MARGIN].value == pytest.approx((2 + 4) / 3)
    assert by_value.more[REVENUE].value == pytest.approx((90 - 6) / 3)
    assert by_value.more[MARGIN].value == pytest.approx((6 - 4) / 3)
    assert by_relevance.more == {}
    assert by_value.worth[REVENUE].low <= by_value.worth[REVENUE].value <= by_value.worth[REVENUE].high


def test_after_payment_the_later_order_counts_and_not_the_one_that_was_paid() -> None:
    timeline = shop()
    cases = cases_of(timeline, ("order-confirmation", 0, "lamp"))
    _, by_value = sold(timeline, cases, ["beans"], ["lamp"])
    assert by_value.worth[REVENUE].value == pytest.approx(2 * 30.0)


def test_nothing_shown_has_no_precision_and_sells_nothing() -> None:
    timeline = shop()
    by_relevance, by_value = sold(timeline, cases_of(timeline, ("cart", 0, "beans")), [""], [""])
    assert by_relevance.precision is by_value.precision is None
    assert by_value.worth[REVENUE].value == by_value.more[MARGIN].value == 0.0


def test_an_unknown_cost_brings_no_margin_and_without_any_there_is_no_margin_to_tell() -> None:
    timeline = shop()
    cases = cases_of(timeline, ("cart", 2, "spoon"))
    _, spoon = sold(timeline, cases, ["spoon"], ["spoon"])
    assert (spoon.worth[REVENUE].value, spoon.worth[MARGIN].value) == (1.0, 0.0)
    _, spoon = sold(timeline, cases, ["spoon"], ["spoon"], attributes({}))
    assert spoon.worth.keys() == spoon.more.keys() == {REVENUE}


def test_where_no_price_is_known_no_worth_is_told() -> None:
    timeline = replace(shop(), line_price=np.full(6, np.nan, dtype=np.float32))
    _, by_value = sold(timeline, cases_of(timeline, ("cart", 0, "beans")), ["beans"], ["beans"])
    assert by_value.worth == by_value.more == {}
    assert by_value.relevant == 1


class Asked:
    """A recommender that keeps what it is asked."""

    def __init__(self, value: str | None = "price") -> None:
        self.requests: list[Request] = []
        self.manifest: Mapping[str, Any] = {"value": value}

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        self.requests += requests
        return [Offers((), "below threshold", 0, {}) for _ in requests]


def test_by_value_every_request_says_so_and_is_else_the_same() -> None:
    timeline, asked = shop(), Asked()
    bundle, cases = BundleMethod(asked, timeline), cases_of(timeline, ("cart", 0, "beans"))
    assert len(list(bundle.show(cases))) == len(list(bundle.show(cases, order="value"))) == 1
    by_relevance, by_value = asked.requests
    assert by_value.by_value
    assert not by_relevance.by_value
    others = [field.name for field in fields(Request) if field.name not in ("by_value", "stated")]
    for name in others:
        assert np.array_equal(getattr(by_value, name), getattr(by_relevance, name)), name


def test_a_bundle_that_knows_no_value_is_not_asked_for_that_order() -> None:
    timeline = shop()
    for value, orders in ((None, {False}), ("price", {False, True})):
        asked, cases = Asked(value), cases_of(timeline, ("cart", 0, "beans"))
        nothing = EvaluationResult([], [], [], [])
        found = with_shown(nothing, BundleMethod(asked, timeline), attributes(), cases, np.random.default_rng(3))
        assert {request.by_value for request in asked.requests} == orders
        assert bool(found.sold) == (value is not None)


def test_an_evaluation_tells_both_orders_and_the_difference() -> None:
    timeline = shop()
    rows = sold(timeline, cases_of(timeline, ("cart", 0, "beans lamp")), ["beans"], ["lamp"])
    found = EvaluationResult([], [], [], [], sold=rows)
    metrics = found.metrics()
    assert metrics["test/shown_by.relevance/precision"] == metrics["test/shown_by.value/precision"] == 1.0
    assert metrics["test/shown_by.value/revenue_a_request"] == 30.0
    assert metrics["test/shown_by.relevance/margin_a_request"] == 2.0
    assert [row["order"] for row in figures(found)["sold"]] == ["relevance", "value"]
    assert "| more |  |  |  | +27.000 (+27.000 to +27.000) | +0.000 (+0.000 to +0.000) |" in markdown(found)
    console = Console(width=160, record=True)
    console.print(render(found))
    assert "by value" in console.export_text()
