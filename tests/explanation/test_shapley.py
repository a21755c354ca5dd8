"""Shapley values of games whose values are known from the literature, exact and drawn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mersalg_training.explanation.shapley import EXACT_PLAYERS, Coalition, shapley_values

GLOVES = [2 / 3, 1 / 6, 1 / 6]
"""One has a left glove, two have a right one: Shapley and Shubik."""


def gloves(members: Coalition) -> float:
    return float(0 in members and len(members) > 1)


AIRPORT = [1 / 3, 1 / 3 + 1 / 2, 1 / 3 + 1 / 2 + 1]
"""Littlechild and Owen 1973: each piece of the runway is paid in equal parts by those who need it."""


def longest(members: Coalition) -> float:
    return float(max(members, default=-1) + 1)


def test_the_glove_game_has_its_textbook_values() -> None:
    shares = shapley_values(3, gloves)
    assert shares.values == pytest.approx(GLOVES, abs=1e-12)
    assert shares.method == "exact enumeration"
    assert not shares.errors.any()


def test_who_is_alike_gets_alike_and_who_changes_nothing_gets_nothing() -> None:
    with_idle = shapley_values(4, lambda members: gloves(members - {3}) + 5.0)
    assert with_idle.base == 5.0
    assert with_idle.values[1] == pytest.approx(with_idle.values[2], abs=1e-12)
    assert with_idle.values == pytest.approx([*GLOVES, 0.0], abs=1e-12)


def test_the_airport_game_has_its_textbook_values() -> None:
    assert shapley_values(3, longest).values == pytest.approx(AIRPORT, abs=1e-12)


def test_of_more_players_orders_are_drawn_that_come_near_the_exact_values() -> None:
    n = EXACT_PLAYERS + 2
    weights = np.arange(1.0, n + 1)

    def cubed(members: Coalition) -> float:
        return float(weights[list(members)].sum() ** 3)

    drawn, exact = shapley_values(n, cubed), shapley_values(n, cubed, exact_players=n)
    assert (drawn.method, exact.method) == ("permutation sampling", "exact enumeration")
    assert 0.0 < drawn.errors.max() < 0.05 * exact.values.max()
    assert (np.abs(drawn.values - exact.values) <= 4 * drawn.errors).all()


def test_drawn_values_add_up_exactly_and_an_idle_player_has_exactly_nothing() -> None:
    shares = shapley_values(6, lambda members: longest(members - {5}) ** 2, exact_players=0)
    assert shares.method == "permutation sampling"
    assert shares.values.sum() == pytest.approx(25.0, abs=1e-9)
    assert (shares.values[5], shares.errors[5]) == (0.0, 0.0)


def test_each_coalition_is_asked_for_once() -> None:
    asked: Counter[Coalition] = Counter()

    def value(members: Coalition) -> float:
        asked[members] += 1
        return longest(members)

    shapley_values(5, value)
    assert set(asked.values()) == {1}
    assert len(asked) == 32


def test_a_game_without_players_is_its_base() -> None:
    shares = shapley_values(0, lambda members: 1.5)
    assert (shares.base, len(shares.values)) == (1.5, 0)
