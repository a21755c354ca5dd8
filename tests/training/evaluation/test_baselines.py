"""Claims about the baselines: what each ranks first, and that none sees the future."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mersalg.names import KINDS, Kind
from mersalg_training.data.timeline import Int64, Timeline
from mersalg_training.evaluation.baselines import best, fit_baselines
from mersalg_training.evaluation.methods import RankingMethod
from mersalg_training.evaluation.run import Contest, judge_task
from mersalg_training.evaluation.tasks.task import OWN_KINDS, Restriction, Task, assemble
from mersalg_training.ranking.cases import Cases, ragged
from small_history import Order, make_attributes, make_timeline, named

PRICES = dict.fromkeys(("bread", "butter", "cake", "milk", "razor", "tea"), 1.0)
BEFORE = [
    Order("ann", 1, "milk bread"),
    Order("ann", 2, "milk tea"),
    Order("ann", 3, "tea"),
    Order("ann", 4, "tea"),
    Order("bob", 5, "milk bread butter"),
    Order("bob", 6, "bread butter"),
    Order("bob", 7, "milk razor"),
    Order("cat", 95, "cake razor"),
    Order("cat", 96, "cake"),
    Order("cat", 97, "milk"),
]
CUT = 100.0


def fitted(timeline: Timeline) -> dict[str, RankingMethod]:
    return {
        baseline.name: baseline
        for baseline in fit_baselines(timeline, make_attributes(dict.fromkeys(PRICES)), CUT, np.random.default_rng(2))
    }


def ask(timeline: Timeline, cart: str, customer: str = "ann") -> Cases:
    """A request at the time of the customer's first order from CUT on."""
    codes = np.array([timeline.product_ids.index(product) for product in cart.split()], dtype=np.int64)
    code = timeline.customer_ids.index(customer)
    order = int(np.flatnonzero((timeline.order_customer == code) & (timeline.order_day >= CUT))[0])
    return assemble(timeline, [order], [codes], [np.array([0])], "cart")


def ranked(timeline: Timeline, name: str, cases: Cases, k: int = 3) -> list[str]:
    anything = Restriction(np.ones(len(PRICES), dtype=np.bool_), cases.cart)
    return named(timeline, fitted(timeline)[name].rank(cases, anything, k)[0])


@pytest.fixture
def timeline() -> Timeline:
    return make_timeline([*BEFORE, Order("ann", 110, "milk"), Order("bob", 110, "milk")], PRICES)


def test_popularity_ranks_by_orders_and_leaves_out_the_cart(timeline: Timeline) -> None:
    assert ranked(timeline, "popularity", ask(timeline, ""), k=1) == ["milk"]
    assert set(ranked(timeline, "popularity", ask(timeline, "milk"), k=2)) == {"bread", "tea"}


def test_popularity_of_28_days_forgets_what_is_older(timeline: Timeline) -> None:
    assert ranked(timeline, "popularity of 28 days", ask(timeline, ""), k=1) == ["cake"]


def test_own_most_frequent_ranks_own_products_first_and_then_the_popular_ones(timeline: Timeline) -> None:
    assert ranked(timeline, "own most frequent", ask(timeline, ""), k=3) == ["tea", "milk", "bread"]
    assert ranked(timeline, "own most frequent", ask(timeline, "", customer="bob"), k=1) != ["tea"]


def test_confidence_ranks_by_the_share_of_orders_with_the_cart(timeline: Timeline) -> None:
    # Of three orders with bread two hold butter and two milk; of two with butter both hold bread.
    assert set(ranked(timeline, "item-item confidence", ask(timeline, "bread"), k=2)) == {"butter", "milk"}
    assert ranked(timeline, "item-item confidence", ask(timeline, "butter"), k=2) == ["bread", "milk"]


def test_cosine_prefers_the_rarer_of_two_partners(timeline: Timeline) -> None:
    assert ranked(timeline, "item-item cosine", ask(timeline, "bread"), k=2) == ["butter", "milk"]


def test_the_history_stands_in_for_an_empty_cart(timeline: Timeline) -> None:
    cases = ask(timeline, "")
    without = Cases(
        cases.moment, cases.at, cases.cart, cases.history[:, [1, 1]], cases.target, cases.customer, cases.order
    )
    everything = Restriction(np.ones(len(PRICES), dtype=np.bool_), ragged([np.zeros(0, dtype=np.int64)]))
    method = fitted(timeline)["item-item confidence"]
    # Ann had milk, bread and tea. Milk goes with bread twice in three and with tea once in three of their orders.
    assert named(timeline, method.rank(cases, everything, 1)[0]) == ["milk"]
    nothing_known = method.rank(without, everything, len(PRICES))[0]
    assert sorted(nothing_known.tolist()) == list(range(len(PRICES)))


def test_only_permitted_products_are_ranked_and_the_list_may_be_short(timeline: Timeline) -> None:
    cases = ask(timeline, "milk")
    catalogue = np.array([product in ("butter", "milk", "tea") for product in timeline.product_ids])
    for baseline in fitted(timeline).values():
        found = baseline.rank(cases, Restriction(catalogue, cases.cart), 10)[0]
        assert sorted(named(timeline, found)) == ["butter", "tea"]


class Listens:
    """A method that answers nothing and keeps what it is asked for."""

    name = "listens"

    def __init__(self) -> None:
        self.asked: list[Sequence[Kind] | None] = []

    def rank(self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None) -> list[Int64]:
        self.asked.append(kinds)
        return [np.zeros(0, dtype=np.int64)] * len(cases)


@pytest.mark.parametrize("kinds", [("upsell",), ("add-on",), OWN_KINDS, KINDS])
def test_an_evaluation_tells_every_method_the_kinds_that_are_asked_for(
    timeline: Timeline, kinds: tuple[Kind, ...]
) -> None:
    cases, bundle, baseline = ask(timeline, "bread"), Listens(), Listens()
    restriction = Restriction(np.ones(len(PRICES), dtype=np.bool_), cases.cart)
    contest = Contest(timeline, make_attributes(dict.fromkeys(PRICES)), bundle, [baseline], before_day=100.0)
    judge_task(contest, Task("upsell", "in type", kinds, cases, restriction), np.random.default_rng(1), lambda: None)
    assert bundle.asked == baseline.asked == [kinds]


def test_single_methods_rank_alike_whatever_the_kinds(timeline: Timeline) -> None:
    cases = ask(timeline, "bread")
    anything = Restriction(np.ones(len(PRICES), dtype=np.bool_), cases.cart)
    for baseline in fitted(timeline).values():
        plain, asked = baseline.rank(cases, anything, 4), baseline.rank(cases, anything, 4, ("upsell",))
        assert np.array_equal(plain[0], asked[0]), baseline.name


def test_ties_follow_the_seed_and_not_the_product_id(timeline: Timeline) -> None:
    products, equal = np.arange(500), np.zeros(500)
    place = np.random.default_rng(2).permutation(500)
    found = best(products, equal, place, 10)
    assert place[found].tolist() == list(range(10))


def test_the_best_are_those_of_a_full_sort() -> None:
    generator = np.random.default_rng(4)
    place = generator.permutation(4000)
    for spread in (3, 50, 100_000):
        products = np.sort(generator.permutation(4000)[:3000])
        scores = generator.integers(0, spread, size=3000).astype(np.float64)
        full = products[np.lexsort((place[products], -scores))]
        assert best(products, scores, place, 10).tolist() == full[:10].tolist()


def test_fewer_products_than_places_are_all_ranked() -> None:
    place = np.arange(5)
    assert best(np.array([4, 1]), np.array([0.0, 2.0]), place, 10).tolist() == [1, 4]
    assert best(np.zeros(0, dtype=np.int64), np.zeros(0), place, 10).tolist() == []


def test_many_requests_get_what_each_gets_alone(timeline: Timeline) -> None:
    orders = np.flatnonzero(timeline.order_day >= CUT).tolist() * 150
    cases = assemble(timeline, orders, [np.zeros(0, dtype=np.int64)] * 300, [np.array([0])] * 300, "cart")
    anything = Restriction(np.ones(len(PRICES), dtype=np.bool_), cases.cart)
    for baseline in fitted(timeline).values():
        together = baseline.rank(cases, anything, 4)
        for row in (0, 1, 299):
            one = cases.take(np.array([row]))
            alone = baseline.rank(one, Restriction(anything.catalogue, one.cart), 4)[0]
            assert together[row].tolist() == alone.tolist()
