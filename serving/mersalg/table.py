"""Requests from a file and offers into one: Parquet where pyarrow is installed, JSON Lines always.

The suffix says which: .parquet, or .jsonl and .ndjson. Both are read and written in pieces, so a file may be larger
than the memory. A column that is no field of a request is not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Literal

from mersalg.errors import MersalgError, RequestError
from mersalg.offers import OFFER_FIELDS, Offers
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg.requests import FIELDS, read_mapping, read_product_ids

REQUIRED: Final = ("request_id", "cart")
"""Fields that every request of a file has; the others have the defaults of `recommend`."""
JUDGEMENTS: Final = ("must", "may", "must_not")
"""Fields of a saved request beside those of a request: products that have to be offered, that are welcome, and that may
not be offered. What is in none of them is not judged."""
PIECE: Final = 4096
"""Rows read or written together."""

Form = Literal["parquet", "json lines"]


def form_of(path: Path) -> Form:
    """The form of a table by its suffix."""
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return "json lines"
    if suffix == ".parquet":
        import_pyarrow(path)
        return "parquet"
    raise MersalgError(
        f"{path}: expected a name that ends in .parquet, .jsonl or .ndjson, got {suffix or 'no suffix'!r}"
    )


def import_pyarrow(path: Path) -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet."""
    try:
        import pyarrow  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise MersalgError(
            f"{path}: Parquet needs pyarrow, which is not installed; `pip install 'mersalg[parquet]'`, or use .jsonl"
        ) from None
    return pyarrow, pyarrow.parquet


def read_requests(path: Path) -> Iterator[dict[str, Any]]:
    """The requests of a file, in order, as mappings for `Recommender.score`."""
    form = form_of(path)
    if not path.is_file():
        raise MersalgError(f"{path}: expected a file of requests, got {'a folder' if path.exists() else 'nothing'}")
    return read_parquet(path) if form == "parquet" else read_json_lines(path)


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """One mapping a row; timestamps at microseconds, those with a zone in UTC, dates at midnight."""
    arrow, parquet = import_pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for field in REQUIRED:
                if field not in names:
                    raise RequestError(field, "a column of this name", names, str(path))
            columns = [name for name in FIELDS if name in names]
            for batch in file.iter_batches(batch_size=PIECE, columns=columns):
                types = [(field.name, plain_type(arrow, field.type)) for field in batch.schema]
                table = arrow.Table.from_batches([batch]).cast(arrow.schema(types), safe=False)
                yield from table.to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise MersalgError(f"{path}: cannot be read as Parquet: {error}") from None


def plain_type(arrow: Any, kind: Any) -> Any:
    """The Arrow type whose values are plain Python ones: datetimes at microseconds, floats for decimals."""
    types = arrow.types
    if types.is_timestamp(kind):
        return arrow.timestamp("us", "UTC" if kind.tz else None)
    if types.is_date(kind):
        return arrow.timestamp("us")
    if types.is_decimal(kind):
        return arrow.float64()
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return arrow.list_(plain_type(arrow, kind.value_type))
    if types.is_struct(kind):
        return arrow.struct([(field.name, plain_type(arrow, field.type)) for field in kind])
    return kind


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """One mapping a line; empty lines are passed over."""
    for _, request in json_lines(path):
        yield {name: request[name] for name in FIELDS if name in request}


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """File and number of each line that is not empty, and the object there, which has REQUIRED."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    where = f"{path}, line {number}"
                    yield where, read_line(line, where)
    except (UnicodeDecodeError, OSError) as error:
        raise MersalgError(f"{path}: cannot be read as JSON Lines in UTF-8: {error}") from None


def read_line(line: str, where: str) -> dict[str, Any]:
    """The object of a line."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MersalgError(f"{where}: expected a JSON object, got {error}") from None
    if not isinstance(request, dict):
        raise RequestError("request", "a JSON object", request, where)
    for field in REQUIRED:
        if field not in request:
            raise RequestError(field, "a value", None, where)
    return request


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """A request, and the judgements of products for it."""

    request: Mapping[str, Any]
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()

    @property
    def request_id(self) -> str:
        """Its name in the file."""
        return str(self.request["request_id"])


@dataclass(frozen=True, slots=True)
class SavedOutcome:
    """What came of a saved request."""

    saved: SavedRequest
    offers: Offers

    @property
    def missing(self) -> tuple[str, ...]:
        """What must be offered and is not."""
        offered = [offer.product_id for offer in self.offers]
        return tuple(product_id for product_id in self.saved.must if product_id not in offered)

    @property
    def unwanted(self) -> tuple[str, ...]:
        """What must not be offered and is."""
        return tuple(offer.product_id for offer in self.offers if offer.product_id in self.saved.must_not)

    @property
    def kept(self) -> bool:
        """Nothing is missing and nothing unwanted."""
        return not self.missing and not self.unwanted


def read_saved_requests(file: Path) -> list[SavedRequest]:
    """The saved requests of a file, in its order. MersalgError names the line and the field that does not hold."""
    result: dict[str, SavedRequest] = {}
    for where, document in json_lines(file):
        try:
            saved = read_saved(document)
            if not saved.request_id or saved.request_id in result:
                raise RequestError("request_id", "an id that no other line has", saved.request_id)
        except RequestError as error:
            raise error.at(where) from None
        result[saved.request_id] = saved
    if not result:
        raise MersalgError(f"{file}: expected at least one request, got none")
    return list(result.values())


def read_saved(document: Mapping[str, Any]) -> SavedRequest:
    """A checked request with its judgements; RequestError names the field."""
    request = {name: value for name, value in document.items() if name not in JUDGEMENTS}
    checked = read_mapping(request)
    if checked.history and document.get("at") is None:
        raise RequestError("at", "a time, up to which the history is aged", None)
    judged = [tuple(read_product_ids(document.get(name), name)) for name in JUDGEMENTS]
    once = [product_id for products in judged for product_id in products]
    for product_id in once:
        if once.count(product_id) > 1:
            raise RequestError(", ".join(JUDGEMENTS), "a product once", product_id)
    return SavedRequest(request, *judged)


def check_saved(by: AnswersRequests, saved: Sequence[SavedRequest]) -> list[SavedOutcome]:
    """The outcome of each saved request, in order; `by` may stand under a policy."""
    return list(map(SavedOutcome, saved, stream_answers(by, [one.request for one in saved])))


def write_offers(path: Path, answers: Iterable[Offers]) -> None:
    """Write a row an offer, in the order of the answers; the file appears when it is whole."""
    write = write_parquet if form_of(path) == "parquet" else write_json_lines
    rows = (offer.to_dict() for offer in chain.from_iterable(answers))
    with whole_file(path) as part:
        write(part, rows)


def write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Offers as Parquet, a row group a piece."""
    arrow, parquet = import_pyarrow(path)
    text, whole, number, fact = arrow.string(), arrow.int32(), arrow.float32(), arrow.float64()
    types = {
        **dict.fromkeys(("request_id", "product_id", "kind", "because"), text), "rank": whole, "times_bought": whole,
        "relevance": number, "score": number, "better": arrow.list_(text),
        **dict.fromkeys(("lift", "due_in_days", "interval_days", "price_step"), fact),
    }  # fmt: skip
    schema = arrow.schema([(name, types[name]) for name in OFFER_FIELDS])
    with parquet.ParquetWriter(path, schema) as writer:
        while piece := list(islice(rows, PIECE)):
            writer.write_table(arrow.Table.from_pylist(piece, schema=schema))


def write_json_lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """Offers as JSON Lines in UTF-8."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside the path, renamed to it when the block ends well and deleted when it does not."""
    if not path.parent.is_dir():
        raise MersalgError(f"{path}: the folder {path.parent} does not exist; make it first")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise MersalgError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
