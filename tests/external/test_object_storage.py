"""Claims: Parquet and CSV in a bucket are read as files here are, and what is wrong is told without a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from external.conftest import needs
from external.made_tables import arrow_of
from external.object_server import KEYS, put
from mersalg import DataError
from mersalg_training.config import Config, EngineConfig
from mersalg_training.data.external.opening import open_table
from mersalg_training.engine.database import connect


def count(location: str, encoding: str = "utf-8") -> tuple[int, tuple[str, ...], bool]:
    """The rows of a location, its columns, and whether they are text."""
    connection = connect(EngineConfig())
    source = open_table(connection, "data.orders", location, encoding)
    read = source.fetched(source.columns[:1])
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {read.relation}").fetchall()
    return rows, source.columns, source.is_text


def refusal(location: str) -> str:
    with pytest.raises(DataError) as refused:
        count(location)
    assert not [key for key in KEYS.values() if key in str(refused.value)]
    return str(refused.value)


def test_a_file_a_glob_and_a_folder(files: Config, objects: str) -> None:
    content = Path(files.data.orders).read_bytes()
    for name in ("year/day=1/a.parquet", "year/day=2/b.parquet", "year/day=2/_temporary/c.parquet"):
        put(objects, name, content)
    rows, columns, is_text = count("s3://shop/year/day=1/a.parquet")
    assert not is_text
    assert "order_id" in columns
    assert count("s3://shop/year/*/*.parquet")[0] == 2 * rows
    assert count("s3://shop/year/**/*.parquet")[0] == 3 * rows
    assert count("s3://shop/year")[0] == 2 * rows
    assert count("s3://shop/year/")[0] == 2 * rows


def test_the_text_of_a_csv_in_its_encoding(objects: str) -> None:
    put(objects, "text/a.csv", "order_id;name\n007;Räksmörgås\n".encode("windows-1252"))
    put(objects, "text/b.csv", b"order_id,name\n008,plain\n")
    assert count("s3://shop/text/a.csv", "windows-1252") == (1, ("order_id", "name"), True)
    assert count("s3://shop/text/b.csv") == (1, ("order_id", "name"), True)
    assert "UTF-8" in refusal("s3://shop/text/a.csv")


def test_what_is_not_there_or_of_two_forms_is_told(files: Config, objects: str) -> None:
    put(objects, "both/a.csv", b"order_id\n1\n")
    put(objects, "both/b.parquet", Path(files.data.orders).read_bytes())
    put(objects, "other/a.xlsx", b"x")
    assert "found no file" in refusal("s3://shop/none/*.parquet")
    assert "found no file" in refusal("s3://no-such-bucket/orders")
    assert "holds Parquet and CSV" in refusal("s3://shop/both")
    assert "got a.xlsx" in refusal("s3://shop/other/a.xlsx")


def test_a_storage_that_does_not_answer_is_told(objects: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "AWS_ENDPOINT_URL" in refusal("s3://shop/orders.parquet")


def test_delta_and_iceberg_lie_there_too(files: Config, objects: str) -> None:
    needs("deltalake", "delta")
    needs("pyiceberg", "iceberg")
    from deltalake import write_deltalake
    from pyiceberg.catalog.memory import InMemoryCatalog

    rows = arrow_of(files.data.orders).slice(0, 50)
    write_deltalake("s3://shop/delta", rows, storage_options={"AWS_ALLOW_HTTP": "true"})
    assert count("delta:s3://shop/delta")[0] == 50
    catalogue = InMemoryCatalog("shop", warehouse="s3://shop/iceberg", **{"s3.endpoint": objects})
    catalogue.create_namespace("sales")
    table = catalogue.create_table("sales.orders", rows.schema)
    table.append(rows)
    assert count(f"iceberg:{table.metadata_location}")[0] == 50
