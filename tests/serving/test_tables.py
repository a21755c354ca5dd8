from __future__ import annotations

import builtins
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mersalg import MersalgError, Recommender, RequestError
from mersalg.table import read_requests, write_offers

AT = datetime(2017, 6, 1, 12)
REQUESTS = [
    {
        "request_id": "a",
        "cart": ["milk", "unknown"],
        "history": [{"product_id": "butter", "ordered_at": datetime(2017, 5, 1), "quantity": 40}],
        "at": AT,
        "moment": "cart",
        "kinds": None,
        "limit": 2,
    },
    {"request_id": "b", "cart": [], "history": [], "at": AT, "moment": "cart", "kinds": ["replacement"], "limit": 3},
    {"request_id": "c", "cart": ["bag"], "history": None, "at": AT, "moment": "checkout", "kinds": None, "limit": 9},
]
SCHEMA = pa.schema(
    {
        "request_id": pa.string(),
        "cart": pa.list_(pa.string()),
        "history": pa.list_(
            pa.struct({"product_id": pa.string(), "ordered_at": pa.timestamp("us"), "quantity": pa.int64()})
        ),
        "at": pa.timestamp("us"),
        "moment": pa.string(),
        "kinds": pa.list_(pa.string()),
        "limit": pa.int64(),
    }
)


def write_requests(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    else:
        path.write_text("".join(json.dumps(row, default=lambda time: time.isoformat()) + "\n" for row in rows))
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()  # type: ignore[no-any-return]
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("source", ["requests.parquet", "requests.jsonl"])
@pytest.mark.parametrize("target", ["offers.parquet", "offers.ndjson"])
def test_offers_of_a_file_are_those_of_its_requests(toy: Recommender, tmp_path: Path, source: str, target: str) -> None:
    path = write_requests(tmp_path / source, REQUESTS)
    write_offers(tmp_path / target, toy.score(read_requests(path)))
    expected = [offer.to_dict() for offers in toy.score(REQUESTS) for offer in offers]
    assert read_rows(tmp_path / target) == expected
    assert [row["request_id"] for row in expected] == ["a", "a", "c", "c"][: len(expected)]
    assert sorted(child.name for child in tmp_path.iterdir()) == sorted([source, target])


@pytest.mark.parametrize("source", ["requests.parquet", "requests.jsonl"])
def test_a_request_of_a_file_may_name_its_order_and_what_alone_is_offered(
    toy: Recommender, tmp_path: Path, source: str
) -> None:
    rows = [
        {"request_id": "a", "cart": [], "only": ["bread", "wine"], "order": "value"},
        {"request_id": "b", "cart": [], "only": ["bread", "wine"], "order": None},
        {"request_id": "c", "cart": [], "only": None, "order": "value"},
    ]
    path = tmp_path / source
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    offered = [[offer.product_id for offer in offers] for offers in toy.score(read_requests(path))]
    assert offered == [["wine", "bread"], ["bread", "wine"], ["wine", "bag", "butter"]]


def test_offers_in_parquet_have_the_types_of_the_interface(toy: Recommender, tmp_path: Path) -> None:
    write_offers(tmp_path / "offers.parquet", toy.score([{"kinds": []}]))
    schema = pq.read_schema(tmp_path / "offers.parquet")
    assert {field.name: str(field.type) for field in schema} == {
        "request_id": "string", "rank": "int32", "product_id": "string", "kind": "string", "relevance": "float",
        "score": "float", "because": "string", "lift": "double", "due_in_days": "double", "interval_days": "double",
        "times_bought": "int32", "better": "list<element: string>", "price_step": "double",
    }  # fmt: skip


def test_other_columns_are_not_read_and_missing_ones_have_their_defaults(toy: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "requests.parquet"
    pq.write_table(pa.table({"cart": [["milk"]], "customer_id": [7], "request_id": ["x"]}), path)
    assert list(read_requests(path)) == [{"request_id": "x", "cart": ["milk"]}]
    path = tmp_path / "requests.jsonl"
    path.write_text('{"cart": ["milk"], "customer_id": 7, "request_id": "x"}\n\n')
    assert list(read_requests(path)) == [{"request_id": "x", "cart": ["milk"]}]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.timestamp("ns"), AT, AT),
        (pa.timestamp("s"), AT, AT),
        (
            pa.timestamp("us", "Europe/Berlin"),
            datetime(2017, 6, 1, 12, tzinfo=UTC),
            datetime(2017, 6, 1, 12, tzinfo=UTC),
        ),
        (pa.date32(), date(2017, 6, 1), datetime(2017, 6, 1)),
        (pa.string(), "2017-06-01", "2017-06-01"),
    ],
)
def test_every_arrow_time_becomes_a_plain_one(tmp_path: Path, kind: pa.DataType, value: Any, expected: Any) -> None:
    history = pa.list_(pa.struct({"product_id": pa.string(), "ordered_at": kind, "quantity": pa.decimal128(9, 2)}))
    line = {"product_id": "milk", "ordered_at": value, "quantity": Decimal("2.50")}
    table = pa.table(
        {"request_id": ["x"], "cart": pa.array([[]], pa.large_list(pa.large_string())), "at": pa.array([value], kind),
         "history": pa.array([[line]], history)}
    )  # fmt: skip
    pq.write_table(table, tmp_path / "requests.parquet")
    (request,) = read_requests(tmp_path / "requests.parquet")
    assert request["at"] == expected
    assert request["history"] == [{"product_id": "milk", "ordered_at": expected, "quantity": 2.5}]


def test_the_row_and_the_field_of_a_bad_request_are_named(toy: Recommender, tmp_path: Path) -> None:
    bad = [*REQUESTS, {**REQUESTS[0], "request_id": "d", "moment": "browsing"}]
    path = write_requests(tmp_path / "requests.parquet", bad)
    with pytest.raises(RequestError, match=r"^request 4 \(request_id 'd'\): moment: expected one of"):
        toy.score(read_requests(path))


@pytest.mark.parametrize("name", ["requests.parquet", "requests.jsonl"])
def test_a_file_without_carts_or_ids_is_refused(tmp_path: Path, name: str) -> None:
    for field, other in (("cart", "request_id"), ("request_id", "cart")):
        path = tmp_path / name
        if path.suffix == ".parquet":
            pq.write_table(pa.table({other: ["x"]}), path)
        else:
            path.write_text(json.dumps({other: "x"}))
        with pytest.raises(RequestError) as refusal:
            list(read_requests(path))
        assert refusal.value.field == field
        assert str(path) in str(refusal.value)


def test_a_file_that_cannot_be_read_is_an_error_of_our_own(tmp_path: Path) -> None:
    broken = {"a.parquet": b"PAR1 no", "b.jsonl": b"{\n", "c.jsonl": b"[1]\n", "d.jsonl": b"\xff\n"}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MersalgError, match=name):
            list(read_requests(tmp_path / name))
    for name in ("none.parquet", "requests.csv", "requests"):
        with pytest.raises(MersalgError, match=name):
            read_requests(tmp_path / name)


def test_a_job_that_fails_leaves_no_offers_behind(toy: Recommender, tmp_path: Path) -> None:
    for name in ("offers.parquet", "offers.jsonl"):
        with pytest.raises(RequestError):
            write_offers(tmp_path / name, toy.stream([{}, {"limit": -1}], batch_size=1))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(toy: Recommender, tmp_path: Path) -> None:
    with pytest.raises(MersalgError, match="does not exist"):
        write_offers(tmp_path / "none" / "offers.jsonl", toy.score([{}]))


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without_pyarrow(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(MersalgError, match=r"pip install 'mersalg\[parquet\]', or use .jsonl".replace("]'", "]'`")):
        read_requests(tmp_path / "requests.parquet")
