"""Claims: the products that a bundle knows, the most bought first, and what is known of each at the cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mersalg_training.config import parse_config
from mersalg_training.data.timeline import Timeline
from mersalg_training.tables.counts import count_purchases
from mersalg_training.tables.vocabulary import PRIOR_BUYERS, PRIOR_INTERVALS, Vocabulary, build_vocabulary
from small_history import Order, history_of, make_attributes, make_timeline

PRICES = {"bread": 3.0, "butter": 2.0, "milk": 1.0, "oat-milk": 2.0, "unsold": 9.0}
TYPES = {"bread": "loaf", "butter": None, "milk": "milk", "oat-milk": "milk", "unsold": "milk"}
CONFIG = parse_config({"name": "vocabulary", "data": {"orders": "none"}, "privacy": {"min_customers": 1}}, "test")


def learned(
    orders: Sequence[Order],
    cut_day: float = 100.0,
    list_prices: Mapping[str, float] | None = None,
    costs: Mapping[str, float] | None = None,
    paid: Mapping[str, float] = PRICES,
    listed: str = "",
) -> tuple[Vocabulary, Timeline]:
    """listed: the products that a catalogue names; the others are known by their order lines alone."""
    timeline = make_timeline(orders, paid)
    attributes = make_attributes(TYPES, costs)
    given = [(list_prices or {}).get(product, np.nan) for product in timeline.product_ids]
    in_catalogue = np.isin(timeline.product_ids, listed.split())
    attributes = replace(attributes, price=np.array(given, dtype=np.float32), listed=in_catalogue)
    types = attributes.product_type, len(attributes.product_types)
    counts = count_purchases(history_of(timeline), *types, [cut_day], CONFIG).before(0)
    return build_vocabulary(counts, attributes, CONFIG), timeline


def names(vocabulary: Vocabulary, timeline: Timeline) -> list[str]:
    return [timeline.product_ids[code] for code in vocabulary.code.tolist()]


def statistic(vocabulary: Vocabulary, timeline: Timeline, name: str) -> dict[str, float]:
    return dict(zip(names(vocabulary, timeline), vocabulary.statistics[name][:-1].tolist(), strict=True))


def test_the_most_bought_come_first_and_ties_go_by_product_id() -> None:
    vocabulary, timeline = learned([Order("a", 1, "milk bread butter"), Order("b", 2, "milk")])
    assert names(vocabulary, timeline) == ["milk", "bread", "butter"]
    assert vocabulary.orders.tolist() == [2, 1, 1, 0]


def test_a_product_that_was_not_sold_before_the_cut_is_no_item() -> None:
    vocabulary, timeline = learned([Order("a", 1, "milk"), Order("a", 50, "bread")], cut_day=10.0)
    assert names(vocabulary, timeline) == ["milk"]
    item = dict(zip(timeline.product_ids, vocabulary.item_of_code.tolist(), strict=True))
    assert item["milk"] == 0
    assert item["bread"] == item["unsold"] == vocabulary.n_items == 1


def test_a_product_of_the_catalogue_that_was_never_sold_comes_last_where_its_type_was_sold() -> None:
    orders = [Order("a", 1, "butter"), Order("b", 2, "milk"), Order("b", 50, "bread oat-milk")]
    found = learned(orders, cut_day=10.0, listed="bread butter milk oat-milk unsold", list_prices={"unsold": 9.0})
    assert names(*found) == ["butter", "milk", "oat-milk", "unsold"], "nobody had bought a loaf before the cut"
    assert found[0].orders.tolist() == [1, 1, 0, 0, 0]
    assert found[0].product_type.tolist() == [2, 1, 1, 1, 2]
    assert dict(zip(names(*found), found[0].price[:-1].tolist(), strict=True))["unsold"] == 9.0


def test_of_a_product_never_sold_nothing_is_known_but_what_its_type_and_the_shop_tell() -> None:
    orders = [Order("a", day, "milk") for day in (1, 11, 21)] + [Order("b", 5, "bread")]
    found = learned(orders, listed="unsold")
    assert names(*found)[-1] == "unsold"
    told = {name: statistic(*found, name)["unsold"] for name in found[0].statistics}
    assert told["log_orders"] == told["month_share"] == told["type_share"] == 0.0
    assert np.isnan([told["age_days"], told["idle_days"]]).all()
    assert told["interval_days"] == pytest.approx(10.0)
    assert told["repeat_rate"] == pytest.approx(0.5), "one of two buyers of anything bought it again"


def test_every_array_has_a_last_row_for_no_item_of_unknown_type() -> None:
    vocabulary, _ = learned([Order("a", 1, "milk butter")])
    unknown = 2
    assert vocabulary.product_type.tolist() == [unknown, 1, unknown]
    assert np.isnan(vocabulary.price[-1])
    assert all(len(values) == 3 and np.isnan(values[-1]) for values in vocabulary.statistics.values())
    assert all(values.dtype == np.float32 for values in vocabulary.statistics.values())


def test_the_list_price_counts_and_else_the_median_price_paid() -> None:
    vocabulary, timeline = learned([Order("a", 1, "milk bread")], list_prices={"milk": 1.25})
    assert dict(zip(names(vocabulary, timeline), vocabulary.price[:-1].tolist(), strict=True)) == {
        "bread": 3.0,
        "milk": 1.25,
    }


def test_the_repeat_rate_is_shrunk_to_the_shops() -> None:
    orders = [Order(f"c{n}", day, "milk") for n in range(4) for day in (1, 9)]
    orders += [Order(f"c{n}", 3, "bread") for n in range(4)]
    rate = statistic(*learned(orders), "repeat_rate")
    overall = 4 / 8
    assert rate["milk"] == pytest.approx((4 + PRIOR_BUYERS * overall) / (4 + PRIOR_BUYERS))
    assert rate["bread"] == pytest.approx((0 + PRIOR_BUYERS * overall) / (4 + PRIOR_BUYERS))
    assert rate["bread"] < overall < rate["milk"]


def test_the_interval_of_a_product_never_bought_twice_is_its_types() -> None:
    orders = [Order("a", day, "milk") for day in (1, 11, 21)] + [Order("a", 5, "oat-milk bread")]
    orders += [Order("b", day, "bread") for day in (1, 41, 81)]
    days = statistic(*learned(orders), "interval_days")
    overall = (10 * 2 + 40 * 2) / 4
    of_type = (10 * 2 + overall * PRIOR_INTERVALS) / (2 + PRIOR_INTERVALS)
    assert days["oat-milk"] == pytest.approx(of_type)
    assert days["milk"] == pytest.approx((10 * 2 + of_type * PRIOR_INTERVALS) / (2 + PRIOR_INTERVALS))
    assert days["milk"] < days["oat-milk"] < days["bread"]


def test_where_nothing_is_bought_twice_no_interval_is_known() -> None:
    assert np.isnan(list(statistic(*learned([Order("a", 1, "milk bread")]), "interval_days").values())).all()


def test_ages_count_from_the_cut() -> None:
    found = learned([Order("a", 40, "milk"), Order("a", 90, "milk")])
    assert statistic(*found, "age_days") == {"milk": 60.0}
    assert statistic(*found, "idle_days") == {"milk": 10.0}


def test_share_and_price_rank_are_within_the_type_and_unknown_without_one() -> None:
    found = learned([Order("a", 1, "milk oat-milk butter"), Order("b", 2, "milk bread"), Order("c", 3, "milk")])
    share, rank = statistic(*found, "type_share"), statistic(*found, "price_rank")
    assert share["milk"] == pytest.approx(0.75)
    assert share["oat-milk"] == pytest.approx(0.25)
    assert rank["milk"] == pytest.approx(0.25)
    assert rank["oat-milk"] == pytest.approx(0.75)
    assert rank["bread"] == pytest.approx(0.5)
    assert np.isnan(share["butter"])
    assert np.isnan(rank["butter"])


def test_the_share_of_the_last_weeks_is_over_the_best_seller() -> None:
    found = learned([Order("a", 90, "milk bread"), Order("b", 91, "milk"), Order("c", 1, "butter")])
    assert statistic(*found, "month_share") == {"milk": 1.0, "bread": 0.5, "butter": 0.0}


def values(found: tuple[Vocabulary, Timeline]) -> dict[str, float]:
    return dict(zip(names(*found), found[0].value[:-1].tolist(), strict=True))


EVERYTHING = [Order("a", 1, "milk bread butter oat-milk")]


def test_the_value_is_the_price_less_the_cost_or_else_the_price() -> None:
    found = learned(EVERYTHING, list_prices={"butter": 2.5}, costs={"bread": 1.0, "butter": 2.75})
    assert values(found) == {"bread": 2.0, "butter": -0.25, "milk": 1.0, "oat-milk": 2.0}
    assert found[0].value_kind == "margin"
    assert found[0].value.dtype == np.float32
    assert len(found[0].value) == found[0].n_items + 1


def test_without_any_cost_the_value_is_the_price() -> None:
    found = learned(EVERYTHING)
    assert values(found) == {"bread": 3.0, "butter": 2.0, "milk": 1.0, "oat-milk": 2.0}
    assert found[0].value_kind == "price"


def test_a_product_of_unknown_price_has_the_middle_value() -> None:
    found = learned(EVERYTHING, costs={"bread": 0.0, "milk": 0.5}, paid={**PRICES, "butter": np.nan})
    assert values(found) == {"bread": 3.0, "butter": 2.0, "milk": 0.5, "oat-milk": 2.0}


def test_where_no_price_is_known_all_products_have_the_same_value() -> None:
    found = learned(EVERYTHING, costs={"milk": 0.5}, paid=dict.fromkeys(PRICES, np.nan))
    assert set(values(found).values()) == {1.0}
    assert found[0].value_kind is None
