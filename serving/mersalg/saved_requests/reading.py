"""The file of saved requests: JSON Lines, each a request as `mersalg score` reads it, with judgements of products.

`must` are products that have to be offered, `must_not` those that may not be, `may` those that are welcome, too; what
is in none of the lists is not judged. `mersalg score` takes the same file and passes the judgements over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mersalg.errors import MersalgError, RequestError, name_of
from mersalg.requests import FIELDS, MAX_ONLY, read_mapping, read_product_ids
from mersalg.table import REQUIRED

JUDGEMENTS: Final = ("must", "may", "must_not")
SUFFIXES: Final = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class SavedRequest:
    """A request that somebody keeps, and the judgements of products for it."""

    request: Mapping[str, Any]
    """The fields that the file states; they hold."""
    must: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()

    @property
    def request_id(self) -> str:
        """Its name in the file."""
        return str(self.request["request_id"])


def read_saved_requests(path: str | Path) -> list[SavedRequest]:
    """The saved requests of a file, in its order. MersalgError names the line and the field that does not hold."""
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise MersalgError(f"{file}: expected a name that ends in {' or '.join(SUFFIXES)}, one request a line")
    result: list[SavedRequest] = []
    lines: dict[str, int] = {}
    for number, document in numbered(file):
        where = f"{file}, line {number}"
        try:
            saved = read_saved(document)
        except RequestError as error:
            raise error.at(where) from None
        if saved.request_id in lines:
            expected = f"an id of its own, for line {lines[saved.request_id]} has it too"
            raise RequestError("request_id", expected, saved.request_id, where)
        lines[saved.request_id] = number
        result.append(saved)
    if not result:
        raise MersalgError(f"{file}: expected at least one request, got none")
    return result


def numbered(file: Path) -> Iterator[tuple[int, Any]]:
    """The JSON value of each line that is not empty, with the line's number from 1."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MersalgError(f"{file}: expected JSON Lines in UTF-8, got {error}") from None
    except OSError as error:
        raise MersalgError(f"{file}: cannot be read: {error.strerror or error}") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line, object_pairs_hook=distinct)
            except RequestError as error:
                raise error.at(f"{file}, line {number}") from None
            except (ValueError, RecursionError) as error:
                raise MersalgError(f"{file}, line {number}: expected a JSON object, got {error}") from None


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once each; of a key that stands twice nobody could tell which value holds."""
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestError(name_of(twice), "one value", "several")
    return result


def read_saved(document: Any) -> SavedRequest:
    """A checked request with its judgements; RequestError names the field."""
    if not isinstance(document, dict):
        raise RequestError("request", "a JSON object", document)
    for name in document:
        if name not in FIELDS and name not in JUDGEMENTS:
            raise RequestError(name_of(name), f"one of the fields {', '.join((*FIELDS, *JUDGEMENTS))}", name)
    for name in REQUIRED:
        if document.get(name) is None:
            raise RequestError(name, "a value", None)
    request = {name: document[name] for name in FIELDS if name in document}
    checked = read_mapping(request)
    if not checked.request_id:
        raise RequestError("request_id", "a name, by which the outcome is told", checked.request_id)
    if checked.history and document.get("at") is None:
        raise RequestError("at", "a time, for the history is aged up to it and answers would change by the day", None)
    judged = {name: tuple(read_product_ids(document.get(name), name)) for name in JUDGEMENTS}
    check_judgements(judged)
    most = checked.limit if "limit" in checked.stated else MAX_ONLY
    if len(judged["must"]) > most:
        raise RequestError("must", f"at most {most} products, as many as the request can be offered", judged["must"])
    for position, product_id in enumerate(judged["must"]):
        if product_id in checked.exclude or (checked.only and product_id not in checked.only):
            raise RequestError(f"must[{position}]", "a product that `only` and `exclude` leave", product_id)
    return SavedRequest(request, judged["must"], judged["may"], judged["must_not"])


def check_judgements(judged: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a product that is judged twice."""
    seen: dict[str, str] = {}
    for name, products in judged.items():
        for position, product_id in enumerate(products):
            if product_id in seen:
                raise RequestError(f"{name}[{position}]", f"a product that is not in {seen[product_id]}", product_id)
            seen[product_id] = name
