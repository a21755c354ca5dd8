"""Claims: what is shown is judged by counts of its own, as one counts them on the fingers or in plain SQL."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pytest
from rich.console import Console

from mersalg.names import AFTER_PAYMENT, MOMENTS, Kind
from mersalg.offers import Offer, Offers
from mersalg.requests import Request
from mersalg_training.data.timeline import UNKNOWN, Timeline
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod, Offered
from mersalg_training.evaluation.counted_lift import counted_lift
from mersalg_training.evaluation.file import Document, evaluation_document
from mersalg_training.evaluation.follow_on import ANONYMOUS, WITH_HISTORY, FollowOnShown, Judge, judge_follow_on
from mersalg_training.evaluation.metrics import OURS
from mersalg_training.evaluation.plain_rule import PLAIN_RULE, answers_by_rule
from mersalg_training.evaluation.render import markdown, render
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.evaluation.tasks.follow_on import follow_on_cases, known_outcome
from mersalg_training.evaluation.tasks.task import assemble, without_history
from small_history import Order, make_attributes, make_timeline, named

PRICES = {"buns": 1.0, "chili": 2.0, "milk": 1.0, "milk-large": 2.0, "salt": 1.0}
TYPES = {"buns": "bread", "chili": "sauce", "milk": "dairy", "milk-large": "dairy", "salt": "spice"}
NOTHING = np.zeros(0, dtype=np.int64)


def shop() -> Timeline:
    """Chili goes with buns, milk is in everything; one large order holds all. The window begins on day 100."""
    orders = [Order(f"c{n}", n, "buns chili milk") for n in range(4)]
    orders += [Order(f"c{n}", 20 + n, "milk salt") for n in range(6)]
    orders += [Order("c0", 50, "buns chili milk milk-large salt")]
    orders += [Order(f"c{n}", 100 + n, "buns chili milk salt") for n in range(10)]
    orders += [Order(f"c{n}", 106 + n, "milk salt") for n in range(10)]
    return make_timeline([*orders, Order(None, 101, "buns chili")], PRICES)


def code(timeline: Timeline, *products: str) -> np.ndarray:
    return np.array([timeline.product_ids.index(product) for product in products], dtype=np.int64)


def test_lift_is_orders_with_both_over_those_expected_from_sizes_and_popularity() -> None:
    # Before day 100: chili is in four orders of 3 and one of 5 products: 4 * 2 + 4 = 12 other lines. Of all 29 lines 5
    # are chili's, 5 are of buns, 11 of milk; 12 * 5 / 24 = 2.5 orders with buns are expected, and 12 * 11 / 24 = 5.5
    # with milk. There are 5 of each.
    timeline = shop()
    anchor, product = code(timeline, "chili", "chili", "chili"), code(timeline, "buns", "milk", "chili")
    assert counted_lift(timeline, 100.0).of(anchor, product).tolist() == pytest.approx([5 / 2.5, 5 / 5.5, 0.0])


def test_lift_agrees_with_the_same_counts_in_sql() -> None:
    random = np.random.default_rng(4)
    products = [f"p{n:02}" for n in range(30)]
    share = 1.0 / np.arange(1, 31)
    baskets = [random.choice(products, random.integers(1, 9), False, share / share.sum()) for _ in range(300)]
    orders = [Order(f"c{n % 40}", n % 150 + n / 1000, " ".join(basket)) for n, basket in enumerate(baskets)]
    timeline = make_timeline(orders, dict.fromkeys(products, 1.0))
    beside = counted_lift(timeline, 100.0).companions(np.arange(0, 30, 3))
    before = [(n, basket) for n, (order, basket) in enumerate(zip(orders, baskets, strict=True)) if order.day < 100.0]
    lines = [(n, str(product)) for n, basket in before for product in basket]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE lines (o INTEGER, p VARCHAR)")
        connection.executemany("INSERT INTO lines VALUES (?, ?)", lines)
        rows = connection.execute("""
            SELECT a.p, b.p, count(*),
                   (SELECT sum(s.n - 1) FROM (SELECT o, count(*) n FROM lines GROUP BY o) s
                    WHERE s.o IN (SELECT o FROM lines WHERE p = a.p))
                   * (SELECT count(*) FROM lines WHERE p = b.p) / (SELECT count(*) FROM lines WHERE p <> a.p)
            FROM lines a JOIN lines b ON a.o = b.o AND a.p <> b.p GROUP BY a.p, b.p ORDER BY a.p, b.p
        """).fetchall()
    wanted = [(a, b, n, n / expected) for a, b, n, expected in rows if int(a[1:]) % 3 == 0]
    assert len(wanted) > 100
    assert named(timeline, beside.anchor) == [row[0] for row in wanted]
    assert named(timeline, beside.product) == [row[1] for row in wanted]
    assert beside.together.tolist() == [row[2] for row in wanted]
    assert beside.lift.tolist() == pytest.approx([row[3] for row in wanted])


def test_the_plain_rule_shows_what_goes_with_the_cart_and_never_what_is_in_it() -> None:
    timeline = shop()
    orders = [int(np.argmax(timeline.order_day == 100.0))] * 3
    carts = [code(timeline, "chili"), code(timeline, "chili", "buns"), NOTHING]
    cases = assemble(timeline, orders, carts, [code(timeline, "buns")] * 3, "cart")
    answers = answers_by_rule(counted_lift(timeline, 100.0), timeline, without_history(cases))
    (first,) = answers[0].offers
    assert (named(timeline, [first.product, first.because]), first.kind) == (["buns", "chili"], "cross-sell")
    assert first.relevance == 1.0  # all five orders with chili hold buns
    assert [answer.offers for answer in answers[1:]] == [[], []]
    known = answers_by_rule(counted_lift(timeline, 100.0), timeline, cases)
    assert [offered.kind for offered in known[0].offers] == ["more-of-same"]  # this customer bought buns before


def test_requests_are_of_every_moment_with_the_cart_that_it_has() -> None:
    timeline = shop()
    cases = follow_on_cases(timeline, (100.0, 120.0), 5.0, 99, np.random.default_rng(1))
    assert set(cases.moment.tolist()) == set(range(len(MOMENTS)))
    for case in range(len(cases)):
        moment, cart, target = MOMENTS[cases.moment[case]], cases.cart[case], cases.target[case]
        bought = timeline.line_product[timeline.order_lines(int(cases.order[case]))]
        size = {"product-page": 1, "order-confirmation": len(bought), "follow-up": 0}.get(moment, len(bought) // 2)
        assert len(cart) == size
        history = timeline.line_day[slice(*cases.history[case].tolist())]
        assert (history <= cases.at[case]).all()
        if moment not in AFTER_PAYMENT:
            assert sorted([*cart, *target]) == sorted(bought)
            assert (history < timeline.order_day[cases.order[case]]).all()
    assert len(follow_on_cases(timeline, (100.0, 120.0), 5.0, 3, np.random.default_rng(1))) == 3


def test_after_payment_the_outcome_is_known_of_a_customer_whose_horizon_ends_in_time() -> None:
    orders = [Order("ann", 101, "milk"), Order("bob", 105, "milk"), Order("cid", 106, "milk"), Order(None, 101, "milk")]
    timeline = make_timeline(orders, PRICES)
    for moment, wanted in (("cart", [True] * 4), ("order-confirmation", [True, True, False, False])):
        cases = assemble(timeline, [0, 1, 2, 3], [NOTHING] * 4, [code(timeline, "buns")] * 4, moment)  # type: ignore[arg-type]
        assert known_outcome(cases, 112.0, 7.0).tolist() == wanted


def offer(timeline: Timeline, kind: Kind, product: str, because: str | None, relevance: float = 0.5) -> Offered:
    anchor = UNKNOWN if because is None else int(code(timeline, because)[0])
    return Offered(kind, int(code(timeline, product)[0]), relevance, 0.0, anchor)


def judged(timeline: Timeline, moment: Any, cart: str, answers: Sequence[Sequence[Offered]]) -> FollowOnShown:
    """Answers to requests of the first orders of the window, of which the second's outcome is unknown."""
    orders = np.flatnonzero(timeline.order_day >= 100.0)[: len(answers)].tolist()
    carts = [code(timeline, *cart.split())] * len(answers)
    cases = assemble(timeline, orders, carts, [code(timeline, "milk")] * len(answers), moment)
    only_salt = code(timeline, "salt") == np.arange(len(PRICES))
    attributes = make_attributes(TYPES)
    attributes.names[:] = ["BUNS", "CHILI", "MILK", "MILK", "SALT"]
    judge = Judge(timeline, attributes, counted_lift(timeline, 100.0), only_salt)
    known = np.arange(len(answers)) != 1
    found = [BundleAnswer(list(answer)) for answer in answers]
    return judge.judged(OURS, ANONYMOUS, cases, found, known, np.random.default_rng(1))


def test_new_products_are_counted_by_lift_and_best_sellers() -> None:
    timeline = shop()
    answers = [
        [offer(timeline, "cross-sell", "buns", "chili"), offer(timeline, "add-on", "milk", "chili", 0.1)],
        [offer(timeline, "cross-sell", "salt", None), offer(timeline, "more-of-same", "salt", "salt")],
        [],
    ]
    found = judged(timeline, "cart", "chili", answers)
    assert (found.requests, found.empty, found.new_offers, found.best_sellers, found.lifted) == (3, 1, 3, 1, 1)
    assert (found.confirmation_offers, found.just_paid) == (0, 0)
    cross, addon, more = found.kinds
    assert (cross.kind, cross.offers, cross.requests, cross.judged, cross.bought) == ("cross-sell", 2, 2, 1, 0)
    assert (addon.most_shown, addon.most_shown_offers, addon.least_relevance) == ("MILK", 1, 0.1)
    assert addon.precision is not None
    assert (addon.precision.value, addon.bought) == (1.0, 1)
    assert (more.judged, more.precision) == (0, None)


def test_what_was_just_paid_for_and_upsells_that_nothing_tells_apart_are_counted() -> None:
    timeline = shop()
    answers = [
        [offer(timeline, "more-of-same", "milk", "milk"), offer(timeline, "more-of-same", "milk-large", "milk")],
        [offer(timeline, "upsell", "milk-large", "milk"), offer(timeline, "upsell", "buns", "milk")],
    ]
    found = judged(timeline, "order-confirmation", "milk salt", answers)
    assert (found.confirmation_offers, found.just_paid, found.type_just_paid) == (4, 1, 2)
    assert (found.upsells, found.unnamed_upsells) == (2, 1)
    assert judged(timeline, "checkout", "milk", answers).just_paid == 0


class Milkman:
    """Offers milk as a cross-sell, because of the first product of the cart or of none."""

    def __init__(self) -> None:
        self.manifest: dict[str, Any] = {}
        self.carts: list[list[str]] = []

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        assert threshold
        self.carts += [request.cart for request in requests]
        made = (Offer("", 1, "milk", "cross-sell", 0.25, 1.0, r.cart[0] if r.cart else None) for r in requests)
        return [Offers((offered,), None, 2, {}) for offered in made]


def shown_by(milkman: Milkman) -> list[FollowOnShown]:
    timeline, random = shop(), np.random.default_rng(1)
    return judge_follow_on(BundleMethod(milkman, timeline), make_attributes(TYPES), (100.0, 120.0), 5.0, 99, random)


def test_bundle_and_rule_are_asked_the_same_with_and_without_history() -> None:
    milkman = Milkman()
    found = shown_by(milkman)
    assert [(row.method, row.history) for row in found] == [
        (OURS, WITH_HISTORY), (PLAIN_RULE, WITH_HISTORY), (OURS, ANONYMOUS), (PLAIN_RULE, ANONYMOUS)
    ]  # fmt: skip
    ours, rule = found[2], found[3]
    assert ours.requests == rule.requests < found[0].requests == found[1].requests  # follow-ups are of known customers
    beside_salt = sum(cart[:1] == ["salt"] for cart in milkman.carts[-ours.requests :])  # the only one with a lift
    assert ours.best_sellers == ours.new_offers == ours.requests
    assert ours.lifted == beside_salt > 0
    assert rule.lifted == rule.new_offers > 0
    assert ours.just_paid > 0 == rule.just_paid


def test_the_figures_have_stable_names_and_stand_in_every_output() -> None:
    found = EvaluationResult([], [], [], [], follow_on=shown_by(Milkman()))
    flat = found.metrics()
    assert flat["test/follow_on.anonymous/best_sellers"] == 1.0
    assert flat["test/follow_on.anonymous/cross-sell/least_relevance"] == 0.25
    assert flat["test/follow_on.anonymous/cross-sell/most_shown"] == 1.0
    assert "test/follow_on.with_history/baseline.plain_rule/lifted" in flat
    printed = io.StringIO()
    Console(file=printed, width=120).print(render(found))
    text = printed.getvalue()
    assert "Most shown by mersalg, anonymous: cross-sell milk." in text
    assert max(map(len, text.splitlines())) <= 120
    assert len(text.splitlines()) <= 40
    assert "| confirmation: just paid for |" in markdown(found)
    manifest = {"name": "small", "created_at": "2026-11-30", "run_id": None}
    again = Document.model_validate(evaluation_document(manifest, found)).evaluation()
    assert again.follow_on == found.follow_on
