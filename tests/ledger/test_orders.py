"""Claims: order lines are read under our names, whatever the file; a line that cannot be used is counted by reason."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mersalg import DataError
from mersalg_service.follow_up.orders import read_histories
from shop_spellings import TEXT_IDS, TIMES, TYPED_IDS, ZONED_TIMES

AT = datetime(2017, 12, 1)
HEADER = "customer_id,order_id,product_id,ordered_at,quantity\n"


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def parquet(folder: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), folder / "orders.parquet")
    return str(folder / "orders.parquet")


def test_lines_lie_under_their_customers_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = HEADER + "anna,1,milk,2017-11-01T10:00:00,2\nberta,2,bread,2017-11-02,1\nanna,3,tea,2017-10-01 08:00,0.5\n"
    found = read_histories(written(tmp_path, "orders.csv", text), {}, AT)
    assert found.by_customer["anna"].history() == [
        {"product_id": "milk", "ordered_at": datetime(2017, 11, 1, 10), "quantity": 2.0},
        {"product_id": "tea", "ordered_at": datetime(2017, 10, 1, 8), "quantity": 0.5},
    ]
    assert list(found.by_customer) == ["anna", "berta"]
    assert (found.read, sum(found.left_out.values())) == (3, 0)


def test_each_wrong_line_is_counted_under_its_first_reason(tmp_path: Path) -> None:
    lines = [
        "anna,1,milk,2017-11-01,1",
        "anna,1,,2017-11-01,1",
        ",1,milk,2017-11-01,1",
        ",1,,no date,x",
        "anna,1,milk,01/11/2017,1",
        "anna,1,milk,1969-11-01,1",
        "anna,1,milk,2017-11-01,two",
        "anna,1,milk,2017-11-01,inf",
        "anna,1,milk,2017-11-01,-1",
        "anna,1,milk,2017-11-01,0",
        "anna,1,milk,2017-12-02,1",
        "anna,1,milk,2017-11-01T10:00:00Z,1",
        "anna",
        "",
    ]
    found = read_histories(written(tmp_path, "orders.csv", HEADER + "\n".join(lines)), {}, AT)
    assert found.left_out == {
        "missing id": 3,
        "no customer": 1,
        "unparsable date": 3,
        "wrong type": 2,
        "non-positive quantity": 2,
        "later than the time": 1,
    }
    assert found.read == 13
    assert len(found.by_customer["anna"].times) == 1


def test_parquet_columns_become_texts_times_and_numbers(tmp_path: Path) -> None:
    found = read_histories(
        parquet(
            tmp_path,
            customer_id=pa.array([900.0, None, 901.0], pa.float64()),
            product_id=pa.array([7, 8, 9], pa.int64()),
            ordered_at=pa.array([AT, AT, AT], pa.timestamp("ns")),
            quantity=pa.array([Decimal("1.5"), Decimal("1.0"), None], pa.decimal128(6, 2)),
        ),
        {},
        AT,
    )
    assert {c: (lines.product_ids, lines.quantities) for c, lines in found.by_customer.items()} == {
        "900": (["7"], [1.5]),
        "901": (["9"], [1.0]),
    }
    assert found.left_out == {"no customer": 1}


def test_dictionaries_dates_and_texts_of_parquet_are_read_too(tmp_path: Path) -> None:
    location = parquet(
        tmp_path,
        customer_id=pa.array(["anna", "anna "]).dictionary_encode(),
        product_id=pa.array(["0042", " x "], pa.large_string()),
        ordered_at=pa.array([date(2017, 11, 1), date(2017, 11, 2)]),
    )
    lines = read_histories(location, {}, AT).by_customer["anna"]
    assert lines.product_ids == ["0042", "x"]
    assert lines.times == [datetime(2017, 11, 1), datetime(2017, 11, 2)]
    assert lines.quantities == [1.0, 1.0]


def test_times_with_a_zone_become_utc(tmp_path: Path) -> None:
    text = HEADER + "anna,1,milk,2017-11-30T23:30:00-01:00,1\nanna,1,tea,2017-11-30T23:00:00Z,1\n"
    found = read_histories(written(tmp_path, "orders.csv", text), {}, datetime(2017, 12, 1, tzinfo=UTC))
    assert found.by_customer["anna"].product_ids == ["tea"]
    assert found.left_out == {"later than the time": 1}
    assert found.zoned
    zoned = pa.array([datetime(2017, 11, 1, 12, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))
    location = parquet(tmp_path, customer_id=["a"], product_id=["x"], ordered_at=zoned)
    found = read_histories(location, {}, AT)
    assert found.by_customer["a"].times == [datetime(2017, 11, 1, 12)]


@pytest.mark.parametrize("column", ["customer_id", "product_id"])
def test_a_text_is_the_id_that_it_means(tmp_path: Path, column: str) -> None:
    for form in ("csv", "parquet"):
        for spelled, expected in TEXT_IDS.items():
            row = {"customer_id": "anna", "product_id": "milk", "ordered_at": "2017-11-01"} | {column: spelled}
            # a line that is good stands beside, for an order without any is refused
            columns = {name: ["kept" if name == column else value, value] for name, value in row.items()}
            if form == "parquet":
                location = parquet(tmp_path, **columns)
            else:
                location = str(tmp_path / "orders.csv")
                with Path(location).open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerows([columns, *zip(*columns.values(), strict=True)])
            assert ids_read(location, column) == {"kept", expected} - {None}, (form, spelled)


@pytest.mark.parametrize(("value", "expected"), TYPED_IDS)
@pytest.mark.parametrize("column", ["customer_id", "product_id"])
def test_a_value_of_a_typed_column_is_the_id_that_it_means(
    tmp_path: Path, column: str, value: Any, expected: str | None
) -> None:
    row = {"customer_id": "anna", "product_id": "milk", "ordered_at": AT} | {column: value}
    location = parquet(tmp_path, **{name: [value] for name, value in row.items()})
    if expected is None:
        with pytest.raises(DataError, match=r"no customer 1|missing id 1"):
            read_histories(location, {}, AT)
    else:
        assert ids_read(location, column) == {expected}


def ids_read(location: str, column: str) -> set[str]:
    by_customer = read_histories(location, {}, AT).by_customer
    return (
        set(by_customer) if column == "customer_id" else {p for line in by_customer.values() for p in line.product_ids}
    )


@pytest.mark.parametrize(("times", "good"), [(TIMES, "2017-06-01"), (ZONED_TIMES, "2017-06-01T00:00:00Z")])
def test_a_time_is_the_one_that_it_spells(tmp_path: Path, times: dict[str, datetime | None], good: str) -> None:
    for spelled, expected in times.items():
        location = parquet(
            tmp_path, customer_id=["anna", "berta"], product_id=["milk", "milk"], ordered_at=[good, spelled]
        )
        found = read_histories(location, {}, AT).by_customer.get("berta")
        assert (found and found.times[0]) == expected, spelled


def test_columns_have_the_names_that_are_mapped(tmp_path: Path) -> None:
    location = written(tmp_path, "o.tsv", "household\tsku\tt\nanna\tmilk\t2017-11-01\n")
    names = {"customer_id": "household", "product_id": "sku", "ordered_at": "t"}
    assert read_histories(location, names, AT).by_customer["anna"].product_ids == ["milk"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_missing_column_is_named_with_what_there_is(tmp_path: Path, suffix: str) -> None:
    if suffix == "csv":
        location = written(tmp_path, "orders.csv", "household_id,product_id,ordered_at\n1,2,2017-01-01\n")
    else:
        location = parquet(tmp_path, household_id=["a"], product_id=["x"], ordered_at=[AT])
    with pytest.raises(DataError, match=r"'customer_id' for customer_id, got household_id, .*--column customer_id="):
        read_histories(location, {}, AT)
    with pytest.raises(DataError, match="'amount' for quantity"):
        read_histories(location, {"customer_id": "household_id", "quantity": "amount"}, AT)
    with pytest.raises(DataError, match="expected one of customer_id"):
        read_histories(location, {"custmer_id": "household_id"}, AT)


def test_a_folder_and_a_glob_are_one_table(tmp_path: Path) -> None:
    for month in (10, 11):
        written(tmp_path, f"year/{month}.csv", HEADER + f"anna,1,p{month},2017-{month}-01,1\n")
    written(tmp_path, "year/_old/9.csv", HEADER + "anna,1,p9,2017-09-01,1\n")
    for location in (tmp_path / "year", tmp_path / "year" / "1*.csv"):
        assert read_histories(str(location), {}, AT).by_customer["anna"].product_ids == ["p10", "p11"]


def test_a_compressed_csv_with_semicolons_and_a_mark_of_its_order_is_read(tmp_path: Path) -> None:
    text = "\ufeffcustomer_id;product_id;ordered_at\nanna;'milk, fresh';2017-11-01\n"
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(text.encode()))
    lines = read_histories(str(tmp_path / "orders.csv.gz"), {}, AT).by_customer["anna"]
    assert lines.product_ids == ["'milk, fresh'"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("orders.csv", b"", "expected a column 'customer_id' for customer_id, got none"),
        ("orders.csv", HEADER.encode(), "none that can be used: no line"),
        ("orders.csv", HEADER.encode() + b"anna,1,milk,soon,1\n", "unparsable date 1"),
        ("orders.csv", b"\xff\xfe\x00", "cannot be read as CSV"),
        ("orders.csv.gz", b"plain", "cannot be read as CSV"),
        ("orders.parquet", b"plain", "cannot be read as Parquet"),
        ("orders.xlsx", b"", "expected files that end in"),
    ],
)
def test_what_is_no_table_of_orders_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_histories(str(tmp_path / name), {}, AT)


@pytest.mark.parametrize("location", ["no/such/file.csv", "package:no_such_package/orders.csv"])
def test_a_location_without_a_file_is_refused(location: str) -> None:
    with pytest.raises(DataError, match=r"found no file|is not installed"):
        read_histories(location, {}, AT)
