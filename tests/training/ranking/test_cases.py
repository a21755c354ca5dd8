"""Claims: a request made of a past order knows what was known then, and its targets are what came after."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg.names import AFTER_PAYMENT, MOMENTS
from mersalg_training.data.timeline import UNKNOWN, Timeline
from mersalg_training.ranking import cases as cases_module
from mersalg_training.ranking.cases import HIDDEN_HISTORY, SITUATIONS, Cases, lines_between, make_cases, ragged
from small_history import Order, make_timeline

PRICES = {f"p{n:02}": 1.0 + n for n in range(30)}
HORIZON = 5.0
FIRST, END = 20.0, 60.0


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    random = np.random.default_rng(3)
    orders = []
    for customer in (*(f"customer {n}" for n in range(60)), *[None] * 25):
        for day in np.sort(random.uniform(0, 80, 12)):
            orders.append(Order(customer, float(day), " ".join(random.choice(list(PRICES), 6, replace=False))))
    return make_timeline(orders, PRICES)


def made(timeline: Timeline, most: int, first: float = FIRST, end: float = END, seed: int = 1) -> Cases:
    """Requests of the window; every third product is of one type, p29 of none."""
    types = np.array(
        [3 if product == "p29" else n % 3 for n, product in enumerate(timeline.product_ids)], dtype=np.int32
    )
    return make_cases(timeline, types, 3, first, end, HORIZON, most, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def cases(timeline: Timeline) -> Cases:
    return made(timeline, 400)


def is_paid(cases: Cases, row: int) -> bool:
    return MOMENTS[int(cases.moment[row])] in AFTER_PAYMENT


def test_every_moment_occurs_and_there_are_no_more_requests_than_asked_for(cases: Cases, timeline: Timeline) -> None:
    assert set(cases.moment.tolist()) == set(range(len(MOMENTS)))
    assert len(cases) <= 400
    assert len(made(timeline, 10)) == 10


def test_before_payment_cart_and_targets_divide_the_order(cases: Cases, timeline: Timeline) -> None:
    whole = exchanged = 0
    for row in range(len(cases)):
        if is_paid(cases, row):
            continue
        cart, target = set(cases.cart[row].tolist()), set(cases.target[row].tolist())
        bought = set(timeline.line_product[timeline.order_lines(int(cases.order[row]))].tolist())
        assert not cart & target
        assert target <= bought
        if cart <= bought:
            whole += 1
            assert cart | target == bought
            assert target
        else:
            exchanged += 1
            considered = cart - bought
            past = timeline.line_product[timeline.history_before(int(cases.order[row]))]
            assert len(considered) == 1, "one product is considered in the place of what was bought"
            assert considered <= set(past.tolist())
    assert whole > 100
    assert exchanged > 10


def test_after_payment_the_targets_are_what_the_customer_bought_within_the_horizon(
    cases: Cases, timeline: Timeline
) -> None:
    found = 0
    for row in range(len(cases)):
        if is_paid(cases, row):
            customer, at = cases.customer[row], cases.at[row]
            assert customer != UNKNOWN
            later = (timeline.line_day > at) & (timeline.line_day <= at + HORIZON)
            later &= timeline.order_customer[timeline.line_order] == customer
            assert set(cases.target[row].tolist()) == set(timeline.line_product[later].tolist())
            found += int(later.any())
    assert found > 10


def test_no_target_lies_outside_the_window(cases: Cases) -> None:
    for row in range(len(cases)):
        last = cases.at[row] + (HORIZON if is_paid(cases, row) else 0.0)
        assert cases.at[row] >= FIRST
        assert last < END + 1e-9


def test_a_history_holds_no_line_of_the_request_or_later_and_no_other_customer(
    cases: Cases, timeline: Timeline
) -> None:
    shown = 0
    for row in range(len(cases)):
        past = slice(*cases.history[row].tolist())
        shown += past.stop > past.start
        late = timeline.line_day[past] > cases.at[row]
        assert not late.any()
        if MOMENTS[int(cases.moment[row])] != "follow-up":
            assert (timeline.line_order[past] < cases.order[row]).all()
        assert set(timeline.order_customer[timeline.line_order[past]].tolist()) <= {int(cases.customer[row])}
    assert shown > 100


def test_a_follow_up_knows_what_was_bought_until_it(cases: Cases, timeline: Timeline) -> None:
    rows = np.flatnonzero(cases.moment == MOMENTS.index("follow-up"))
    assert len(rows) > 10
    for row in rows:
        assert len(cases.cart[row]) == 0
        past = slice(*cases.history[row].tolist())
        if past.stop > past.start:
            assert past == lines_between(timeline, int(cases.customer[row]), -np.inf, float(cases.at[row]))


def test_some_known_customers_come_without_a_history(timeline: Timeline) -> None:
    many = made(timeline, 5000, seed=2)
    known = (many.customer != UNKNOWN) & (timeline.order_day[many.order] > 40)
    hidden = (many.history[known, 0] == many.history[known, 1]).mean()
    assert abs(hidden - HIDDEN_HISTORY) < 0.07


def test_an_order_of_one_product_is_never_divided() -> None:
    ones = make_timeline([Order(f"c{n}", 21.0 + n / 10, "p01") for n in range(200)], PRICES)
    found = made(ones, 400)
    assert len(found) > 10
    for row in range(len(found)):
        assert is_paid(found, row) or len(found.cart[row]) == 0


def test_the_same_seed_makes_the_same_requests(cases: Cases, timeline: Timeline) -> None:
    again = made(timeline, 400)
    assert np.array_equal(cases.order, again.order)
    assert np.array_equal(cases.cart.values, again.cart.values)
    assert np.array_equal(cases.history, again.history)


def test_an_empty_window_makes_no_request(timeline: Timeline) -> None:
    found = made(timeline, 400, first=300.0, end=400.0)
    assert len(found) == 0
    assert found.history.shape == (0, 2)


def test_a_long_history_brings_its_latest_lines(monkeypatch: pytest.MonkeyPatch, timeline: Timeline) -> None:
    monkeypatch.setattr(cases_module, "MAX_HISTORY", 7)
    found = made(timeline, 200)
    lengths = found.history[:, 1] - found.history[:, 0]
    assert lengths.max() == 7
    checkout = np.flatnonzero((found.moment == MOMENTS.index("checkout")) & (lengths == 7))
    assert (found.history[checkout, 1] == timeline.order_start[found.order[checkout]]).all()


def test_taking_rows_takes_every_part_of_them(cases: Cases) -> None:
    some = cases.take(np.array([5, 2]))
    assert some.cart[0].tolist() == cases.cart[5].tolist()
    assert some.target[1].tolist() == cases.target[2].tolist()
    assert some.order.tolist() == cases.order[[5, 2]].tolist()


def test_the_shares_of_the_situations_are_a_whole() -> None:
    assert sum(situation.share for situation in SITUATIONS) == pytest.approx(1.0)


def test_rows_of_unequal_length_keep_their_values() -> None:
    rows = ragged([np.array([3, 1]), np.array([], dtype=np.int64), np.array([2])])
    assert [rows[i].tolist() for i in range(3)] == [[3, 1], [], [2]]
    assert rows.row.tolist() == [0, 0, 2]
    assert len(ragged([])) == 0
