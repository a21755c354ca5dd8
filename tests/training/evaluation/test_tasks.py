"""Claims about the tasks: what is asked, what counts as right, and what may be ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mersalg.names import KINDS, MOMENTS
from mersalg_training.config import KindsConfig
from mersalg_training.data.attributes import Attributes, encoded
from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.tasks.anchored import make_tasks, most_bought
from mersalg_training.evaluation.tasks.task import FEW, Restriction, Task, group_median, make_shelf
from mersalg_training.ranking.cases import ragged
from small_history import Order, make_attributes, make_timeline, named

PRICES = {"beans": 3.0, "blend": 5.0, "roast": 9.0, "cup": 2.0, "spoon": 1.0, "lamp": 30.0, "novel": 8.0}
TYPES = {"beans": "coffee", "blend": "coffee", "roast": "coffee", "cup": "table", "spoon": "table", "lamp": "light",
         "novel": None}  # fmt: skip
CATEGORIES = {"beans": "drink", "blend": "drink", "roast": "drink", "cup": "home", "spoon": None, "lamp": "home",
              "novel": None}  # fmt: skip
BEFORE = [
    Order("ann", 0, "beans cup"),
    Order("ann", 10, "beans spoon"),
    Order("ann", 20, "beans"),
    Order("bob", 1, "blend roast"),
    Order("bob", 2, "lamp blend"),
    Order(None, 3, "lamp cup"),
]
WINDOW = (100.0, 200.0)


def tasks_of(
    *later: Order, queries: int = 100, before: Sequence[Order] = BEFORE, horizon_days: float | None = None
) -> tuple[Timeline, dict[str, Task]]:
    timeline = make_timeline([*before, *later], PRICES)
    attributes = in_categories(make_attributes(TYPES), CATEGORIES)
    random = np.random.default_rng(1)
    tasks, _ = make_tasks(timeline, attributes, WINDOW, KindsConfig(), queries, random, horizon_days)
    return timeline, {task.label: task for task in tasks}


def in_categories(attributes: Attributes, categories: Mapping[str, str | None]) -> Attributes:
    codes, names = encoded([categories[product] for product in sorted(categories)])
    return replace(attributes, category=codes, categories=names)


def candidates(timeline: Timeline, task: Task, case: int = 0) -> set[str]:
    return set(named(timeline, np.flatnonzero(task.restriction.mask(case))))


def test_completion_divides_an_order_into_a_cart_and_a_target() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "beans cup lamp roast"))
    cases = tasks["completion, all"].cases
    cart, target = named(timeline, cases.cart[0]), named(timeline, cases.target[0])
    assert sorted(cart + target) == ["beans", "cup", "lamp", "roast"]
    assert len(cart) == 2
    assert MOMENTS[cases.moment[0]] == "cart"
    assert cases.at[0] == 120.0
    assert candidates(timeline, tasks["completion, all"]).isdisjoint(cart)


def test_an_order_of_one_product_cannot_be_completed() -> None:
    _, tasks = tasks_of(Order("ann", 120, "lamp"))
    assert len(tasks["completion, all"].cases) == 0


def test_explore_asks_only_for_what_the_customer_never_bought() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "beans lamp"))
    task = tasks["next basket, explore"]
    assert named(timeline, task.cases.target[0]) == ["lamp"]
    assert candidates(timeline, task) == {"blend", "roast", "lamp"}
    for view in ("completion, explore", "next basket, explore"):
        for case in range(len(tasks[view].cases)):
            assert candidates(timeline, tasks[view], case).isdisjoint({"beans", "cup", "spoon"})


def test_repeat_asks_only_for_what_the_customer_bought_before() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "beans lamp"))
    task = tasks["next basket, repeat"]
    assert named(timeline, task.cases.target[0]) == ["beans"]
    assert candidates(timeline, task) == {"beans", "cup", "spoon"}
    assert len(task.cases.cart[0]) == 0


def test_the_next_basket_is_the_customer_s_first_order_of_the_window() -> None:
    _, tasks = tasks_of(Order("ann", 130, "beans lamp"), Order("ann", 120, "beans roast"), Order("bob", 125, "blend"))
    assert sorted(tasks["next basket, repeat"].cases.at.tolist()) == [120.0, 125.0]
    assert len(tasks["completion, all"].cases) == 2


def test_an_order_without_a_customer_is_completed_and_expected_of_nobody_in_particular() -> None:
    _, tasks = tasks_of(Order(None, 120, "beans lamp"))
    asked = {label for label, task in tasks.items() if len(task.cases)}
    assert asked == {
        "completion, all",
        "completion, other category",
        "completion, anonymous",
        "cold start, empty cart",
    }


def test_another_category_is_one_that_no_product_of_the_cart_has() -> None:
    for seed_order in ("beans blend lamp cup spoon", "cup lamp roast blend"):
        timeline, tasks = tasks_of(Order("ann", 120, seed_order))
        whole, task = tasks["completion, all"], tasks["completion, other category"]
        cart = named(timeline, whole.cases.cart[0])
        taken = {CATEGORIES[product] for product in cart} | {None}
        expected = [p for p in named(timeline, whole.cases.target[0]) if CATEGORIES[p] not in taken]
        assert len(task.cases) == (1 if expected else 0)
        if expected:
            assert named(timeline, task.cases.target[0]) == expected
            assert candidates(timeline, task) == {p for p in PRICES if CATEGORIES[p] not in taken}


def test_the_true_cross_sell_is_new_to_the_customer_and_of_another_category() -> None:
    for seed_order in ("beans blend lamp cup spoon", "cup lamp roast blend", "beans lamp"):
        timeline, tasks = tasks_of(Order("ann", 120, seed_order))
        explore, task = tasks["completion, explore"], tasks["completion, explore, other category"]
        taken = {None}
        taken |= {
            CATEGORIES[p] for case in range(len(explore.cases)) for p in named(timeline, explore.cases.cart[case])
        }
        targets = [p for case in range(len(explore.cases)) for p in named(timeline, explore.cases.target[case])]
        expected = [p for p in targets if CATEGORIES[p] not in taken]
        assert len(task.cases) == (1 if expected else 0)
        if expected:
            assert named(timeline, task.cases.target[0]) == expected
            assert candidates(timeline, task) == {
                p for p in candidates(timeline, explore) if CATEGORIES[p] not in taken
            }


def test_without_categories_no_other_one_is_asked_for() -> None:
    timeline = make_timeline([*BEFORE, Order("ann", 120, "beans lamp")], PRICES)
    tasks, _ = make_tasks(timeline, make_attributes(TYPES), WINDOW, KindsConfig(), 10, np.random.default_rng(1))
    assert [len(task.cases) for task in tasks if task.label == "completion, other category"] == [0]


def test_the_whole_next_basket_is_asked_for_among_all_products() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "beans lamp"))
    task = tasks["next basket, all"]
    assert named(timeline, task.cases.target[0]) == ["beans", "lamp"]
    assert candidates(timeline, task) == {"beans", "blend", "cup", "lamp", "roast", "spoon"}
    assert task.kinds == KINDS


def test_of_a_customer_who_arrives_nothing_is_known_and_the_order_is_the_target() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "lamp"), Order(None, 130, "beans cup"))
    task = tasks["cold start, empty cart"]
    assert np.all(task.cases.history[:, 0] == task.cases.history[:, 1])
    assert task.cases.cart.lengths.tolist() == [0, 0]
    assert sorted(named(timeline, task.cases.target.values)) == ["beans", "cup", "lamp"]
    assert candidates(timeline, task) == {"beans", "blend", "cup", "lamp", "roast", "spoon"}


def test_new_products_are_looked_for_among_all_that_were_never_sold() -> None:
    prices = {**PRICES, "listed": 4.0}
    timeline = make_timeline([*BEFORE, Order("ann", 120, "novel beans lamp cup"), Order("bob", 121, "novel")], prices)
    attributes = make_attributes({**TYPES, "listed": "coffee"})
    tasks, _ = make_tasks(timeline, attributes, WINDOW, KindsConfig(), 10, np.random.default_rng(1))
    task = next(task for task in tasks if task.label == "cold start, new products")
    assert len(task.cases) == 1  # the order of nothing but a new product is left out
    assert named(timeline, task.cases.target[0]) == ["novel"]
    assert len(task.cases.cart[0]) == 2
    assert candidates(timeline, task) == {"novel", "listed"}
    assert task.cases.history[0, 0] < task.cases.history[0, 1]


def test_a_new_product_that_the_customer_bought_earlier_in_the_window_is_no_question() -> None:
    _, tasks = tasks_of(Order("ann", 120, "novel beans"), Order("ann", 130, "novel beans"))
    assert tasks["cold start, new products"].cases.at.tolist() == [120.0]


def test_anonymous_hides_the_history_and_asks_the_same() -> None:
    _, tasks = tasks_of(Order("ann", 120, "beans lamp"))
    seen, hidden = tasks["completion, all"].cases, tasks["completion, anonymous"].cases
    assert np.all(hidden.history[:, 0] == hidden.history[:, 1])
    assert np.all(seen.history[:, 0] < seen.history[:, 1])
    assert hidden.target.values.tolist() == seen.target.values.tolist()


def test_a_history_ends_before_its_order() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "beans lamp"), Order("ann", 130, "cup roast"))
    for task in tasks.values():
        for at, (first, last) in zip(task.cases.at, task.cases.history, strict=True):
            assert np.all(timeline.line_day[first:last] < at)


def test_a_product_that_was_never_sold_before_the_window_is_no_target_and_no_candidate() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "novel"), Order("bob", 121, "novel spoon"))
    novel = timeline.product_ids.index("novel")
    for task in (task for label, task in tasks.items() if label != "cold start, new products"):
        assert novel not in task.cases.target.values
        assert all("novel" not in candidates(timeline, task, case) for case in range(len(task.cases)))


def test_an_upsell_is_a_dearer_product_than_the_usual_one_of_its_type() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "roast spoon"))
    task = tasks["upsell, in type"]
    assert named(timeline, task.cases.cart[0]) == ["beans", "spoon"]
    assert named(timeline, task.cases.target[0]) == ["roast"]
    assert candidates(timeline, task) == {"blend", "roast"}
    assert candidates(timeline, tasks["upsell, catalogue"]) == {"blend", "roast", "cup", "lamp"}


def test_the_usual_product_or_a_cheaper_one_is_no_upsell() -> None:
    _, tasks = tasks_of(Order("ann", 120, "beans"), Order("bob", 120, "beans blend"))
    assert len(tasks["upsell, in type"].cases) == 0


def test_every_view_of_an_upsell_asks_for_upsells() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "blend"), Order("bob", 121, "roast"))
    for view in ("in type", "in type when viewed", "catalogue"):
        assert tasks[f"upsell, {view}"].kinds == ("upsell",)
    assert sorted(named(timeline, tasks["upsell, catalogue"].cases.target.values)) == ["blend", "roast"]


def test_of_equally_usual_products_the_one_bought_last_is_the_usual_one() -> None:
    assert most_bought(np.array([4, 7, 7, 4])) == 4
    assert most_bought(np.array([4, 4, 7, 7])) == 7
    assert most_bought(np.array([4, 4, 7])) == 4


CAFE = [
    *[Order(f"guest-{n}", n, "roast cup spoon") for n in range(40)],
    *[Order(f"host-{n}", n, "cup spoon") for n in range(30)],
    *[Order(f"other-{n}", n / 4, "beans spoon lamp") for n in range(200)],
    Order("ann", 30, "beans"),
    Order("eve", 31, "cup"),
]
"""A cup goes with a roast far more often than chance and is bought without it too; a spoon goes with everything."""


def test_an_add_on_goes_with_its_anchor_more_than_by_chance_and_not_the_other_way_round() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "roast cup spoon beans"), before=CAFE)
    for view, kinds in (("by asymmetry", KINDS), ("by asymmetry as add-on", ("add-on",))):
        task = tasks[f"add-on, {view}"]
        assert task.kinds == kinds
        assert named(timeline, task.cases.cart[0]) == ["roast"]
        assert named(timeline, task.cases.target[0]) == ["cup"]
        assert candidates(timeline, task) == {"cup"}


def test_what_the_customer_has_is_no_add_on() -> None:
    _, tasks = tasks_of(Order("eve", 120, "roast cup"), before=CAFE)
    assert len(tasks["add-on, by asymmetry"].cases) == 0


def test_what_goes_with_the_anchor_only_inside_the_window_is_no_add_on() -> None:
    later = [Order("ann", 100 + day, "roast beans lamp") for day in range(50)]
    timeline, tasks = tasks_of(*later, Order("bob", 150, "roast cup"), before=CAFE)
    assert named(timeline, tasks["add-on, by asymmetry"].cases.target.values) == ["cup"]


def test_the_dearest_product_of_an_order_is_the_anchor_although_others_have_extensions() -> None:
    _, tasks = tasks_of(Order("ann", 120, "lamp roast cup"), before=CAFE)
    assert len(tasks["add-on, by asymmetry"].cases) == 0


def test_a_product_is_due_when_its_interval_has_passed() -> None:
    timeline, tasks = tasks_of(Order("ann", 129, "beans cup"), Order("ann", 133, "beans"))
    task = tasks["replacement, due"]
    assert MOMENTS[task.cases.moment[0]] == "follow-up"
    # Beans come every 10 days, so they are due on day 129 and not 4 days later; nobody ever bought a cup twice.
    assert task.cases.at.tolist() == [129.0]
    assert named(timeline, task.cases.target[0]) == ["beans"]
    assert candidates(timeline, task) == {"beans"}


def test_what_is_bought_again_within_the_horizon_is_looked_for_among_the_own_products() -> None:
    # The follow-up comes 0.5 to 5 days after day 110, the next order within 5 days of that whenever it comes.
    timeline, tasks = tasks_of(Order("ann", 110, "cup"), Order("ann", 115.2, "beans roast"), horizon_days=5.0)
    task = tasks["replacement, within the horizon"]
    assert len(task.cases) == 1
    assert 110.5 <= task.cases.at[0] <= 115.0
    assert MOMENTS[task.cases.moment[0]] == "follow-up"
    assert named(timeline, task.cases.target[0]) == ["beans"]
    assert candidates(timeline, task) == {"beans", "cup", "spoon"}
    first, last = task.cases.history[0]
    assert timeline.line_day[first:last].max() == 110.0
    assert task.by_precision


def test_a_horizon_that_leaves_the_window_asks_nothing() -> None:
    _, tasks = tasks_of(Order("ann", 195, "cup"), Order("ann", 199, "beans"), horizon_days=5.0)
    assert len(tasks["replacement, within the horizon"].cases) == 0


def test_what_is_not_bought_again_in_time_is_no_target() -> None:
    _, tasks = tasks_of(Order("ann", 110, "cup"), Order("ann", 130, "beans"), horizon_days=5.0)
    assert len(tasks["replacement, within the horizon"].cases) == 0


def test_few_candidates_are_named_and_many_are_not() -> None:
    catalogue, cart = np.ones(2 * FEW, dtype=np.bool_), ragged([np.array([3]), np.array([3])])
    narrow = np.arange(2 * FEW) <= FEW  # one more than FEW, and the cart's product is one of them
    restriction = Restriction(catalogue, cart, lambda case: narrow if case == 0 else catalogue)
    few = restriction.few(0)
    assert few is not None
    assert few.tolist() == [product for product in range(FEW + 1) if product != 3]
    assert restriction.few(1) is None
    assert Restriction(narrow, cart).few(0) is None  # the whole catalogue is no narrower question


def test_all_five_kinds_are_asked_where_the_question_leaves_them_open() -> None:
    _, tasks = tasks_of(Order("ann", 120, "beans lamp"))
    for label in ("completion, all", "completion, explore", "next basket, explore", "cold start, empty cart"):
        assert tasks[label].kinds == KINDS


def test_no_task_has_more_requests_than_wanted_and_the_seed_decides_which() -> None:
    later = [Order("ann", 100 + day, "beans lamp roast cup") for day in range(30)]
    _, tasks = tasks_of(*later, queries=7)
    _, again = tasks_of(*later, queries=7)
    assert max(len(task.cases) for task in tasks.values()) == 7
    for label, task in tasks.items():
        assert task.cases.order.tolist() == again[label].cases.order.tolist()
        assert task.cases.cart.values.tolist() == again[label].cases.cart.values.tolist()


def test_what_happens_in_the_window_changes_nothing_on_the_shelf() -> None:
    attributes = make_attributes(TYPES)
    before = make_shelf(make_timeline(BEFORE, PRICES), attributes, WINDOW[0])
    after = make_shelf(make_timeline([*BEFORE, Order("bob", 150, "novel beans")], PRICES), attributes, WINDOW[0])
    for name in ("sold", "price", "interval_days"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_the_shelf_knows_prices_and_intervals_by_their_medians() -> None:
    timeline = make_timeline(BEFORE, PRICES)
    shelf = make_shelf(timeline, make_attributes(TYPES), WINDOW[0])
    by_name = dict(zip(timeline.product_ids, shelf.interval_days, strict=True))
    assert by_name["beans"] == 10.0
    assert by_name["blend"] == 1.0
    assert np.isnan(by_name["cup"])
    assert dict(zip(timeline.product_ids, shelf.price, strict=True))["roast"] == 9.0


def test_a_median_of_an_even_group_lies_in_the_middle() -> None:
    found = group_median(np.array([2, 0, 2, 0, 0]), np.array([1.0, 9.0, 4.0, 2.0, 3.0]), 3)
    assert found[[0, 2]].tolist() == [3.0, 2.5]
    assert np.isnan(found[1])


@pytest.mark.parametrize("label", ["upsell, in type", "add-on, by asymmetry"])
def test_without_types_there_is_nothing_to_ask(label: str) -> None:
    timeline = make_timeline([*BEFORE, Order("ann", 120, "lamp roast spoon")], PRICES)
    untyped = make_attributes(dict.fromkeys(PRICES))
    tasks, _ = make_tasks(timeline, untyped, WINDOW, KindsConfig(), 10, np.random.default_rng(1))
    assert len(next(task for task in tasks if task.label == label).cases) == 0
