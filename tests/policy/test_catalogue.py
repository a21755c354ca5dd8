from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mersalg import DataError
from mersalg.policy import Catalogue, Product, read_catalogue

ROWS: list[dict[str, Any]] = [
    {
        "product_id": "0123", "price": 9.5, "cost": 4.0, "stock": 3.0, "minimum_age": 18.0, "lasts_days": 30.0,
        "product_type": "tea", "category": "drinks", "brand": "Acme", "variant_of": "family", "regions": ["NO", "SE"],
        "accessory_for": ["pot"], "includes": ["leaf"], "nature": "durable", "attributes": {"colour": "green"},
    },
    {"product_id": "bare"},
]  # fmt: skip
WHOLE = Product(
    "0123", 9.5, 4.0, 3.0, 18.0, 30.0, "tea", "drinks", "Acme", "family", ("NO", "SE"), ("pot",), ("leaf",), "durable",
    {"colour": "green"},
)  # fmt: skip


def write_csv(path: Path) -> Path:
    path.write_text(
        "product_id,price,cost,stock,minimum_age,lasts_days,product_type,category,brand,variant_of,regions,"
        "accessory_for,includes,nature,attribute.colour,warehouse\n"
        "0123,9.5,4,3,18,30,tea,drinks,Acme,family,NO; SE,pot,leaf,durable,green,B7\n"
        "bare,,,,,,,,,,,,,,,\n"
    )
    return path


def write_json_lines(path: Path) -> Path:
    path.write_text("\n".join(json.dumps(row | {"warehouse": "B7"}) for row in ROWS) + "\n\n")
    return path


def write_parquet(path: Path) -> Path:
    attributes = pa.map_(pa.string(), pa.string())
    table = pa.Table.from_pylist([{**row, "warehouse": "B7", "attributes": None} for row in ROWS])
    column = pa.array([[("colour", "green")], None], type=attributes)
    table = table.set_column(table.schema.get_field_index("attributes"), "attributes", column)
    price = pa.array([Decimal("9.50"), None], type=pa.decimal128(9, 2))
    pq.write_table(table.set_column(table.schema.get_field_index("price"), "price", price), path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [("c.csv", write_csv), ("c.jsonl", write_json_lines), ("c.ndjson", write_json_lines), ("c.parquet", write_parquet)],
)
def test_every_form_of_file_gives_the_same_catalogue(tmp_path: Path, name: str, write: Any) -> None:
    catalogue = read_catalogue(write(tmp_path / name))
    assert list(catalogue) == ["0123", "bare"]
    assert catalogue["0123"] == WHOLE
    assert catalogue["0123"].attributes == {"colour": "green"}
    assert catalogue["bare"] == Product("bare")
    assert catalogue.unread == ("warehouse",)
    assert set(catalogue.known.values()) == {1}


def test_rows_make_the_same_catalogue_as_a_file() -> None:
    assert Catalogue(ROWS)["0123"] == WHOLE
    assert not Catalogue()
    assert not Catalogue().knows("price")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"price": 1}, "row 1: product_id: expected a text"),
        ({"product_id": 42}, r"write the number 42 as '42'"),
        ({"product_id": "a", "price": "1"}, "product 'a': price: expected a number from 0, got '1'"),
        ({"product_id": "a", "price": -1}, "price: expected a number from 0"),
        ({"product_id": "a", "cost": float("nan")}, "cost: expected a number from 0"),
        ({"product_id": "a", "stock": True}, "stock: expected a number, got True"),
        ({"product_id": "a", "brand": 7}, "brand: expected a text, got 7"),
        ({"product_id": "a", "regions": "NO"}, "regions: expected a list of texts, got 'NO'"),
        ({"product_id": "a", "nature": "solid"}, "nature: expected one of consumable, durable, warranty, subscription"),
        ({"product_id": "a", "attributes": "green"}, "attributes: expected a mapping"),
    ],
)
def test_a_wrong_fact_is_refused_with_its_product(row: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        Catalogue([row])


def test_a_product_that_has_two_rows_is_refused() -> None:
    with pytest.raises(DataError, match="row 3: product_id: expected each once, got 'a' again"):
        Catalogue([{"product_id": "a"}, {"product_id": "b"}, {"product_id": "a"}])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("c.xlsx", b"", "expected a name that ends in .csv, .jsonl, .ndjson, .parquet, got '.xlsx'"),
        ("c.csv", b"sku,price\na,1\n", "product_id: expected a column of this name"),
        ("c.csv", b"", "product_id: expected a column of this name, got no header"),
        ("c.csv", b"product_id,price\na,1;5\n", "product 'a': price: expected a number with a point, got '1;5'"),
        ("c.csv", b"product_id,price\na\n", "row 1: expected 2 cells"),
        ("c.csv", b"product_id,price\na,1,2\n", "row 1: expected 2 cells"),
        ("c.csv", b"product_id,brand\na,\xff\n", "cannot be read"),
        ("c.jsonl", b"{}\n[1]\n", "product_id: expected a text"),
        ("c.jsonl", b"[1]\n", "line 1: expected a JSON object"),
        ("c.jsonl", b"{\n", "line 1: expected a JSON object"),
        ("c.parquet", b"no parquet", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_does_not_hold_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as refusal:
        read_catalogue(path)
    assert str(refusal.value).startswith(str(path))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a file of products, got nothing"):
        read_catalogue(tmp_path / "none.csv")


def test_what_a_sale_brings_is_the_margin_else_the_price_else_the_middle_of_all() -> None:
    catalogue = Catalogue(
        [{"product_id": "a", "price": 9, "cost": 4}, {"product_id": "b", "price": 3}, {"product_id": "c"}]
    )
    assert [catalogue.value(name) for name in ("a", "b", "c", "unknown")] == [5.0, 3.0, 4.0, 4.0]
