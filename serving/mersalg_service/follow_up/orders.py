"""Order lines from files, by customer: what a follow-up is asked with. Lines that cannot be used are counted by reason.

Parquet or CSV (a header, UTF-8, the separator of the header): one file, a glob, a folder, or `package:NAME/PATH` inside
an installed package. Times are ISO 8601 in a CSV; those with a zone become UTC, others are taken as they are, and one
history has only one sort.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, repeat
from pathlib import Path
from typing import Any, Final

from mersalg.errors import DataError
from mersalg.ids import id_text
from mersalg_service.follow_up.tables import read_parquet_columns
from mersalg_service.ledger.times import plain

REQUIRED: Final = ("customer_id", "product_id", "ordered_at")
COLUMNS: Final = (*REQUIRED, "quantity", "order_id")
"""Names of the columns; order_id may be mapped as elsewhere, and is not read."""
READ: Final = (*REQUIRED, "quantity")
PARQUET: Final = (".parquet", ".pq")
CSV: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
FORMS: Final = "a Parquet or CSV file, a glob, a folder, or package:NAME/PATH inside an installed package"
PIECE: Final = 65_536
"""Lines of a CSV read together."""
ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?|\d{8}", re.ASCII)
"""The times of a CSV; `datetime.fromisoformat` alone would take any sign before the hour."""
FIRST: Final = datetime(1970, 1, 1)
MAX_QUANTITY: Final = 1e9


@dataclass(slots=True)
class Lines:
    """The purchases of one customer, in the order of the files."""

    product_ids: list[str] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    quantities: list[float] = field(default_factory=list)

    def history(self) -> list[dict[str, Any]]:
        """The lines as a request takes them."""
        rows = zip(self.product_ids, self.times, self.quantities, strict=True)
        return [{"product_id": p, "ordered_at": t, "quantity": q} for p, t, q in rows]


@dataclass(slots=True)
class Histories:
    """What was bought before a time, by customer."""

    at: datetime
    """In UTC where the orders have time zones, without a zone."""
    by_customer: dict[str, Lines] = field(default_factory=dict)
    read: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Lines by the reason why they are not used."""
    zoned: bool | None = None
    """Whether the times have a zone; None before the first line."""


def read_histories(location: str, columns: Mapping[str, str], at: datetime) -> Histories:
    """The lines of a location up to a time, by customer; `columns` maps our names to the files'.

    DataError when nothing is there, a column is missing, or no line can be used.
    """
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise DataError(f"--column {unknown[0]}=...: expected one of {', '.join(COLUMNS)}")
    names = {name: columns.get(name, name) for name in READ}
    histories = Histories(plain(at))
    ids: dict[Any, str] = {}
    for file in find_files(location):
        parquet = file.suffix.lower() in PARQUET
        for piece in read_parquet_columns(file, names, REQUIRED) if parquet else read_csv(file, names):
            add_piece(histories, piece, ids)
    if not histories.by_customer:
        told = ", ".join(f"{reason} {count:,}" for reason, count in histories.left_out.most_common())
        raise DataError(
            f"{location}: expected order lines of customers, got none that can be used: {told or 'no line'}"
        )
    return histories


def add_piece(histories: Histories, piece: Mapping[str, list[Any]], ids: dict[Any, str]) -> None:
    """Sort a piece's lines under their customers; `ids` keeps one copy of each product id."""
    quantities = piece.get("quantity") or repeat(1.0)
    rows = zip(piece["customer_id"], piece["product_id"], piece["ordered_at"], quantities, strict=False)
    customers, left_out, at = histories.by_customer, histories.left_out, histories.at
    histories.read += len(piece["product_id"])
    for customer, product, time, quantity in rows:
        product_id = ids.get(product)
        if product_id is None:
            product_id = ids[product] = id_text(product)
        customer_id = customer if type(customer) is str and customer.isalnum() else id_text(customer)
        when = (
            time
            if type(time) is datetime and time.tzinfo is None and histories.zoned is False
            else read_time(histories, time)
        )
        amount = quantity if type(quantity) is float and 0 < quantity <= MAX_QUANTITY else read_number(quantity)
        if not product_id:
            left_out["missing id"] += 1
        elif not customer_id:
            left_out["no customer"] += 1
        elif when is None or when < FIRST:
            left_out["unparsable date"] += 1
        elif amount is None:
            left_out["wrong type"] += 1
        elif amount <= 0:
            left_out["non-positive quantity"] += 1
        elif when > at:
            left_out["later than the time"] += 1
        else:
            lines = customers.get(customer_id)
            if lines is None:
                lines = customers[customer_id] = Lines()
            lines.product_ids.append(product_id)
            lines.times.append(when)
            lines.quantities.append(amount)


def read_time(histories: Histories, value: Any) -> datetime | None:
    """A time in UTC or as it is; None when it is none, or has a zone where the first line has none or otherwise."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = datetime.fromisoformat(text) if ISO.fullmatch(text) else None
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    if histories.zoned is None:
        histories.zoned = value.tzinfo is not None
    return plain(value) if histories.zoned is (value.tzinfo is not None) else None


def read_number(value: Any) -> float | None:
    """A finite number up to MAX_QUANTITY; None when it is none. A missing quantity is one piece."""
    if value is None or value == "":
        return 1.0
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) <= MAX_QUANTITY else None


def find_files(location: str) -> list[Path]:
    """The files of a location, sorted; DataError names what is there instead."""
    path = package_file(location) if location.startswith("package:") else Path(location).expanduser()
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and is_table(file)]
        files = [file for file in files if not any(p.startswith((".", "_")) for p in file.relative_to(path).parts)]
    elif path.is_file():
        files = [path]
    else:
        pattern = path.relative_to(path.anchor).as_posix()
        files = [file for file in Path(path.anchor).glob(pattern) if file.is_file()] if pattern != "." else []
    if not files:
        raise DataError(f"{location}: found no file; expected {FORMS}, seen from {Path.cwd()}")
    strange = [file.name for file in files if not is_table(file)]
    if strange:
        raise DataError(f"{location}: expected files that end in {', '.join(PARQUET + CSV)}, got {strange[0]}")
    return sorted(files)


def is_table(file: Path) -> bool:
    """Whether the name ends as that of a table does."""
    return file.name.lower().endswith(PARQUET + CSV)


def package_file(location: str) -> Path:
    """The path of a file in an installed package; the package is not imported."""
    name, _, inside = location.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"{location}: the package {name!r} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / inside


def read_csv(file: Path, names: Mapping[str, str]) -> Iterator[dict[str, list[Any]]]:
    """The columns of a CSV, in pieces, under our names; all values are texts."""
    try:
        with open_text(file) as text:
            header = text.readline()
            separator = max(",;\t|", key=header.count)
            titles = next(csv.reader([header], delimiter=separator), [])
            places = {name: titles.index(title) for name, title in names.items() if title in titles}
            check_columns(file, places, names, titles)
            rows = csv.reader(text, delimiter=separator)
            while piece := [row for row in islice(rows, PIECE) if row]:
                yield {n: [row[p] if p < len(row) else "" for row in piece] for n, p in places.items()}
    except (OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        raise DataError(f"{file}: cannot be read as CSV in UTF-8: {error}") from None


def open_text(file: Path) -> Any:
    """The text of a file that may be compressed."""
    if file.suffix.lower() == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def check_columns(file: Path, result: Mapping[str, Any], names: Mapping[str, str], titles: list[str]) -> None:
    """DataError that names a column which is required, or mapped, and missing."""
    for name, title in names.items():
        if name not in result and (name in REQUIRED or title != name):
            raise DataError(
                f"{file}: expected a column {title!r} for {name}, got {', '.join(titles[:20]) or 'none'}; "
                f"--column {name}=NAME says what it is called"
            )
