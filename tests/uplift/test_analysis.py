"""From files to effects, on orders written by hand."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mersalg.errors import ConfigError, DataError
from mersalg_training.config import parse_config
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import Purchases, open_purchases
from mersalg_training.uplift.analysis import analyse
from mersalg_training.uplift.labels import write_labelled
from mersalg_training.uplift.outcomes import read_units, sum_offers, sum_window, tie_orders
from mersalg_training.uplift.record import Record, read_record
from mersalg_training.uplift.result import Options, Uplift
from small_trial import write_trial

HEADER = "customer_id,order_id,product_id,ordered_at,quantity,unit_price\n"
ORDERS = """\
ann,a0,tea,2025-01-05 10:00:00,1,3
ann,a1,tea,2025-02-01 10:05:00,2,3
ann,a1,cup,2025-02-01 10:05:00,1,9
ann,a2,pot,2025-02-20 10:00:00,1,20
bob,b1,tea,2025-02-02 09:30:00,1,3
bob,Cb1,tea,2025-02-05 09:00:00,-1,3
cid,c0,cup,2025-01-20 08:00:00,1,9
dan,d9,tea,2025-04-30 08:00:00,1,3
"""
PRODUCTS = "product_id,cost\ntea,1\ncup,4\n"


def exposed(customer: str, arm: str, at: str, product: str | None = None, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "customer_id": customer, "order_id": None, "product_id": product, "kind": "cross-sell" if product else None,
        "moment": "cart", "offered_at": at, "position": 1 if product else None, "propensity": 0.5, "experiment": "e",
        "unit": customer, "arm": arm, "shown": arm != "hold-out" and product is not None,
    }  # fmt: skip
    return {**row, **changes}


ROWS = [
    exposed("ann", "champion", "2025-02-01T10:00:00", "cup", order_id="a1"),
    exposed("ann", "champion", "2025-02-19T10:00:00", "pot"),
    exposed("bob", "hold-out", "2025-02-02T09:00:00", "cup"),
    exposed("cid", "hold-out", "2025-02-03T09:00:00"),
    exposed("eve", "champion", "2025-02-03T09:00:00"),
    exposed("dan", "champion", "2025-04-30T07:00:00", "tea"),
]


def open_trial(
    folder: Path,
    rows: list[dict[str, Any]],
    orders: str = ORDERS,
    unit: Any = "customer",
    experiment: str | None = None,
) -> tuple[Purchases, Record, list[str]]:
    (folder / "orders.csv").write_text(HEADER + orders)
    (folder / "products.csv").write_text(PRODUCTS)
    (folder / "offers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"orders": str(folder / "orders.csv"), "products": str(folder / "products.csv")}
    config = parse_config({"name": "t", "data": data}, "test")
    purchases = open_purchases(config.data)
    apply_contract(purchases, config.contract, keep_judged=True)
    record = read_record(purchases.connection, str(folder / "offers.jsonl"), config.data.columns, unit, experiment)
    return purchases, record, tie_orders(purchases.connection, record)


def test_a_record_in_parquet_from_before_orders_were_drawn_is_read(tmp_path: Path) -> None:
    purchases, _, _ = open_trial(tmp_path, ROWS)
    parquet = tmp_path / "offers.parquet"
    purchases.connection.execute(f"COPY (FROM '{tmp_path}/offers.jsonl') TO '{parquet}' (FORMAT parquet)")
    record = read_record(purchases.connection, str(parquet), {}, "customer", None)
    assert dict(record.arms) == {"champion": 3, "hold-out": 2}
    assert purchases.connection.execute("SELECT DISTINCT arm_propensity FROM exposures").fetchall() == [(0.5,)]


def test_what_each_customer_bought_after_the_first_exposure_and_before(tmp_path: Path) -> None:
    purchases, record, _ = open_trial(tmp_path, ROWS)
    assert dict(record.arms) == {"champion": 3, "hold-out": 2}
    units = read_units(purchases.connection)
    assert units.arm.tolist() == ["champion", "hold-out", "hold-out", "champion", "champion"]  # ann bob cid eve dan
    assert units.is_new.tolist() == [False, True, False, True, True]
    after = sum_window(purchases.connection, 0.0, 30.0)
    assert after["orders"].tolist() == [2, 1, 0, 0, 1]
    assert after["revenue"].tolist() == [35.0, 0.0, 0.0, 0.0, 3.0]  # bob's tea came back
    assert after["margin"].tolist() == [9.0, 0.0, 0.0, 0.0, 2.0]  # nobody knows what the pot cost
    assert after["units"].tolist() == [4, 1, 0, 0, 1]
    assert after["returned"].tolist() == [0, 1, 0, 0, 0]
    before = sum_window(purchases.connection, -90.0, 0.0)
    assert before["revenue"].tolist() == [3.0, 0.0, 9.0, 0.0, 0.0]
    assert sum_window(purchases.connection, 0.0, 10.0)["orders"].tolist() == [1, 1, 0, 0, 1]


def test_offers_count_as_taken_in_their_order_or_within_the_days_and_only_shown_ones_are_attributed(
    tmp_path: Path,
) -> None:
    purchases, record, _ = open_trial(tmp_path, ROWS)
    offers = sum_offers(purchases.connection, 30.0, 7.0)
    assert record.has_would_be
    assert offers["offered cross-sell"].tolist() == [2, 1, 0, 0, 1]
    assert offers["taken cross-sell"].tolist() == [2, 0, 0, 0, 1]
    assert offers["attributed"].tolist() == [29.0, 0.0, 0.0, 0.0, 3.0]
    assert sum_offers(purchases.connection, 30.0, 0.5)["taken cross-sell"].tolist() == [1, 0, 0, 0, 1]


def test_the_labelled_record_says_what_was_accepted_and_what_is_not_known_yet(tmp_path: Path) -> None:
    rows = [*ROWS, exposed("eve", "champion", "2025-02-03T10:00:00", "pot")]
    purchases, _, _ = open_trial(tmp_path, rows)
    assert write_labelled(purchases.connection, tmp_path / "labelled.parquet", 90.0) == 5
    query = f"SELECT customer_id, product_id, accepted FROM '{tmp_path}/labelled.parquet' WHERE shown"
    known = [("ann", "cup", True), ("ann", "pot", True), ("dan", "tea", True)]
    assert purchases.connection.execute(query).fetchall() == [known[0], ("eve", "pot", None), *known[1:]]
    write_labelled(purchases.connection, tmp_path / "labelled.parquet", 7.0)
    assert purchases.connection.execute(query).fetchall() == [known[0], ("eve", "pot", False), *known[1:]]


def test_the_labelled_record_says_nothing_of_the_acceptance_of_what_nobody_saw(tmp_path: Path) -> None:
    """Bob is held out and buys the tea of his shadow offer; Eve was never shown the pot that she buys."""
    rows = [
        *ROWS,
        exposed("bob", "hold-out", "2025-02-02T09:00:00", "tea"),
        exposed("eve", "champion", "2025-02-03T09:30:00", "pot", shown=False),
    ]
    purchases, _, _ = open_trial(tmp_path, rows, ORDERS + "eve,e1,pot,2025-02-03 10:00:00,1,20\n")
    write_labelled(purchases.connection, tmp_path / "labelled.parquet", 7.0)
    found = purchases.connection.execute(
        f"SELECT customer_id, product_id, accepted FROM '{tmp_path}/labelled.parquet' WHERE NOT shown ORDER BY ALL"
    ).fetchall()
    assert found == [("bob", "cup", None), ("bob", "tea", None), ("eve", "pot", None)]


def test_an_order_with_a_date_alone_is_not_lost_for_the_hour_of_its_exposure(tmp_path: Path) -> None:
    orders = "ann,a1,tea,2025-02-01,1,3\nbob,b1,tea,2025-02-02,1,3\n"
    rows = [exposed("ann", "champion", "2025-02-01T10:00:00"), exposed("bob", "hold-out", "2025-02-02T09:00:00")]
    purchases, _, notes = open_trial(tmp_path, rows, orders)
    assert sum_window(purchases.connection, 0.0, 30.0)["orders"].tolist() == [1, 1]
    assert any("dates without hours" in note for note in notes)


def test_an_order_recorded_a_moment_before_its_own_exposure_counts(tmp_path: Path) -> None:
    orders = "ann,a1,tea,2025-02-01 09:59:00,1,3\nbob,b1,tea,2025-02-02 08:00:00,1,3\n"
    rows = [
        exposed("ann", "champion", "2025-02-01T10:00:00", order_id="a1"),
        exposed("bob", "hold-out", "2025-02-02T09:00:00", order_id="b1", moment="order-confirmation"),
    ]
    purchases, _, _ = open_trial(tmp_path, rows, orders)
    assert sum_window(purchases.connection, 0.0, 30.0)["orders"].tolist() == [1, 0]


def test_orders_can_be_the_units(tmp_path: Path) -> None:
    rows = [
        exposed("ann", "champion", "2025-02-01T10:00:00", order_id="a1", unit="a1"),
        exposed("bob", "hold-out", "2025-02-02T09:00:00", order_id="b1", unit="b1"),
        exposed("eve", "hold-out", "2025-02-03T09:00:00", order_id="never", unit="never"),
    ]
    purchases, record, _ = open_trial(tmp_path, rows, unit="order")
    assert sum_window(purchases.connection, 0.0, 1.0)["revenue"].tolist() == [15.0, 3.0, 0.0]
    assert dict(record.arms) == {"champion": 1, "hold-out": 2}


def test_a_record_of_several_experiments_needs_a_name(tmp_path: Path) -> None:
    rows = [*ROWS, exposed("zoe", "hold-out", "2025-02-03T09:00:00", experiment="f")]
    with pytest.raises(DataError, match="holds the experiments e, f; name one with --experiment"):
        open_trial(tmp_path, rows)
    with pytest.raises(DataError, match="--experiment g: the record holds e, f"):
        open_trial(tmp_path, rows, experiment="g")
    assert open_trial(tmp_path, rows, experiment="e")[1].experiment == "e"


def test_units_in_two_arms_are_no_experiment(tmp_path: Path) -> None:
    rows = [*ROWS, exposed("bob", "champion", "2025-02-09T09:00:00")]
    with pytest.raises(DataError, match="1 of 5 units are in more than one arm"):
        open_trial(tmp_path, rows)


def test_rows_outside_of_the_comparison_are_counted(tmp_path: Path) -> None:
    rows = [*ROWS, exposed("", "champion", "2025-02-09T09:00:00", unit=None), exposed("bob", "hold-out", "soon")]
    _, record, _ = open_trial(tmp_path, rows)
    assert record.notes == [
        "1 rows without a unit's id are no part of the comparison",
        "1 rows without a time are no part of the comparison",
    ]


def test_a_row_of_which_it_is_not_clear_whether_it_was_shown_counts_as_not_shown_and_that_is_said(
    tmp_path: Path,
) -> None:
    _, record, _ = open_trial(
        tmp_path, [*ROWS, exposed("eve", "champion", "2025-02-04T09:00:00", "pot", shown="maybe")]
    )
    assert record.notes == ["1 rows whose `shown` is not 0 or 1 count as not shown"]


def test_a_torn_line_of_the_record_is_counted_and_passed_over(tmp_path: Path) -> None:
    open_trial(tmp_path, ROWS)
    with (tmp_path / "offers.jsonl").open("a") as file:
        file.write('{"customer_id": "bo\n')
    config = parse_config({"name": "t", "data": {"orders": str(tmp_path / "orders.csv")}}, "test")
    purchases = open_purchases(config.data)
    record = read_record(purchases.connection, str(tmp_path / "offers.jsonl"), {}, "customer")
    assert sum(record.arms.values()) == 5
    assert record.notes == ["1 lines of the record are torn and were passed over"]


def test_a_record_in_csv_is_the_same_record(tmp_path: Path) -> None:
    _, lines, _ = open_trial(tmp_path, ROWS)
    names = list(ROWS[0])
    rows = [",".join("" if row[name] is None else str(row[name]) for name in names) for row in ROWS]
    (tmp_path / "offers.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    purchases = open_purchases(parse_config({"name": "t", "data": {"orders": str(tmp_path / "orders.csv")}}, "t").data)
    assert read_record(purchases.connection, str(tmp_path / "offers.csv"), {}, "customer") == lines


def test_ids_that_do_not_meet_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no customer_id of the orders is a unit"):
        open_trial(tmp_path, [exposed("x1", "champion", "2025-02-01T10:00:00")])


def analysed(folder: Path, options: Options | None = None, **changes: Any) -> Uplift:
    orders, offers = write_trial(folder, **changes)
    config = parse_config({"name": "t", "data": {"orders": str(orders)}}, "test")
    purchases = open_purchases(config.data)
    apply_contract(purchases, config.contract, keep_judged=True)
    record = read_record(purchases.connection, str(offers), {}, "customer")
    tie_orders(purchases.connection, record)
    return analyse(purchases.connection, record, options or Options(), has_cost=False)


def test_a_known_effect_is_found_and_a_missing_one_is_not(tmp_path: Path) -> None:
    found = {line.measure: line for line in analysed(tmp_path, effect=0.3).lines if line.segment == "all"}
    per_order = found["revenue per order"].effect
    assert per_order is not None
    assert per_order.relative_low is not None
    assert per_order.relative_high is not None
    assert 0.0 < per_order.relative_low < 0.3 < per_order.relative_high
    orders = found["orders per customer"].effect
    assert orders is not None
    assert orders.low < 0.0 < orders.high
    nothing = analysed(tmp_path, effect=0.0, seed=2).primary[0].effect
    assert nothing is not None
    assert nothing.low < 0.0 < nothing.high


def test_each_arm_is_compared_with_the_control(tmp_path: Path) -> None:
    orders, offers = write_trial(tmp_path, effect=0.3)
    rows = [json.loads(line) for line in offers.read_text().splitlines()]
    for number, row in enumerate(rows):
        if row["arm"] == "champion":
            row["arm"], row["propensity"] = ("champion", "challenger")[number % 2], 0.25
    offers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = analysed_files(orders, offers)
    assert [line.arm for line in found.primary] == ["challenger", "champion"]
    assert found.ratio.shares == {"challenger": 0.25, "champion": 0.25, "hold-out": 0.5}
    assert not found.ratio.mismatch
    assert set(found.power) == set(found.attributed) == {"challenger", "champion"}
    sizes = [line.effect.units_treatment for line in found.primary if line.effect is not None]
    assert sum(sizes) == found.ratio.units["challenger"] + found.ratio.units["champion"]


def test_assigned_orders_are_analysed_as_what_they_are(tmp_path: Path) -> None:
    """Each cart of the champion's becomes an order of 12, each of the hold-out's one of 10 or none."""
    orders, rows = [], []
    for number in range(240):
        treated, at = number % 2 == 0, datetime(2025, 2, 1) + timedelta(hours=number)
        rows.append(
            exposed(f"c{number % 7}", "champion" if treated else "hold-out", at.isoformat(), order_id=f"o{number}")
            | {"unit": f"o{number}"}
        )
        if treated or number % 4 == 1:
            price = 12 if treated else 10
            orders.append(f"c{number % 7},o{number},tea,{at.isoformat()},1,{price + number % 3 - 1}")
    orders.append("zoe,last,tea,2025-04-01T00:00:00,1,3")
    purchases, record, _ = open_trial(tmp_path, rows, "\n".join(orders) + "\n", unit="order")
    lines = analyse(purchases.connection, record, Options(), True).lines
    found = {line.measure: line.effect for line in lines if line.segment == "all"}
    carts, per_order = found["revenue per exposed cart"], found["revenue per order"]
    assert carts is not None
    assert per_order is not None
    assert (carts.control, carts.treatment) == (pytest.approx(5.0), pytest.approx(12.0))
    assert carts.variance_saved is None
    assert (per_order.control, per_order.treatment) == (pytest.approx(10.0), pytest.approx(12.0))
    became = found["carts that became orders"]
    assert became is not None
    assert (became.control, became.treatment) == (0.5, 1.0)


def test_windows_that_are_not_over_are_not_told(tmp_path: Path) -> None:
    found = analysed(tmp_path)
    lifetimes = {line.days: line for line in found.lines if line.measure == "lifetime revenue"}
    assert lifetimes[30].effect is not None
    assert lifetimes[365].effect is None
    assert lifetimes[365].waiting == 600


def test_the_wait_is_said_where_no_window_is_over_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected at least 2 units with 200 days of orders"):
        analysed(tmp_path, Options(window_days=200.0))


def test_new_and_existing_customers_are_told_apart_and_make_up_all(tmp_path: Path) -> None:
    lines = [line for line in analysed(tmp_path).lines if line.measure == "revenue per customer"]
    sizes = {line.segment: line.effect.units_control for line in lines if line.effect is not None}
    assert sizes["new"] + sizes["existing"] == sizes["all"]
    assert sizes["new"] > 0


def test_every_look_adds_units_and_the_last_one_is_the_result(tmp_path: Path) -> None:
    found = analysed(tmp_path)
    units = [look.effect.units_control + look.effect.units_treatment for look in found.looks]
    assert units == sorted(set(units))
    assert found.looks[-1].effect == found.primary[0].effect


def test_arms_of_the_wrong_size_are_a_mismatch(tmp_path: Path) -> None:
    assert not analysed(tmp_path).ratio.mismatch
    lost = analysed(tmp_path, Options(shares={"hold-out": 0.4, "champion": 0.6}))
    assert lost.ratio.mismatch
    with pytest.raises(ConfigError, match="no share for the arm champion"):
        analysed(tmp_path, Options(shares={"hold-out": 0.4, "other": 0.6}))


def test_the_control_has_to_be_an_arm(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--control nobody: expected one of"):
        analysed(tmp_path, Options(control="nobody"))


def test_q_values_are_those_of_all_lines_but_the_primary(tmp_path: Path) -> None:
    found = analysed(tmp_path)
    assert found.primary[0].q_value is None
    tested = [line for line in found.lines if line.effect is not None and line.q_value is not None]
    assert all(line.effect is not None and line.q_value >= line.effect.p_value - 1e-12 for line in tested)
    assert len(tested) == sum(line.effect is not None for line in found.lines) - 1


def test_the_analysis_is_the_same_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    orders, offers = write_trial(tmp_path, customers=300)
    first = analysed_files(orders, offers)
    lines = offers.read_text().splitlines()
    offers.write_text("\n".join(np.random.default_rng(1).permutation(lines).tolist()) + "\n")
    head, *rows = orders.read_text().splitlines()
    orders.write_text("\n".join([head, *np.random.default_rng(2).permutation(rows).tolist()]) + "\n")
    second = analysed_files(orders, offers)
    for a, b in zip(first.lines, second.lines, strict=True):
        assert (a.effect is None) == (b.effect is None)
        if a.effect is not None and b.effect is not None:
            assert a.effect.effect == pytest.approx(b.effect.effect, rel=1e-9, abs=1e-9)


def analysed_files(orders: Path, offers: Path) -> Uplift:
    config = parse_config({"name": "t", "data": {"orders": str(orders)}}, "test")
    purchases = open_purchases(config.data)
    apply_contract(purchases, config.contract, keep_judged=True)
    record = read_record(purchases.connection, str(offers), {}, "customer")
    tie_orders(purchases.connection, record)
    return analyse(purchases.connection, record, Options(), has_cost=False)


def test_times_are_in_the_clock_of_the_orders(tmp_path: Path) -> None:
    rows = [
        dict(row, offered_at=str(datetime.fromisoformat(row["offered_at"]) + timedelta(0)) + "+00:00") for row in ROWS
    ]
    purchases, _, _ = open_trial(tmp_path, rows)
    assert sum_window(purchases.connection, 0.0, 30.0)["orders"].tolist() == [2, 1, 0, 0, 1]
