from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from mersalg_training.config import Config, RankerConfig, SplitConfig, parse_config
from mersalg_training.data.adaptation import Adaptation, Adapted, adapt, adapt_follow_days, adapt_horizon, adapt_ranker
from mersalg_training.data.shop_statistics import ShopStatistics
from mersalg_training.data.split import EPOCH, Windows, split_windows, to_day
from mersalg_training.data.timeline import Float64

FIRST, LAST = datetime(2024, 1, 1), datetime(2024, 4, 9, 12)
DAYS = 100
UNKNOWN_SHOP = ShopStatistics(
    **(dict.fromkeys(ShopStatistics.__annotations__) | {"lines": 0, "orders": 0, "customers": 0, "products": 10_000}),
)  # type: ignore[arg-type]  # fmt: skip


def shop(order_gap_days: float | None) -> ShopStatistics:
    return replace(UNKNOWN_SHOP, order_gap_days=order_gap_days)


def steady(orders_a_day: int) -> Float64:
    return np.repeat(to_day(FIRST) + np.arange(DAYS) + 0.5, orders_a_day)


def windows_of(order_days: Float64) -> Windows:
    return split_windows(FIRST, LAST, SplitConfig(), order_days)


def config_of(**sections: dict[str, object]) -> Config:
    return parse_config({"name": "small", "data": {"orders": "orders.csv"}, **sections}, "test")


def adapted(order_days: Float64, gap: float | None = 5.0, config: Config | None = None) -> Adapted:
    return adapt(config or config_of(), shop(gap), windows_of(order_days), order_days)


def test_a_large_and_steady_shop_whose_customers_come_often_keeps_every_default() -> None:
    found = adapted(steady(1000))
    assert found.told == []
    assert found.fitting == found.config
    assert found.config.ranker == RankerConfig()
    assert found.config.label.horizon_days == 10.0


def test_few_orders_bring_smaller_and_more_strongly_penalised_trees() -> None:
    order_days = steady(200)  # 3,000 in the 15 days that rank
    ranker, told = adapt_ranker(
        RankerConfig(leaves=31, leaf_penalty=20.0), shop(5.0), windows_of(order_days), order_days
    )
    assert (ranker.leaves, ranker.leaf_penalty) == (17, pytest.approx(66.7))
    assert [adaptation.setting for adaptation in told] == ["ranker.leaves", "ranker.leaf_penalty"]
    assert told[0].because == "3,000 orders in the rank window"


@pytest.mark.parametrize(("products_an_order", "trees"), [(3, 60), (4, 150)])
def test_much_that_was_bought_bears_more_trees(products_an_order: int, trees: int) -> None:
    order_days = steady(1000)  # 15,000 in the 15 days that rank
    statistics = replace(shop(5.0), orders=100, lines=100 * products_an_order)
    found = adapt(config_of(), statistics, windows_of(order_days), order_days)
    assert found.fitting.ranker.trees == trees
    assert found.config.ranker.trees == 60, "a job that starts from the manifest adapts anew"
    assert [adaptation.setting for adaptation in found.told] == (["ranker.trees"] if trees == 150 else [])


def test_a_configured_number_of_trees_stays() -> None:
    order_days, statistics = steady(1000), replace(shop(5.0), orders=100, lines=1000)
    found = adapt(config_of(ranker={"trees": 60}), statistics, windows_of(order_days), order_days)
    assert found.fitting.ranker.trees == 60
    assert found.told == []


def test_the_fewest_orders_still_leave_a_tree_that_splits() -> None:
    ranker, _ = adapt_ranker(RankerConfig(), shop(5.0), windows_of(steady(1)), steady(1))
    assert (ranker.leaves, ranker.leaf_penalty) == (7, 100.0)


def test_trees_that_are_configured_smaller_do_not_grow() -> None:
    ranker, _ = adapt_ranker(RankerConfig(leaves=4, leaf_penalty=0.0), shop(5.0), windows_of(steady(1)), steady(1))
    assert (ranker.leaves, ranker.leaf_penalty) == (4, 0.0)


def test_the_adapted_ranker_is_for_fitting_and_not_for_the_manifest() -> None:
    found = adapted(steady(10))
    assert found.fitting.ranker.leaves < found.config.ranker.leaves == RankerConfig().leaves
    again = adapted(steady(10), config=found.config)
    assert again.fitting == found.fitting


def test_customers_who_come_rarely_get_a_horizon_that_their_next_visit_fits_in() -> None:
    wide = replace(windows_of(steady(1)), rank_from=EPOCH)  # the calibrate window has 10 days
    assert adapt_horizon(shop(90.0), wide) == (28.0, [])
    longer = Windows(*(datetime(2023, month, 1) for month in (1, 3, 6, 9, 12)))
    horizon, told = adapt_horizon(shop(90.0), longer)
    assert horizon == 30.0  # a third of the 91 days from September on
    assert told[0].sentence() == "label.horizon_days: 30 instead of 28, for a customer's visits lie 90 days apart"


def test_a_configured_horizon_stays() -> None:
    found = adapted(steady(1000), gap=400.0, config=config_of(label={"horizon_days": 3.0}))
    assert found.config.label.horizon_days == 3.0


def test_orders_that_follow_each_other_after_months_are_counted_as_such() -> None:
    assert adapt_follow_days(30.0, shop(92.0)) == (
        184.0,
        [Adaptation("counts.follow_days", "184", "30", "a customer's visits lie 92 days apart")],
    )
    assert adapted(steady(1000), gap=92.0).config.counts.follow_days == 184.0


@pytest.mark.parametrize("gap", [None, 3.0, 15.0])
def test_orders_that_follow_each_other_soon_leave_the_follow_days(gap: float | None) -> None:
    assert adapt_follow_days(30.0, shop(gap)) == (30.0, [])


def test_without_customers_the_horizon_is_two_weeks() -> None:
    assert adapt_horizon(shop(None), windows_of(steady(1))) == (14.0, [])


def test_windows_by_orders_are_told_with_their_cause() -> None:
    growing = np.repeat(to_day(FIRST) + np.arange(DAYS) + 0.5, np.where(np.arange(DAYS) < 90, 100, 1000))
    told = adapted(growing).told[0]
    assert told.setting == "split"
    assert told.usual == "fit 65, rank 15, calibrate 10, test 10 days"
    assert told.because == "53% of the orders lie in the 10% of the days of the window test"
    assert told.to_json()["because"] == told.because


@pytest.mark.parametrize(("products", "candidates"), [(20, 24), (101, 101), (150, 150), (151, 24), (50_000, 24)])
def test_of_few_products_all_are_candidates(products: int, candidates: int) -> None:
    found = adapt(config_of(), replace(shop(5.0), products=products), windows_of(steady(1000)), steady(1000))
    assert found.config.retrieve.popular_candidates == candidates
    told = [sentence for sentence in (of.sentence() for of in found.told) if "popular_candidates" in sentence]
    assert told == (
        [f"retrieve.popular_candidates: {products} instead of 24, for {products} products are sold"]
        if candidates > 24
        else []
    )


def test_a_configured_number_of_popular_candidates_stays() -> None:
    config = config_of(retrieve={"popular_candidates": 24})
    found = adapt(config, replace(shop(5.0), products=101), windows_of(steady(1000)), steady(1000))
    assert found.config.retrieve.popular_candidates == 24
