"""Claims about the tasks: what is asked, what counts as right, and what may be ranked."""

from __future__ import annotations

import numpy as np
import pytest

from mersalg.names import KINDS, MOMENTS
from mersalg_training.anchored_tasks import make_tasks, most_bought
from mersalg_training.config import KindsConfig
from mersalg_training.tasks import Task, group_median, make_shelf
from mersalg_training.timeline import Timeline
from small_history import Order, make_attributes, make_timeline, named

PRICES = {"beans": 3.0, "blend": 5.0, "roast": 9.0, "cup": 2.0, "spoon": 1.0, "lamp": 30.0, "novel": 8.0}
TYPES = {"beans": "coffee", "blend": "coffee", "roast": "coffee", "cup": "table", "spoon": "table", "lamp": "light",
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


def tasks_of(*later: Order, queries: int = 100) -> tuple[Timeline, dict[str, Task]]:
    timeline = make_timeline([*BEFORE, *later], PRICES)
    tasks, _ = make_tasks(timeline, make_attributes(TYPES), WINDOW, KindsConfig(), queries, np.random.default_rng(1))
    return timeline, {task.label: task for task in tasks}


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


def test_an_order_without_a_customer_is_completed_but_never_explored_or_expected() -> None:
    _, tasks = tasks_of(Order(None, 120, "beans lamp"))
    assert len(tasks["completion, all"].cases) == 1
    assert sum(len(task.cases) for label, task in tasks.items() if not label.startswith("completion")) == 0
    assert len(tasks["completion, explore"].cases) == 0


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
    for task in tasks.values():
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


def test_upsell_kind_alone_leaves_out_what_the_customer_bought_before() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "blend"), Order("bob", 121, "roast"))
    both, alone = tasks["upsell, catalogue"], tasks["upsell, kind alone"]
    assert sorted(named(timeline, both.cases.target.values)) == ["blend", "roast"]
    assert named(timeline, alone.cases.target.values) == ["blend"]
    assert alone.kinds == ("upsell",)
    assert candidates(timeline, alone) == {"blend", "roast", "lamp"}


def test_of_equally_usual_products_the_one_bought_last_is_the_usual_one() -> None:
    assert most_bought(np.array([4, 7, 7, 4])) == 4
    assert most_bought(np.array([4, 4, 7, 7])) == 7
    assert most_bought(np.array([4, 4, 7])) == 4


def test_an_add_on_is_cheaper_of_another_type_and_new_to_the_customer() -> None:
    timeline, tasks = tasks_of(Order("ann", 120, "lamp roast beans"))
    task = tasks["add-on, any kind"]
    assert named(timeline, task.cases.cart[0]) == ["lamp"]
    assert named(timeline, task.cases.target[0]) == ["roast"]
    assert candidates(timeline, task) == {"blend", "roast"}
    assert tasks["add-on, kind alone"].kinds == ("add-on",)


def test_what_costs_nearly_as_much_as_the_anchor_is_no_add_on() -> None:
    _, tasks = tasks_of(Order("ann", 120, "roast blend"))
    assert len(tasks["add-on, any kind"].cases) == 0


def test_a_product_is_due_when_its_interval_has_passed() -> None:
    timeline, tasks = tasks_of(Order("ann", 129, "beans cup"), Order("ann", 133, "beans"))
    task = tasks["replacement, due"]
    assert MOMENTS[task.cases.moment[0]] == "follow-up"
    # Beans come every 10 days, so they are due on day 129 and not 4 days later; nobody ever bought a cup twice.
    assert task.cases.at.tolist() == [129.0]
    assert named(timeline, task.cases.target[0]) == ["beans"]
    assert candidates(timeline, task) == {"beans"}


def test_all_five_kinds_are_asked_where_the_question_leaves_them_open() -> None:
    _, tasks = tasks_of(Order("ann", 120, "beans lamp"))
    for label in ("completion, all", "completion, explore", "next basket, explore", "upsell, catalogue"):
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


@pytest.mark.parametrize("label", ["upsell, in type", "add-on, any kind"])
def test_without_types_there_is_nothing_to_ask(label: str) -> None:
    timeline = make_timeline([*BEFORE, Order("ann", 120, "lamp roast spoon")], PRICES)
    untyped = make_attributes(dict.fromkeys(PRICES))
    tasks, _ = make_tasks(timeline, untyped, WINDOW, KindsConfig(), 10, np.random.default_rng(1))
    assert len(next(task for task in tasks if task.label == label).cases) == 0
