from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.report.charts import BOTTOM, LEFT, RIGHT, TOP, chart
from mersalg_training.report.pictures import Curve, Point
from mersalg_training.report.strips import around_zero, from_zero
from mersalg_training.report.wording import DASH, number, of_share, share

SHARES = st.floats(0.0, 1.0)
DIFFERENCES = st.floats(-10.0, 10.0)


def between(low: float, value: float, high: float) -> Estimate:
    low, value, high = sorted((low, value, high))
    return Estimate(value, low, high, 10)


@given(st.lists(st.builds(between, SHARES, SHARES, SHARES), min_size=1))
def test_every_dot_and_interval_lies_inside_its_cell_and_in_order(found: list[Estimate]) -> None:
    scale = from_zero(found)
    for estimate in found:
        strip = scale.strip(estimate)
        assert strip is not None
        assert strip.low is not None
        assert strip.high is not None
        assert 0.0 <= strip.low <= strip.value <= strip.high <= 100.0
        assert not strip.beyond


@given(st.lists(st.builds(between, DIFFERENCES, DIFFERENCES, DIFFERENCES), min_size=1))
def test_a_difference_stands_on_its_side_of_zero(found: list[Estimate]) -> None:
    scale = around_zero(found)
    for estimate in found:
        strip = scale.strip(estimate)
        assert strip is not None
        assert strip.mark == 50.0
        assert (strip.value - 50.0) * estimate.value >= 0.0
        assert 0.0 <= strip.value <= 100.0


def test_a_difference_that_would_leave_the_others_no_width_is_drawn_hollow_at_the_edge() -> None:
    near = [Estimate(v, v - 0.01, v + 0.01, 9) for v in (0.0, 0.01, -0.01)]
    far = Estimate(0.5, 0.4, 0.6, 9)
    scale = around_zero([*near, far])
    strips = [scale.strip(estimate) for estimate in (*near, far)]
    assert [strip.beyond for strip in strips if strip] == [False, False, False, True]


def test_what_is_not_known_is_not_drawn() -> None:
    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    assert from_zero([nothing]).strip(nothing) is None
    alone = from_zero([Estimate(0.2, math.nan, math.nan, 0)]).strip(Estimate(0.2, math.nan, math.nan, 0))
    assert alone is not None
    assert (alone.low, alone.high) == (None, None)


@given(st.lists(st.tuples(SHARES, SHARES, SHARES, SHARES), max_size=12))
def test_every_point_of_a_chart_lies_inside_its_axes(found: list[tuple[float, float, float, float]]) -> None:
    points = [Point(x, y, min(y, low), max(y, high), "") for x, y, low, high in found]
    drawn = chart("key", "title", "told", ("x", "y"), [Curve("all", "first", points)], square=True)
    for point in drawn.curves[0].points:
        assert LEFT <= point.x <= RIGHT
        assert point.low is not None
        assert point.high is not None
        assert TOP <= point.high <= point.y <= point.low <= BOTTOM


def test_figures_have_the_digits_that_they_bear() -> None:
    assert [share(v) for v in (0.2214, 0.0587, 0.0004, 0.0, 1.0)] == ["22.1%", "5.9%", "0.04%", "0.0%", "100.0%"]
    assert share(None) == share(math.nan) == number(None) == DASH
    assert number(-0.0001) == "0.000"
    assert number(-0.0001, signed=True) == "-0.000"
    assert of_share(Estimate(0.069, 0.061, 0.077, 4401)) == "6.9% (6.1 to 7.7)"
    assert of_share(Estimate(0.069, math.nan, math.nan, 0)) == "6.9%"
