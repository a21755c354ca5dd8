"""Claims: of Delta and Iceberg tables one version is read, the columns that are asked for, and it is told which."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from external.conftest import needs
from external.made_tables import arrow_of, iceberg_catalogue, pointed, write_delta, write_iceberg
from mersalg import DataError
from mersalg_training.config import Config, EngineConfig
from mersalg_training.data.external.opening import open_table
from mersalg_training.data.purchases import open_purchases
from mersalg_training.engine.database import connect
from processes import DEADLINE

VALIDATE = "import sys; from mersalg.cli import main; sys.exit(main())"
MANY = ", 'x' AS note, 1 AS shelf, [1, 2] AS list"


def count(location: str) -> tuple[int, str | None]:
    """The rows of a location, and the address that reads them again."""
    connection = connect(EngineConfig())
    source = open_table(connection, "data.orders", location)
    source_read = source.fetched(["order_id"])
    assert source_read.columns == ("order_id",)
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {source_read.relation}").fetchall()
    return rows, source.pinned


def refusal(location: str) -> str:
    with pytest.raises(DataError) as refused:
        count(location)
    return str(refused.value)


@pytest.fixture
def orders(files: Config) -> Any:
    """The order lines with columns that nothing reads."""
    return arrow_of(files.data.orders, MANY)


def test_delta_is_read_at_its_version(orders: Any, tmp_path: Path) -> None:
    needs("deltalake", "delta")
    address = write_delta(tmp_path / "orders", orders.slice(0, 100))
    write_delta(tmp_path / "orders", orders.slice(100, 20), mode="append")
    assert count(address) == (120, f"{address}?version=1")
    assert count(f"{address}?version=0") == (100, f"{address}?version=0")
    assert "at version 9" in refusal(f"{address}?version=9")
    assert "expected the folder of a Delta table" in refusal(f"delta:{tmp_path}")


def test_rows_that_delta_has_deleted_are_not_read(orders: Any, tmp_path: Path) -> None:
    needs("deltalake", "delta")
    from deltalake import DeltaTable

    vectors = {"delta.enableDeletionVectors": "true"}
    address = write_delta(tmp_path / "orders", orders.slice(0, 100), configuration=vectors)
    first = orders["order_id"][0].as_py()
    gone = orders.slice(0, 100)["order_id"].to_pylist().count(first)
    DeltaTable(str(tmp_path / "orders")).delete(f"order_id = '{first}'")
    assert count(address)[0] == 100 - gone


def test_iceberg_is_read_at_its_snapshot(orders: Any, tmp_path: Path) -> None:
    needs("pyiceberg", "iceberg")
    catalogue = iceberg_catalogue(tmp_path)
    early = write_iceberg(catalogue, "orders", orders.slice(0, 100))
    before = early.current_snapshot().snapshot_id
    late = write_iceberg(catalogue, "orders", orders.slice(0, 120))
    after = late.current_snapshot().snapshot_id
    address = f"iceberg:{late.metadata_location}"
    assert count(address) == (120, f"{address}?snapshot={after}")
    assert count(f"{address}?snapshot={before}") == (100, f"{address}?snapshot={before}")
    assert f"no snapshot 9; the latest that it keeps are {before}" in refusal(f"{address}?snapshot=9")
    assert "found no *.metadata.json" in refusal(f"iceberg:{tmp_path}/none")


def test_iceberg_is_found_by_a_catalogue_of_pyicebergs_configuration(orders: Any, tmp_path: Path) -> None:
    needs("pyiceberg", "iceberg")
    write_iceberg(iceberg_catalogue(tmp_path), "orders", orders)
    # pyiceberg reads its configuration when it is imported.
    catalogue = {"TYPE": "sql", "URI": f"sqlite:///{tmp_path / 'catalogue.db'}"}
    environment = {**os.environ, **{f"PYICEBERG_CATALOG__SHOP__{name}": told for name, told in catalogue.items()}}
    job = tmp_path / "shop.toml"
    told = []
    for table in ("orders", "order"):
        job.write_text(f'name = "shop"\n[data]\norders = "iceberg:shop.sales.{table}"\n')
        command = [sys.executable, "-c", VALIDATE, "validate", str(job), "--json"]
        result = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=DEADLINE)
        told.append(json.loads(result.stdout))
    pinned = told[0]["contract"]["pinned"]["data.orders"]
    assert re.fullmatch(r"iceberg:shop\.sales\.orders\?snapshot=\d+", pinned)
    assert told[0]["contract"]["lines_read"] == len(orders)
    assert "NoSuchTableError" in told[1]["error"]


def test_an_expression_of_a_mapping_brings_the_columns_that_it_reads(
    files: Config, orders: Any, tmp_path: Path
) -> None:
    needs("deltalake", "delta")
    columns = {"quantity": "shelf + list[1]", "is_fee": "struct_pack(n := note).n = 'y'"}
    config = pointed(files, orders=write_delta(tmp_path / "orders", orders), columns=columns)
    purchases = open_purchases(config.data)
    assert "shelf" in purchases.order_lines.columns
    assert "note" in purchases.order_lines.columns
    assert "quantity" not in purchases.order_lines.columns
    assert purchases.connection.execute("SELECT DISTINCT quantity, is_fee FROM raw_orders").fetchall() == [(2, False)]
    assert any("?version=0 reads the same again" in note for note in purchases.notes)
