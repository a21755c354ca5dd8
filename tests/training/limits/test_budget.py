"""Claims: limits are planned for, kept by what gives way, and told; the clock and the memory are those of the test."""

from __future__ import annotations

from typing import Any, cast

import pytest

from made_gauges import MadeGauges
from mersalg import ConfigError
from mersalg.recommender import Recommender
from mersalg_training.config import Config, LimitsConfig, flat, parse_config, public
from mersalg_training.data.adaptation import Adapted
from mersalg_training.limits.budget import Budget, bytes_of, unlimited
from mersalg_training.limits.costs import Work, plan_of
from mersalg_training.limits.result import sentences

WORK = Work(lines=(900_000, 1_150_000, 1_300_000), requests=40_000, calibrating=40_000, iterations=12, queries=500)
PLANNED = plan_of(WORK).seconds / 60.0
SCORER = cast(Recommender, None)
"""The made gauges do not ask it."""


def config_of(**sections: dict[str, Any]) -> Config:
    return parse_config({"name": "shop", "data": {"orders": "orders.csv"}, **sections}, "test")


def budget_of(made: MadeGauges, **limits: float) -> tuple[Budget, list[str]]:
    told: list[str] = []
    return Budget(LimitsConfig(**limits), told.append, made.gauges()), told


def adapted_of(config: Config) -> Adapted:
    return Adapted(config, config, [])


def test_without_limits_every_setting_stays_and_nothing_is_told() -> None:
    config, budget = config_of(), unlimited()
    assert budget.bounded(config) is config
    assert budget.planned(config, WORK) is config
    assert budget.counted(adapted_of(config)) == adapted_of(config)
    assert budget.queries(500) == 500
    assert budget.result() is None


def test_a_configuration_without_limits_is_told_without_them() -> None:
    assert "limits" not in public(config_of())
    assert public(config_of(limits={"minutes": 5}))["limits"]["minutes"] == 5.0
    assert flat(config_of(limits={"minutes": 5}))["limits.minutes"] == 5.0


def test_a_plan_that_fits_is_told_and_changes_nothing() -> None:
    config, (budget, told) = config_of(), budget_of(MadeGauges(), minutes=2.0 * PLANNED)
    assert budget.planned(config, WORK) is config
    assert [line.split()[0] for line in told] == ["Plan"]
    assert "counting" in told[0]
    assert "No less" not in told[0]


def test_what_reading_took_is_no_longer_there_for_the_rest() -> None:
    made = MadeGauges()
    budget, told = budget_of(made, minutes=PLANNED + 1.0)
    made.now += 80.0
    budget.planned(config_of(), WORK)
    assert told[0] == f"Gave way  evaluation's requests: 250 instead of 500, for limits.minutes = {PLANNED + 1.0:g}"


def test_minutes_that_cannot_be_kept_take_all_that_can_give_way_and_say_so_at_once() -> None:
    budget, told = budget_of(MadeGauges(), minutes=0.01)
    config = budget.planned(config_of(), WORK)
    assert config.factors.iterations == 3
    assert budget.counted(adapted_of(config)).fitting.ranker.requests == 5000
    assert budget.queries(500) == 125
    assert told[-1].startswith("Plan")
    assert told[-1].endswith("No less is possible: they will hardly be kept")


def test_a_machine_three_times_as_slow_is_noticed_when_the_first_counting_is_over() -> None:
    made = MadeGauges()
    budget, told = budget_of(made, minutes=2.0 * PLANNED)
    config = budget.planned(config_of(), WORK)
    made.now += 3.0 * plan_of(WORK).counting_first
    fitting = budget.counted(adapted_of(config)).fitting
    left = 2.0 * PLANNED * 60.0 - 3.0 * plan_of(WORK).counting_first
    assert budget.work is not None
    assert plan_of(budget.work, 3.0).after_counting <= left
    assert fitting.ranker.requests == budget.work.requests
    assert config.factors.iterations == 12  # tables of one job have the same
    assert any("Gave way" in line for line in told)


def test_only_the_fit_of_the_rankers_sees_fewer_requests_and_what_calibrates_stays() -> None:
    budget, _ = budget_of(MadeGauges(), minutes=0.01)
    adapted = budget.counted(adapted_of(budget.planned(config_of(), WORK)))
    assert (adapted.config.ranker.requests, adapted.fitting.ranker.requests) == (40_000, 5000)


def test_an_evaluation_for_which_little_time_is_left_asks_less() -> None:
    made = MadeGauges()
    budget, _ = budget_of(made, minutes=2.0 * PLANNED)
    config = budget.planned(config_of(), WORK)
    made.now += plan_of(WORK).counting_first
    budget.counted(adapted_of(config))
    made.now += 60.0 * 2.0 * PLANNED - plan_of(WORK).counting_first - 60.0  # a minute is left
    assert budget.queries(500) == 250


def test_minutes_and_what_gave_way_are_told_at_the_end() -> None:
    made = MadeGauges()
    budget, _ = budget_of(made, minutes=0.5)
    budget.planned(config_of(), WORK)
    made.now += 45.0
    result = budget.result()
    assert result is not None
    document = result.to_json()
    assert document["minutes"] == {"limit": 0.5, "taken": 0.75, "kept": False}
    assert sentences(document)[0] == "NOT KEPT: 0.75 of 0.5 minutes"
    assert "gave way: evaluation's requests: 125 instead of 500, for limits.minutes = 0.5" in sentences(document)


def test_memory_bounds_the_database_and_the_rows_of_the_rankers() -> None:
    budget, told = budget_of(MadeGauges(), memory_gb=1.0)
    config = budget.bounded(config_of())
    assert config.engine.memory == "400MB"
    config = budget.planned(config, WORK)
    assert budget.counted(adapted_of(config)).fitting.ranker.requests == 10_000
    assert told[0] == "Gave way  engine.memory: 400MB instead of half of what is available, for limits.memory_gb = 1"


def test_a_database_that_is_smaller_already_stays() -> None:
    budget, told = budget_of(MadeGauges(), memory_gb=1.0)
    assert budget.bounded(config_of(engine={"memory": "300MB"})).engine.memory == "300MB"
    assert told == []
    assert budget.bounded(config_of(engine={"memory": "1GiB"})).engine.memory == "400MB"


@pytest.mark.parametrize(("text", "expected"), [("6GB", 6e9), ("1.5 gib", 1.5 * 2**30), ("300MB", 3e8), ("2tb", 2e12)])
def test_an_amount_of_memory_is_read_as_the_database_reads_it(text: str, expected: float) -> None:
    assert bytes_of(text) == expected


def test_the_stage_in_which_the_memory_was_passed_is_told() -> None:
    made = MadeGauges(peak=900_000_000)
    budget, told = budget_of(made, memory_gb=1.0)
    budget.stage_ended("Reading")
    made.peak = 1_250_000_000
    budget.stage_ended("Counting")
    made.peak = 2_000_000_000
    budget.stage_ended("Calibrating")
    assert told == ["Memory    1.25 GB, more than limits.memory_gb = 1"]
    result = budget.result()
    assert result is not None
    assert sentences(result.to_json()) == ["NOT KEPT: 2 of 1 GB of memory, passed in 'Counting'"]


def test_answers_that_are_quick_enough_narrow_nothing() -> None:
    made = MadeGauges(latencies=[2.0])
    budget, told = budget_of(made, milliseconds=2.0)
    assert budget.narrower(adapted_of(config_of()), SCORER, []) is None
    assert told == []


def test_slow_answers_halve_candidates_and_trees_until_they_are_quick_enough() -> None:
    made = MadeGauges(latencies=[4.0, 3.0, 2.0])
    budget, told = budget_of(made, milliseconds=2.0)
    once = budget.narrower(adapted_of(config_of()), SCORER, [])
    assert once is not None
    assert (once.config.retrieve.own_candidates, once.config.retrieve.new_candidates) == (24, 48)
    assert (once.config.ranker.trees, once.fitting.ranker.trees) == (60, 30)
    assert once.fitting.retrieve == once.config.retrieve
    twice = budget.narrower(once, SCORER, [])
    assert twice is not None
    assert (twice.config.retrieve.own_candidates, twice.config.retrieve.new_candidates) == (12, 24)
    assert twice.fitting.ranker.trees == 15
    assert budget.narrower(twice, SCORER, []) is None
    assert twice.config.retrieve.own_anchors == config_of().retrieve.own_anchors
    budget.shipped(SCORER, [])
    result = budget.result()
    assert result is not None
    told_at_the_end = {one.setting: (one.value, one.usual) for one in result.gave_way}
    assert told_at_the_end["retrieve.new_candidates"] == ("24", "96")  # as it was at first, not in between
    assert told_at_the_end["ranker.trees"] == ("15", "60")
    assert result.to_json()["milliseconds"] == {"limit": 2.0, "taken": 2.0, "kept": True}
    assert told[0].startswith(
        "Gave way  retrieve.own_candidates: 24 instead of 48, for limits.milliseconds = 2: 4.00 ms"
    )


def test_the_sources_of_candidates_give_way_last() -> None:
    budget, _ = budget_of(MadeGauges(latencies=[5.0]), milliseconds=1.0)
    adapted: Adapted | None = adapted_of(config_of())
    for _ in range(3):
        assert adapted is not None
        adapted = budget.narrower(adapted, SCORER, [])
    assert adapted is not None
    retrieve = adapted.config.retrieve
    assert (retrieve.own_candidates, retrieve.own_anchors, retrieve.types, retrieve.taste_candidates) == (12, 8, 6, 16)
    assert adapted.fitting.ranker.trees == 15


def test_answers_that_stay_too_slow_stop_the_job_and_say_what_to_do() -> None:
    budget, _ = budget_of(MadeGauges(latencies=[5.0]), milliseconds=0.1)
    adapted: Adapted | None = adapted_of(config_of())
    for _ in range(3):
        assert adapted is not None
        adapted = budget.narrower(adapted, SCORER, [])
    assert adapted is not None
    with pytest.raises(ConfigError, match=r"limits.milliseconds: expected .* within 0.1 ms, got 5.00 ms .* allow that"):
        budget.narrower(adapted, SCORER, [])


def test_a_narrow_job_is_narrowed_no_further_than_its_least() -> None:
    narrow = {"own_candidates": 10, "new_candidates": 15, "unsold_candidates": 0}
    budget, _ = budget_of(MadeGauges(latencies=[5.0]), milliseconds=1.0)
    once = budget.narrower(adapted_of(config_of(retrieve=narrow, ranker={"trees": 4})), SCORER, [])
    assert once is not None
    assert (once.config.retrieve.own_candidates, once.config.retrieve.new_candidates) == (10, 10)
    assert (once.config.retrieve.unsold_candidates, once.fitting.ranker.trees) == (0, 4)


@pytest.mark.parametrize("limits", [{"minutes": 0}, {"memory_gb": 0.1}, {"milliseconds": -1}, {"hours": 1}])
def test_a_limit_that_makes_no_sense_is_refused_by_name(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"limits.{next(iter(limits))}"):
        config_of(limits=limits)


def test_the_gauges_of_a_real_job_show_this_process() -> None:
    from mersalg_training.limits.gauges import MEASURED

    assert 10_000_000 < MEASURED.peak_bytes() < 1_000_000_000_000
    assert MEASURED.clock() <= MEASURED.clock()
