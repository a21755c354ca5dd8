"""Delta and Iceberg tables of the small shop, written by the libraries that are kept for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from mersalg_training.config import Config, parse_config


def arrow_of(location: str, extra: str = "") -> Any:
    """A file's rows as an Arrow table, with more columns."""
    with duckdb.connect() as connection:
        return connection.sql(f"SELECT *{extra} FROM '{location}'").to_arrow_table()


def write_delta(folder: Path, rows: Any, **options: Any) -> str:
    """A version of a Delta table, as an address."""
    from deltalake import write_deltalake

    write_deltalake(str(folder), rows, **options)
    return f"delta:{folder}"


def iceberg_catalogue(folder: Path) -> Any:
    """A catalogue in a file."""
    from pyiceberg.catalog.sql import SqlCatalog

    folder.mkdir(parents=True, exist_ok=True)
    return SqlCatalog("shop", uri=f"sqlite:///{folder / 'catalogue.db'}", warehouse=f"file://{folder / 'warehouse'}")


def write_iceberg(catalogue: Any, name: str, rows: Any) -> Any:
    """A table of a catalogue, made or written anew."""
    from pyiceberg.exceptions import NoSuchTableError

    catalogue.create_namespace_if_not_exists("sales")
    try:
        table = catalogue.load_table(f"sales.{name}")
        table.overwrite(rows)
    except NoSuchTableError:
        table = catalogue.create_table(f"sales.{name}", rows.schema)
        table.append(rows)
    return catalogue.load_table(f"sales.{name}")


def pointed(config: Config, **data: Any) -> Config:
    """The same job on other sources."""
    tables = config.model_dump(mode="json", by_alias=True)
    tables["data"].update(data)
    return parse_config(tables, "the test")
