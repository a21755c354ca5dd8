from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from mersalg.errors import DataError
from mersalg_training.config import DataConfig
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases
from shop_export import ANYTHING, GOOD, clean_lines, contract, opened


def test_lines_of_one_order_and_product_are_merged_with_the_price_weighted_by_quantity(tmp_path: Path) -> None:
    purchases = opened(
        tmp_path,
        "anna,1,bread,2024-01-01,1,2",
        "anna,1,bread,2024-01-01,3,4",
        "anna,1,bread,2024-01-01,4,",
        "anna,1,milk,2024-01-01,1,1",
    )
    apply_contract(purchases, ANYTHING)
    assert clean_lines(purchases, "product_id, quantity, unit_price") == [("bread", 8.0, 3.5), ("milk", 1.0, 1.0)]


def test_an_order_has_its_earliest_time_and_its_most_frequent_customer(tmp_path: Path) -> None:
    purchases = opened(
        tmp_path,
        "zoe,1,bread,2024-01-01 12:00:00,1,2",
        "bert,1,milk,2024-01-01 09:00:00,1,2",
        "bert,1,oats,2024-01-01 15:00:00,1,2",
        ",1,rice,2024-01-01 15:00:00,1,2",
        ",2,rice,2024-01-02,1,2",
    )
    report = apply_contract(purchases, ANYTHING)
    assert clean_lines(purchases, "DISTINCT customer_id, order_id, CAST(ordered_at AS VARCHAR)") == [
        ("bert", "1", "2024-01-01 09:00:00"),
        (None, "2", "2024-01-02 00:00:00"),
    ]
    assert "1 orders name several customers; each went to the one with most lines" in report.notes


def test_the_lines_are_held_once_when_they_are_clean(tmp_path: Path) -> None:
    purchases = opened(tmp_path, GOOD)
    apply_contract(purchases, ANYTHING)
    held = purchases.connection.execute("SELECT table_name FROM duckdb_tables() WHERE estimated_size > 0").fetchall()
    assert {"typed", "judged", "kept_rows", "kept_orders", "lines"} & {name for (name,) in held} == {"lines"}


def test_an_order_of_many_days_is_said_aloud(tmp_path: Path) -> None:
    report = contract(tmp_path, GOOD, "anna,1,milk,2024-02-01,1,1")
    assert any(note.startswith("1 orders last more than 7 days") for note in report.notes)


def test_ids_lose_blanks_and_the_decimal_that_a_number_was_given(tmp_path: Path) -> None:
    duckdb.connect().execute(
        "COPY (SELECT 17850.0::DOUBLE AS customer_id, ' 1 ' AS order_id, 85123.0::DOUBLE AS product_id, "
        f"TIMESTAMP '2024-01-01' AS ordered_at) TO '{tmp_path / 'orders.parquet'}' (FORMAT parquet)"
    )
    purchases = open_purchases(DataConfig(orders=str(tmp_path / "orders.parquet")))
    apply_contract(purchases, ANYTHING)
    assert clean_lines(purchases, "customer_id, order_id, product_id, quantity") == [("17850", "1", "85123", 1.0)]


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        (["2024-01-02T03:04:05Z"], "2024-01-02 03:04:05"),
        (["2024-01-02T03:04:05+02:00"], "2024-01-02 01:04:05"),
        (["1/2/2024 3:04", "1/13/2024 3:04"], "2024-01-02 03:04:00"),
        (["2.1.2024", "13.1.2024"], "2024-01-02 00:00:00"),
        (["20240102", "20240113"], "2024-01-02 00:00:00"),
    ],
)
def test_dates_of_any_one_spelling_are_read(tmp_path: Path, spelled: list[str], expected: str) -> None:
    purchases = opened(tmp_path, *(f"anna,{i},bread,{day},1,1" for i, day in enumerate(spelled)))
    report = apply_contract(purchases, ANYTHING)
    assert report.rejected == {}
    assert clean_lines(purchases, "CAST(ordered_at AS VARCHAR)")[0] == (expected,)


def test_dates_whose_day_and_month_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"day/month or month/day.*\n.*data\.columns"):
        contract(tmp_path, "anna,1,bread,1/2/2024,1,1", "anna,2,bread,3/4/2024,1,1")


def test_products_are_those_of_the_lines_and_of_the_catalogue_once_without_fees(tmp_path: Path) -> None:
    purchases = opened(tmp_path, GOOD, "anna,2,cheese,2024-01-01,1,3")
    report = apply_contract(purchases, ANYTHING)
    columns = "product_id, name, category, product_type, brand, price, cost, listed"
    found = purchases.connection.execute(f"SELECT {columns} FROM products ORDER BY product_id").fetchall()
    assert found == [
        ("bread", "Rye bread", "Bakery", "Bread", None, 3.5, None, True),
        ("cheese", None, None, None, None, None, None, False),
        ("milk", "Whole milk", "Dairy", "Milk", None, 1.2, None, True),
    ]
    assert [column[0] for column in purchases.connection.description or []][-1] == "listed"
    assert report.products == 3
    assert "1 products are fees and no merchandise" in report.notes


def test_a_product_that_is_told_of_in_several_ways_has_its_most_frequent_labels_and_median_price(
    tmp_path: Path,
) -> None:
    header = "order_id,product_id,ordered_at,name,list_price"
    lines = ["1,a,2024-01-01,mug,4", "2,a,2024-01-02,mug,6", "3,a,2024-01-03,MUG?,8", "4,a,2024-01-04,,"]
    purchases = opened(tmp_path, *lines, header=header, products=None)
    apply_contract(purchases, ANYTHING)
    assert purchases.connection.execute("SELECT product_id, name, price FROM products").fetchall() == [
        ("a", "mug", 6.0)
    ]


def test_a_catalogue_price_of_zero_is_unknown_and_said(tmp_path: Path) -> None:
    purchases = opened(tmp_path, GOOD, products="product_id,price\nbread,0\n,3\n")
    report = apply_contract(purchases, ANYTHING)
    assert purchases.connection.execute("SELECT price FROM products").fetchall() == [(None,)]
    assert "catalogue: 1 prices of zero or below are taken as unknown" in report.notes
    assert "catalogue: 1 rows without a product_id are left out" in report.notes


def test_a_row_that_cannot_be_read_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.orders.*cannot be read"):
        contract(tmp_path, *[GOOD] * 30_000, "too,many,fields,in,this,row,of,all")


def test_a_column_that_is_empty_switches_off_what_depends_on_it(tmp_path: Path) -> None:
    report = contract(tmp_path, ",1,bread,2024-01-01,1,", ",2,milk,2024-01-01,1,")
    told = [sentence for sentence in report.switched_off if sentence.endswith("(the column is empty)")]
    assert [sentence.split(":")[0] for sentence in told] == ["no customer_id", "no unit_price"]


def test_the_digest_tells_the_data_and_not_the_order_of_its_rows(tmp_path: Path) -> None:
    other = "bert,2,milk,2024-01-05,1,1.20"
    digest = contract(tmp_path, GOOD, other).digest
    assert len(digest) == 64
    assert contract(tmp_path, other, GOOD).digest == digest
    assert contract(tmp_path, GOOD, other, GOOD).digest == digest
    assert contract(tmp_path, GOOD, other.replace("1.20", "1.21")).digest != digest
    assert contract(tmp_path, GOOD, other.replace("bert", "")).digest != digest


def test_a_size_takes_the_unit_of_its_column_and_lists_become_one_text(tmp_path: Path) -> None:
    orders, products = tmp_path / "orders.csv", tmp_path / "products.parquet"
    orders.write_text("customer,order_id,product_id,ordered_at,qty,price\nanna,1,toner,2024-01-01,1,3\n")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT 'toner' AS product_id, 250 AS volume_ml, ['p1', 'p2'] AS accessory_for) TO '{products}'"
        )
    purchases = open_purchases(DataConfig(orders=str(orders), products=str(products)))
    apply_contract(purchases, ANYTHING)
    assert purchases.connection.execute("SELECT size, accessory_for FROM products").fetchall() == [("250 ml", "p1|p2")]
