"""Claims: counts that days were added to equal those of all orders, row for row, whatever the days bring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from grown_shop import Orders, catalogue, first_state, grown, random_lines, same_counts
from mersalg_training.update import job

FIRST = 25


@pytest.mark.parametrize("seed", range(3))
def test_day_after_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """First orders of a product, new customers and guests come by themselves."""
    monkeypatch.setattr(job, "MANY", 2.0)
    monkeypatch.setattr(job, "MAX_RUNS", 2)  # the third day's runs are made one
    random = np.random.default_rng(seed)
    lines, products = random_lines(random, 0, FIRST, "a", customers=8), catalogue()
    state = first_state(Orders(tmp_path, lines, products).config("past"), tmp_path / "0.state")
    for day in range(1, 5):
        new = random_lines(random, FIRST + day, 1, f"d{day}-", customers=10 + day)
        lines = [*lines, *new]
        result, state = grown(state, Orders(tmp_path, new, products).config(f"day{day}"), tmp_path / f"{day}.state")
        rows = same_counts(result, Orders(tmp_path, lines, products).config(f"all{day}"))
        assert (result.recounted, result.added.lines) == (None, len(new))
    assert all(rows[table] for table in ("basket", "by_type", "follow", "switches", "intervals", "repeats"))
    assert len(state.files("lines")) == 2  # one of the first three days' runs, one of the last


def test_late_orders_changed_ones_new_types_and_who_wants_to_be_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MANY", 2.0)
    random = np.random.default_rng(11)
    lines = random_lines(random, 0, FIRST, "a")
    state = first_state(Orders(tmp_path, lines, catalogue()).config("past"), tmp_path / "0.state")

    late, shifted = random_lines(random, 5, 2, "late-"), catalogue(shift=6)
    changed = [line for line in lines if line.order_id in ("a003", "a017", "a040")]
    changed = [line._replace(product_id="p39", quantity=2.0 + number) for number, line in enumerate(changed)]
    same = [line for line in lines if line.order_id == "a021"]
    orders = {line.order_id for line in changed}
    day = Orders(tmp_path, [*late, *changed, *same], shifted)
    result, state = grown(state, day.config("day"), tmp_path / "1.state", forget=["c03"])
    kept = [line for line in lines if line.order_id not in orders]
    everything = [line for line in [*kept, *late, *changed] if line.customer_id != "c03"]
    same_counts(result, Orders(tmp_path, everything, shifted).config("all"))
    added = result.added
    assert added.late == added.orders == len({line.order_id for line in [*late, *changed] if line.customer_id != "c03"})
    assert (added.forgotten, added.known) == (1, len({line.order_id for line in same if line.customer_id != "c03"}))

    result, state = grown(state, day.config("day"), tmp_path / "2.state", forget=["c05", "nobody"], orders=False)
    everything = [line for line in everything if line.customer_id != "c05"]
    same_counts(result, Orders(tmp_path, everything, shifted).config("all-2"))
    for file in state.folder.iterdir():
        if file.name.startswith("lines"):
            assert not {"c03", "c05"} & customers_in(file)


def test_other_floors_and_too_many_customers_make_all_be_counted_again(tmp_path: Path) -> None:
    random = np.random.default_rng(12)
    lines, new = random_lines(random, 0, FIRST, "a"), random_lines(random, FIRST, 9, "b")
    state = first_state(Orders(tmp_path, lines, catalogue()).config("past"), tmp_path / "0.state")
    history = Orders(tmp_path, [*lines, *new], catalogue())
    for settings, reason in (
        ({"min_support": 2}, "counts.min_support is 2 now, and was 3 when the kept counts were made"),
        ({}, "the customers whose counts change have more than half of the order lines"),
    ):
        result, _ = grown(state, replace(history, lines=new).config("day", **settings), tmp_path / "1.state")
        assert result.recounted == reason
        same_counts(result, history.config("all", **settings))


def customers_in(file: Path) -> set[str]:
    """The customers of a file of order lines."""
    rows = duckdb.execute(f"SELECT DISTINCT customer_id FROM '{file}'").fetchall()
    return {row[0] for row in rows}
