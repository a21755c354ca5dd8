"""Claims: what is planned adds up, and what gives way does so in its order, as little as will do."""

from __future__ import annotations

from dataclasses import replace

from mersalg_training.limits.costs import (
    MIN_ITERATIONS,
    MIN_QUERIES,
    MIN_REQUESTS,
    Work,
    fewer_iterations,
    fewer_queries,
    fewer_requests,
    made_to_fit,
    plan_of,
    worthwhile,
)

DEMO = Work(lines=(900_000, 1_150_000, 1_300_000), requests=40_000, calibrating=40_000, iterations=12, queries=500)
ALL = (fewer_queries, fewer_requests, fewer_iterations)


def test_a_plan_is_the_sum_of_its_parts_and_grows_with_the_slowness_of_the_machine() -> None:
    plan, slow = plan_of(DEMO), plan_of(DEMO, 3.0)
    parts = (plan.counting_first, plan.ranking, plan.counting_later, plan.calibrating, plan.evaluating, plan.writing)
    assert abs(plan.seconds - sum(parts)) < 1e-6
    assert abs(slow.seconds - 3.0 * plan.seconds) < 1e-6
    assert plan.seconds > plan.after_counting > plan.to_evaluate > plan.writing


def test_without_a_test_window_nothing_is_planned_for_an_evaluation() -> None:
    assert plan_of(replace(DEMO, queries=0)).evaluating == 0.0
    assert fewer_queries(replace(DEMO, queries=0)) is None


def test_what_fits_stays_as_it_is() -> None:
    assert made_to_fit(DEMO, ALL, lambda work: True) == DEMO


def test_the_evaluation_gives_way_first_then_the_rankers_requests_then_the_iterations() -> None:
    seen: list[Work] = []

    def never(work: Work) -> bool:
        seen.append(work)
        return False

    least = made_to_fit(DEMO, ALL, never)
    steps = list(dict.fromkeys((work.queries, work.requests, work.iterations) for work in seen))
    assert steps == [
        (500, 40_000, 12), (250, 40_000, 12), (125, 40_000, 12),
        (125, 20_000, 12), (125, 10_000, 12), (125, 5_000, 12),
        (125, 5_000, 6), (125, 5_000, 3),
    ]  # fmt: skip
    assert (least.queries, least.requests, least.iterations) == (MIN_QUERIES, MIN_REQUESTS, MIN_ITERATIONS)


def test_no_more_gives_way_than_is_needed() -> None:
    less = made_to_fit(DEMO, ALL, lambda work: work.queries <= 250)
    assert less == replace(DEMO, queries=250)


def test_nothing_gives_way_for_less_than_a_second() -> None:
    small = replace(DEMO, lines=(3000, 4000, 5000), requests=5000)
    assert worthwhile(fewer_iterations, 1.0)(small) is None
    assert worthwhile(fewer_iterations, 1.0)(DEMO) == replace(DEMO, iterations=6)
    assert worthwhile(fewer_queries, 1.0)(small) == replace(small, queries=250)


def test_neither_the_lines_nor_the_requests_that_certify_give_way() -> None:
    least = made_to_fit(DEMO, ALL, lambda work: False)
    assert (least.lines, least.calibrating) == (DEMO.lines, DEMO.calibrating)
