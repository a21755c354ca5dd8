from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from mersalg.errors import DataError
from mersalg_training.config import DataConfig
from mersalg_training.data.purchases import Purchases, open_purchases

ORDERS = """customer_id,order_id,product_id,ordered_at,quantity,unit_price
anna,1,bread,2024-01-01,2,3.50
,2,milk,2024-01-02,1,1.20
"""
PRODUCTS = """product_id,name,category,product_type,brand,price,cost
bread,Rye bread,Bakery,Bread,Miller,3.50,1.00
"""


def shop(folder: Path, orders: str = ORDERS, products: str | None = None, **columns: str) -> Purchases:
    (folder / "orders.csv").write_text(orders)
    if products is not None:
        (folder / "products.csv").write_text(products)
    tables = {
        "orders": str(folder / "orders.csv"),
        "products": None if products is None else str(folder / "products.csv"),
        "columns": columns,
    }
    return open_purchases(DataConfig.model_validate(tables))


def orders_of(purchases: Purchases, columns: str = "*") -> list[tuple[object, ...]]:
    return purchases.connection.execute(f"SELECT {columns} FROM raw_orders ORDER BY ALL").fetchall()


def read_from(location: str) -> list[object]:
    purchases = open_purchases(DataConfig(orders=location))
    return [row[0] for row in orders_of(purchases, "order_id")]


def write_parquet(file: Path, order_id: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    duckdb.connect().execute(
        f"COPY (SELECT '{order_id}' AS order_id, 'p' AS product_id, DATE '2024-01-01' AS ordered_at) "
        f"TO '{file}' (FORMAT parquet)"
    )


def write_csv(file: Path, order_id: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"order_id,product_id,ordered_at\n{order_id},p,2024-01-01\n")


def refusal(location: str) -> str:
    with pytest.raises(DataError) as caught:
        open_purchases(DataConfig(orders=location))
    return str(caught.value)


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", "1")
    assert read_from(str(tmp_path / "a.parquet")) == ["1"]


def test_a_csv_file_is_read_as_text_so_that_leading_zeros_stay(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", "0123")
    assert read_from(str(tmp_path / "a.csv")) == ["0123"]


def test_a_csv_with_semicolons_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("order_id;product_id;ordered_at\n7;p;2024-01-01\n")
    assert read_from(str(tmp_path / "a.csv")) == ["7"]


def test_a_csv_of_text_alone_keeps_its_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("order_id,product_id,ordered_at\nx,p,then\n")
    assert read_from(str(tmp_path / "a.csv")) == ["x"]


def test_a_glob_and_a_folder_are_one_table(tmp_path: Path) -> None:
    write_parquet(tmp_path / "year=2023" / "a.parquet", "1")
    write_parquet(tmp_path / "year=2024" / "b.parquet", "2")
    write_parquet(tmp_path / "_unfinished" / "c.parquet", "3")
    assert read_from(str(tmp_path / "year=*" / "*.parquet")) == ["1", "2"]
    assert read_from(str(tmp_path)) == ["1", "2"]


def test_a_folder_of_csv_files_is_one_table_whatever_the_order_of_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", "1")
    (tmp_path / "b.csv").write_text("product_id,ordered_at,order_id\np,2024-01-02,2\n")
    assert read_from(str(tmp_path)) == ["1", "2"]


def test_a_file_in_a_package_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "shop_data_of_a_test" / "data" / "a.csv", "1")
    (tmp_path / "shop_data_of_a_test" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert read_from("package:shop_data_of_a_test/data/a.csv") == ["1"]
    assert "shop_data_of_a_test" not in sys.modules


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    assert "python -m pip install no-such-shop" in refusal("package:no_such_shop/a.parquet")


@pytest.mark.parametrize("location", ["package:shop", "package:a-b/c.csv", "package:/c.csv"])
def test_a_package_without_a_path_is_refused(location: str) -> None:
    assert "expected package:NAME/PATH" in refusal(location)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "found no file" in refusal(str(tmp_path / "none.parquet"))
    assert "none*.parquet" in refusal(str(tmp_path / "none*.parquet"))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "found no file" in refusal(str(tmp_path))


def test_a_folder_of_two_formats_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", "1")
    write_parquet(tmp_path / "b.parquet", "2")
    assert "holds Parquet and CSV" in refusal(str(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    assert "got a.xlsx" in refusal(str(tmp_path / "a.xlsx"))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    assert "cannot be read as Parquet" in refusal(str(tmp_path / "a.parquet"))


def test_an_address_is_refused() -> None:
    assert "addresses are not read" in refusal("https://shop.example/orders.csv")


def test_columns_of_their_own_name_need_no_mapping_and_no_note(tmp_path: Path) -> None:
    purchases = shop(tmp_path, products=PRODUCTS)
    assert purchases.notes == []
    assert purchases.switched_off == []
    assert purchases.has_catalogue
    assert orders_of(purchases, "customer_id, quantity, unit_price") == [("anna", "2", "3.50"), (None, "1", "1.20")]


def test_a_mapping_names_a_column_even_with_a_blank_and_in_another_case(tmp_path: Path) -> None:
    orders = "Till Roll,what,day\n1,bread,2024-01-01\n"
    purchases = shop(tmp_path, orders, order_id="till roll", product_id="what", ordered_at="day")
    assert orders_of(purchases, "order_id, product_id, ordered_at") == [("1", "bread", "2024-01-01")]


def test_a_mapping_is_an_expression_over_the_columns_as_text(tmp_path: Path) -> None:
    orders = "shop,till,product_id,ordered_at\n07,0012,bread,2024-01-01\n"
    purchases = shop(tmp_path, orders, order_id="concat_ws('-', shop, till)")
    assert orders_of(purchases, "order_id") == [("07-0012",)]


def test_an_expression_that_does_not_bind_to_text_reads_a_csv_as_numbers(tmp_path: Path) -> None:
    orders = "order_id,product_id,ordered_at,quantity,sales\n1,bread,2024-01-01,4,10\n2,milk,2024-01-01,0,x\n"
    purchases = shop(tmp_path, orders, unit_price="sales / nullif(quantity, 0)")
    assert orders_of(purchases, "order_id, quantity, unit_price") == [("1", "4", 2.5), ("2", "0", None)]


def test_a_row_on_which_an_expression_fails_is_null(tmp_path: Path) -> None:
    orders = "order_id,product_id,day\n1,bread,24.12.2024\n2,milk,soon\n"
    purchases = shop(tmp_path, orders, ordered_at="strptime(day, '%d.%m.%Y')")
    assert [str(row[0]) for row in orders_of(purchases, "ordered_at")] == ["2024-12-24 00:00:00", "None"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"order_id": "odrer_id"}, "data.columns.order_id = 'odrer_id' fits no column"),
        ({"customer_id": "nobody + 1"}, "customer_id is used instead"),
        ({"brand": "no_such_column"}, "nothing is used instead"),
    ],
)
def test_a_mapping_that_fits_no_source_is_told(tmp_path: Path, columns: dict[str, str], told: str) -> None:
    assert any(told in note for note in shop(tmp_path, **columns).notes)


def test_a_mapping_that_looks_misspelt_is_refused_where_nothing_else_would_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)customer_id = 'byuer'.*Did you mean 'buyer'\?.*Columns found"):
        shop(tmp_path, ORDERS.replace("customer_id", "buyer"), customer_id="byuer")


def test_a_mapping_of_another_history_is_not_taken_for_a_column_that_is_read(tmp_path: Path) -> None:
    """`product_category` is like `product_id`, which is a column of this history, but not a misspelt one."""
    purchases = shop(tmp_path, products="product_id,name\nbread,Bread\nmilk,Milk\n", category="product_category")
    assert any("'product_category' fits no column" in note for note in purchases.notes)
    assert "category" not in purchases.products


def test_a_mapping_of_product_id_holds_in_the_source_where_it_binds(tmp_path: Path) -> None:
    purchases = shop(tmp_path, ORDERS.replace("product_id", "code"), PRODUCTS, product_id="code")
    assert orders_of(purchases, "product_id") == [("bread",), ("milk",)]
    assert purchases.products["product_id"].told == "product_id"
    purchases = shop(tmp_path, ORDERS, PRODUCTS.replace("product_id", "code"), product_id="code")
    assert (purchases.orders["product_id"].told, purchases.products["product_id"].told) == ("product_id", "code")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "CustomerID,InvoiceNo,StockCode,InvoiceDate,Quantity,UnitPrice",
            {
                "customer_id": "CustomerID",
                "order_id": "InvoiceNo",
                "product_id": "StockCode",
                "ordered_at": "InvoiceDate",
            },
        ),
        (
            "household_id,basket_id,product_id,transaction_timestamp,quantity,price",
            {"customer_id": "household_id", "order_id": "basket_id", "ordered_at": "transaction_timestamp"},
        ),
        (
            "Customer ID,Invoice,article_id,t_dat,Qty,Price",
            {"customer_id": "Customer ID", "order_id": "Invoice", "product_id": "article_id", "quantity": "Qty"},
        ),
    ],
)
def test_usual_names_of_exports_are_found_and_said(tmp_path: Path, header: str, expected: Mapping[str, str]) -> None:
    purchases = shop(tmp_path, f"{header}\na,1,p,2024-01-01,1,2.0\n")
    found = {column: bound.told for column, bound in purchases.orders.items()}
    assert found.items() >= expected.items()
    assert "unit_price" in found
    for column, told in expected.items():
        assert f"data.orders: {column} is read from {told}" in purchases.notes


def test_a_price_in_the_lines_is_the_price_paid_and_not_the_catalogues(tmp_path: Path) -> None:
    purchases = shop(tmp_path, "order_id,product_id,ordered_at,price\n1,bread,2024-01-01,3\n")
    assert purchases.orders["unit_price"].told == "price"
    assert "price" not in purchases.products


def test_without_products_the_lines_tell_the_catalogue(tmp_path: Path) -> None:
    orders = "Invoice,StockCode,Description,InvoiceDate\n1,85123A,HEART T-LIGHT HOLDER,2010-12-01\n"
    purchases = shop(tmp_path, orders)
    found = purchases.connection.execute("SELECT product_id, name FROM raw_products").fetchall()
    assert found == [("85123A", "HEART T-LIGHT HOLDER")]
    assert not purchases.has_catalogue
    assert any(note.startswith("no data.products") for note in purchases.notes)


def test_a_category_serves_as_the_type_where_there_is_none(tmp_path: Path) -> None:
    purchases = shop(tmp_path, products="product_id,department,price\nbread,Bakery,3\n")
    assert purchases.connection.execute("SELECT product_type FROM raw_products").fetchall() == [("Bakery",)]
    assert purchases.notes == [
        "data.products: category is read from department",
        "product_type is missing: category serves as the type",
    ]
    assert not any("product_type" in sentence for sentence in purchases.switched_off)


def test_missing_required_columns_are_named_with_the_columns_found_and_how_to_map(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        shop(tmp_path, "thing,day,who\nbread,1,anna\n")
    message = str(caught.value)
    assert "no column for order_id, product_id, ordered_at" in message
    assert "Columns found: thing, day, who" in message
    assert '[data.columns]\n  order_id = "..."' in message


def test_a_catalogue_without_product_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.products.*no column for product_id"):
        shop(tmp_path, products="label,shade\nRye bread,brown\n")


@pytest.mark.parametrize(
    ("absent", "told"),
    [
        ("customer_id", "no customer_id: more-of-same and replacement"),
        ("quantity", "no quantity: each line counts as one"),
        ("unit_price", "no unit_price: the price that was paid"),
        ("category", "no category: category features"),
        ("name", "no name: "),
        ("brand", "no brand: "),
        ("cost", "no cost: "),
    ],
)
def test_each_missing_column_says_what_it_switches_off(tmp_path: Path, absent: str, told: str) -> None:
    away = f"gone_{absent[:2]}"
    orders, products = ORDERS.replace(absent, away), PRODUCTS.replace(absent, away)
    (sentence,) = shop(tmp_path, orders, products).switched_off
    assert sentence.startswith(told)


def test_without_any_price_upsell_is_off(tmp_path: Path) -> None:
    purchases = shop(tmp_path, "order_id,product_id,ordered_at\n1,bread,2024-01-01\n", "product_id,name\nbread,Rye\n")
    assert any(sentence.startswith("no unit_price and no price: upsell") for sentence in purchases.switched_off)
    assert any(sentence.startswith("no product_type and no category: upsell") for sentence in purchases.switched_off)
    assert orders_of(purchases, "quantity, unit_price") == [(None, None)]
