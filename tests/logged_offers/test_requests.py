"""Claims about logged requests: each sees what lay before it, and nothing that the offers led to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mersalg_training.data.calendar import day_to_time
from mersalg_training.data.timeline import UNKNOWN, Timeline
from mersalg_training.logged_offers.requests import LoggedOffers
from small_history import Order, named
from small_log import gather, toy_timeline


def shop() -> Timeline:
    """Ann buys on the days 10, 20 and 30, as the orders order-0, order-1, order-2; Bob on day 15 as order-3."""
    return toy_timeline(
        [
            Order("ann", 10.0, "milk"),
            Order("ann", 20.0, "bread wine"),
            Order("ann", 30.0, "honey"),
            Order("bob", 15.0, "filter"),
        ]
    )


def offer(day: float = 20.5, **fields: Any) -> dict[str, Any]:
    row = {"customer_id": "ann", "order_id": "order-1", "product_id": "bread", "kind": "cross-sell", "moment": "cart",
           "offered_at": day_to_time(day), "position": 1, "propensity": 0.5, "accepted": 1}  # fmt: skip
    return {**row, **fields}


def history(timeline: Timeline, offers: LoggedOffers, request: int = 0) -> list[str]:
    first, end = offers.cases.history[request].tolist()
    return named(timeline, timeline.line_product[first:end])


def cart(timeline: Timeline, offers: LoggedOffers, request: int = 0) -> list[str]:
    return named(timeline, offers.cases.cart[request])


def test_the_history_ends_before_the_offers_own_order(tmp_path: Path) -> None:
    offers = gather([offer()], tmp_path, shop())
    assert history(shop(), offers) == ["milk"]


def test_the_history_of_a_follow_up_holds_the_order_that_it_follows(tmp_path: Path) -> None:
    offers = gather([offer(moment="follow-up")], tmp_path, shop())
    assert history(shop(), offers) == ["milk", "bread", "wine"]
    assert cart(shop(), offers) == []


def test_the_history_holds_nothing_from_the_offer_on(tmp_path: Path) -> None:
    offers = gather([offer(day=20.0, order_id=None), offer(day=9.0, order_id=None)], tmp_path, shop())
    assert [history(shop(), offers, request) for request in (0, 1)] == [[], ["milk"]]


def test_an_order_tells_the_customer_where_the_log_does_not(tmp_path: Path) -> None:
    offers = gather([offer(customer_id=None)], tmp_path, shop())
    assert history(shop(), offers) == ["milk"]


def test_a_stranger_has_no_history(tmp_path: Path) -> None:
    offers = gather([offer(customer_id="eve", order_id="order-99")], tmp_path, shop())
    assert offers.cases.customer.tolist() == [UNKNOWN]
    assert (history(shop(), offers), cart(shop(), offers)) == ([], [])


def test_without_carts_the_cart_is_the_order_less_what_was_offered(tmp_path: Path) -> None:
    offers = gather([offer()], tmp_path, shop())
    assert cart(shop(), offers) == ["wine"]
    assert not offers.carts_known


def test_the_cart_of_an_order_confirmation_is_the_whole_order(tmp_path: Path) -> None:
    offers = gather([offer(moment="order-confirmation")], tmp_path, shop())
    assert cart(shop(), offers) == ["bread", "wine"]


def test_a_cart_that_the_log_tells_is_taken(tmp_path: Path) -> None:
    offers = gather([offer(cart=["honey", "honey", "caviar"])], tmp_path, shop())
    assert cart(shop(), offers) == ["honey"]
    assert offers.carts_known


def test_offers_of_one_request_stand_together_by_position(tmp_path: Path) -> None:
    rows = [offer(product_id="wine", position=2, accepted=0), offer(day=25.0), offer()]
    offers = gather(rows, tmp_path, shop())
    assert offers.request.tolist() == [0, 0, 1]
    assert named(shop(), offers.product) == ["bread", "wine", "bread"]
    assert [named(shop(), offers.cases.target[row]) for row in (0, 1)] == [["bread"], ["bread"]]


def test_without_positions_offers_stand_in_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = [{k: v for k, v in offer(product_id=p).items() if k != "position"} for p in ("wine", "bread")]
    offers = gather(rows, tmp_path, shop())
    assert offers.position.tolist() == [1, 2]
    assert not offers.has_positions


def test_customers_are_one_unit_and_orders_without_one_are_apart(tmp_path: Path) -> None:
    rows = [
        offer(), offer(day=25.0), offer(customer_id=None, order_id="x"), offer(customer_id=None, order_id="y"),
        offer(customer_id=None, order_id="x", day=26.0),
    ]  # fmt: skip
    offers = gather(rows, tmp_path, shop())
    by_order = dict(zip([int(o) for o in np.round(offers.cases.at * 10)], offers.unit.tolist(), strict=False))
    assert len(set(offers.unit.tolist())) == 3
    assert by_order[250] == offers.unit[np.flatnonzero(offers.cases.customer == 0)[0]]


def test_requests_are_taken_with_their_offers(tmp_path: Path) -> None:
    rows = [offer(), offer(day=25.0, propensity=None), offer(day=26.0, product_id="wine")]
    offers = gather(rows, tmp_path, shop())
    known = offers.take_requests(np.flatnonzero(offers.has_propensity()))
    assert known.request.tolist() == [0, 1]
    assert named(shop(), known.product) == ["bread", "wine"]
    assert not np.isnan(known.propensity).any()
