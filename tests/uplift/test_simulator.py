"""The simulated shoppers, on visits written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "shop"
DAY = np.array([[1.0, 10.0, 40.0, 100.0]])
SPENT = np.array([[10.0, 10.0, 10.0, 10.0]])
USUAL = np.array([2.0])


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import response

    return response


def assumed(simulator: Any, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = simulator.laid_over(
        simulator.read_assumptions(FOLDER / "assumptions.toml")["as above"], changes
    )
    return found


def offers(relevance: float, price: float = 2.0, anyway: bool = False) -> Any:
    """One cross-sell at each visit."""
    from showing import Shown

    shape = (1, 4, 1)
    prices, kinds = np.full(shape, price), np.zeros(shape, dtype=np.int64)
    return Shown(np.full(shape, relevance), prices, prices, kinds, np.full(shape, anyway))


def year(simulator: Any, shown: Any, **changes: Any) -> Any:
    chances = simulator.draw(np.random.default_rng(1), 1, 4, 1, 4_000)
    return simulator.live(DAY, SPENT, USUAL, shown, chances, assumed(simulator, **changes))


def test_without_offers_every_visit_is_made_and_windows_are_windows(simulator: Any) -> None:
    found = year(simulator, None)
    assert found.revenue[365].mean() == 40.0
    assert found.revenue[30].mean() == 20.0
    assert found.orders[365].mean() == 4.0


def test_what_is_bought_anyway_is_attributed_and_adds_nothing(simulator: Any) -> None:
    found = year(simulator, offers(0.5, anyway=True))
    assert found.revenue[365].mean() == 40.0
    assert found.attributed.mean() == 8.0


def test_an_offer_adds_strength_times_relevance_of_its_price(simulator: Any) -> None:
    found = year(simulator, offers(0.4), fatigue={"irritation": 0.0}, response={"strength": 0.5})
    assert found.revenue[365].mean() - 40.0 == pytest.approx(4 * 2.0 * 0.9 * 0.5 * 0.4, rel=0.05)


def test_an_offer_without_relevance_costs_visits_where_there_is_fatigue(simulator: Any) -> None:
    tired = year(simulator, offers(0.0), fatigue={"irritation": 0.5, "leaves": 0.0})
    fresh = year(simulator, offers(0.0), fatigue={"irritation": 0.0})
    assert fresh.revenue[365].mean() == 40.0
    # At day 10 irritation is 0.5 x 0.5 ^ (9 / 30), and so exp of minus that is the share that comes.
    stays_away = 1.0 - np.exp(-0.5 * 0.5 ** (9 / 30))
    assert tired.orders[30].mean() == pytest.approx(2.0 - stays_away, abs=0.03)
    assert tired.revenue[30].mean() == pytest.approx(20.0 - 10.0 * 0.5 * stays_away, abs=0.2)


def test_relevant_offers_irritate_nobody(simulator: Any) -> None:
    assert (
        year(simulator, offers(0.1), fatigue={"irritation": 5.0}, response={"strength": 0.0}).orders[365].mean() == 4.0
    )


def test_a_dearer_product_is_bought_less(simulator: Any) -> None:
    """At four times the usual price and a power of a half: half as often."""
    found = year(simulator, offers(0.4, price=8.0), fatigue={"irritation": 0.0}, response={"price_power": 0.5})
    assert found.attributed.mean() == pytest.approx(4 * 8.0 * 0.5 * 0.4 * 0.5, rel=0.07)


def test_every_variant_of_the_assumptions_is_whole(simulator: Any) -> None:
    for variant in simulator.read_assumptions(FOLDER / "assumptions.toml").values():
        assert set(variant) == {"shown", "response", "fatigue"}
