"""Claims about reading a log of offers: every row counts, or is counted by the reason why it does not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mersalg.errors import DataError
from mersalg_training.logged_offers.read import SWITCHED_OFF, OffersReport, read_offers

HEAD = "customer_id,order_id,product_id,kind,moment,offered_at,position,propensity,accepted"
GOOD = "ann,1,milk,more-of-same,cart,2024-05-01 10:00:00,1,0.5,1"


def shop() -> duckdb.DuckDBPyConnection:
    """A database that holds the contract's products."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products AS SELECT unnest(['milk', 'bread', 'wine', '0123']) AS product_id")
    return connection


def read(
    folder: Path, *rows: str, head: str = HEAD, share: float = 1.0, **columns: str
) -> tuple[OffersReport, list[tuple]]:
    """The report and the rows that count."""
    file = folder / "offers.csv"
    file.write_text("\n".join([head, *rows]) + "\n")
    connection = shop()
    report = read_offers(connection, str(file), columns, share)  # type: ignore[arg-type]
    return report, connection.execute("SELECT * FROM offers ORDER BY ALL").fetchall()


def test_a_plain_offer_counts(tmp_path: Path) -> None:
    report, rows = read(tmp_path, GOOD)
    assert (report.rows_read, report.rows_kept, report.rejected) == (1, 1, {})
    assert rows[0][:5] == ("ann", "1", "milk", "more-of-same", "cart")
    assert rows[0][6:9] == (1, 0.5, 1)
    assert report.switched_off == [SWITCHED_OFF["cart"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ann,1,,upsell,cart,2024-05-01,1,0.5,1", "missing id"),
        ("ann,1,milk,upsell,cart,some day,1,0.5,1", "unparsable date"),
        ("ann,1,milk,upsell,cart,2024-05-01,1,0.5,2", "accepted is not 0 or 1"),
        ("ann,1,milk,upsell,cart,2024-05-01,1,0.5,", "accepted is not 0 or 1"),
        ("ann,1,milk,down-sell,cart,2024-05-01,1,0.5,1", "unknown kind"),
        ("ann,1,milk,,cart,2024-05-01,1,0.5,1", "unknown kind"),
        ("ann,1,milk,upsell,at the till,2024-05-01,1,0.5,1", "unknown moment"),
        ("ann,1,milk,upsell,cart,2024-05-01,0,0.5,1", "position is no whole number from 1"),
        ("ann,1,milk,upsell,cart,2024-05-01,1.5,0.5,1", "position is no whole number from 1"),
        ("ann,1,milk,upsell,cart,2024-05-01,,0.5,1", "position is no whole number from 1"),
        ("ann,1,milk,upsell,cart,2024-05-01,1,0,1", "propensity outside (0, 1]"),
        ("ann,1,milk,upsell,cart,2024-05-01,1,1.01,1", "propensity outside (0, 1]"),
        ("ann,1,milk,upsell,cart,2024-05-01,1,nan,1", "propensity outside (0, 1]"),
        ("ann,1,milk,upsell,cart,2024-05-01,1,likely,1", "propensity outside (0, 1]"),
        ("ann,1,caviar,upsell,cart,2024-05-01,1,0.5,1", "unknown product"),
        (GOOD, "duplicate"),
    ],
)
def test_a_row_that_does_not_count_is_counted_by_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    report, rows = read(tmp_path, GOOD, row)
    assert report.rejected == {reason: 1}
    assert (report.rows_read, report.rows_kept, len(rows)) == (2, 1, 1)
    assert len(report.examples[reason]) == 1


def test_a_propensity_may_be_missing_and_that_is_said(tmp_path: Path) -> None:
    report, rows = read(tmp_path, GOOD, "ann,1,bread,upsell,cart,2024-05-01 10:00:00,2,,0")
    assert {row[7] for row in rows} == {0.5, None}
    assert report.notes == ["1 of 2 offers have no propensity: their requests are left out of the off-policy value"]


def test_of_duplicates_the_accepted_one_counts(tmp_path: Path) -> None:
    refused = GOOD[:-1] + "0"
    _, rows = read(tmp_path, refused, GOOD, refused)
    assert [row[8] for row in rows] == [1]


def test_the_same_product_in_another_request_is_no_duplicate(tmp_path: Path) -> None:
    report, _ = read(tmp_path, GOOD, GOOD.replace("10:00", "11:00"), GOOD.replace("cart", "checkout"))
    assert report.rows_kept == 3


def test_a_missing_column_switches_off_by_name_what_depends_on_it(tmp_path: Path) -> None:
    report, rows = read(tmp_path, "milk,2024-05-01,1", head="product_id,offered_at,accepted")
    assert report.switched_off == list(SWITCHED_OFF.values())
    assert rows[0][2:5] == ("milk", None, "follow-up")


@pytest.mark.parametrize("column", ["product_id", "offered_at", "accepted"])
def test_a_log_without_what_is_needed_is_refused_by_name(tmp_path: Path, column: str) -> None:
    with pytest.raises(DataError, match=f"no column for {column}"):
        read(tmp_path, GOOD, head=HEAD.replace(column, "something"))


def test_columns_are_mapped_like_those_of_purchases(tmp_path: Path) -> None:
    head = HEAD.replace("accepted", "sold").replace("product_id", "sku")
    report, rows = read(tmp_path, GOOD, head=head, accepted="sold", ordered_at="not here")
    assert rows[0][2] == "milk"
    assert rows[0][8] == 1
    assert report.notes == ["offers: product_id is read from sku"]


def test_ids_of_a_csv_stay_as_they_are(tmp_path: Path) -> None:
    _, rows = read(tmp_path, GOOD.replace("milk", "0123"))
    assert rows[0][2] == "0123"


def test_a_cart_is_a_list_or_a_text_divided_by_bars(tmp_path: Path) -> None:
    _, rows = read(tmp_path, GOOD + ",bread| wine", GOOD.replace("ann", "bob") + ",", head=HEAD + ",cart")
    assert [row[9] for row in rows] == [["bread", "wine"], None]
    file = tmp_path / "offers.parquet"
    connection = shop()
    connection.execute(
        "COPY (SELECT 'milk' AS product_id, TIMESTAMP '2024-05-01' AS offered_at, true AS accepted, ['wine'] AS cart) "
        f"TO '{file}' (FORMAT parquet)"
    )
    read_offers(connection, str(file), {}, 0.0)
    assert connection.execute("SELECT accepted, cart FROM offers").fetchall() == [(1, ["wine"])]


def test_what_an_exposure_record_says_was_not_shown_is_no_offer_and_no_rejected_row(tmp_path: Path) -> None:
    held_out = GOOD.replace("milk", "") + ",False"
    report, rows = read(
        tmp_path, GOOD + ",True", GOOD.replace("ann", "bob") + ",", held_out, head=HEAD + ",shown", share=0.0
    )
    assert len(rows) == 2
    assert report.rejected == {}
    assert "1 rows say that nothing was shown, and are left out" in report.notes


@pytest.mark.parametrize(
    ("shown", "arm", "counts"),
    [
        ("true", "champion", True), ("1.0", "hold-out", True), ("", "champion", True), ("", "", True),
        ("false", "champion", False), ("0", "", False), ("F", "champion", False), ("", "hold-out", False),
    ],
)  # fmt: skip
def test_an_offer_was_shown_as_it_says_else_by_its_arm(tmp_path: Path, shown: str, arm: str, counts: bool) -> None:
    report, rows = read(
        tmp_path, GOOD + ",true,champion", f"{GOOD.replace('ann', 'bob')},{shown},{arm}", head=HEAD + ",shown,arm"
    )
    assert (len(rows) == 2, report.rejected) == (counts, {})


def test_what_was_not_shown_needs_no_outcome(tmp_path: Path) -> None:
    report, rows = read(tmp_path, GOOD + ",1", GOOD[:-1] + ",0", head=HEAD + ",shown", share=0.0)
    assert (len(rows), report.rows_read) == (1, 1)


def test_an_offer_of_which_it_is_not_clear_whether_it_was_shown_is_rejected(tmp_path: Path) -> None:
    report, _ = read(tmp_path, GOOD + ",1", GOOD.replace("ann", "bob") + ",perhaps", head=HEAD + ",shown")
    assert report.rejected == {"shown is not 0 or 1": 1}
    assert report.examples["shown is not 0 or 1"][0]["shown"] == "perhaps"


def test_more_rejected_rows_than_allowed_stop_the_job_with_examples(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 2 rows \(50.0 %\) are rejected") as error:
        read(tmp_path, GOOD, GOOD.replace("milk", "caviar"), share=0.25)
    assert "unknown product: 1 rows" in str(error.value)
    assert "'caviar'" in str(error.value)


def test_a_log_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no rows"):
        read(tmp_path)


CELL = st.sampled_from(
    ["", "1", "0", "2", "-1", "0.5", "1.5", "milk", "bread", "caviar", "cart", "upsell", "2024-05-01"]
)


@settings(max_examples=40)
@given(rows=st.lists(st.lists(CELL, min_size=9, max_size=9), min_size=1, max_size=8))
def test_every_row_counts_or_is_counted_once(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("offers")
    try:
        report, kept = read(folder, GOOD, *(",".join(row) for row in rows))
    except DataError as error:
        assert "day/month" in str(error)  # noqa: PT017  # dates of two readings are refused elsewhere
        return
    assert report.rows_read == report.rows_kept + sum(report.rejected.values()) == len(rows) + 1
    assert report.rows_kept == len(kept) >= 1
    assert set(report.examples) == set(report.rejected)
