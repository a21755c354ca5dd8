"""Saved requests: carts that somebody cares about, each with what must, may and must not be offered for it.

JSON Lines, each a request as `mersalg score` reads it; what is in none of the lists is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mersalg.errors import MersalgError, RequestError, name_of
from mersalg.offers import Offers
from mersalg.recommender import AnswersRequests, stream_answers
from mersalg.requests import read_mapping, read_product_ids
from mersalg.table import REQUIRED

JUDGEMENTS: Final = ("must", "may", "must_not")


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
    missing: tuple[str, ...]
    """Of `must`."""
    unwanted: tuple[str, ...]
    """Of `must_not`."""

    @property
    def kept(self) -> bool:
        """Nothing is missing and nothing unwanted."""
        return not self.missing and not self.unwanted


def read_saved_requests(file: Path) -> list[SavedRequest]:
    """The saved requests of a file, in its order. MersalgError names the line and the field that does not hold."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MersalgError(f"{file}: cannot be read as JSON Lines in UTF-8: {error}") from None
    result: dict[str, SavedRequest] = {}
    for number, line in enumerate(lines, start=1):
        where = f"{file}, line {number}"
        try:
            if line.strip():
                saved = read_saved(json.loads(line, object_pairs_hook=distinct))
                if saved.request_id in result:
                    raise RequestError("request_id", "an id that no other line has", saved.request_id)
                result[saved.request_id] = saved
        except RequestError as error:
            raise error.at(where) from None
        except (ValueError, RecursionError) as error:
            raise MersalgError(f"{where}: expected a JSON object, got {error}") from None
    if not result:
        raise MersalgError(f"{file}: expected at least one request, got none")
    return list(result.values())


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without a key that stands twice."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(name_of(name), "one value", "several")
    return dict(pairs)


def read_saved(document: Any) -> SavedRequest:
    """A checked request with its judgements; RequestError names the field."""
    if not isinstance(document, dict):
        raise RequestError("request", "a JSON object", document)
    for name in REQUIRED:
        if not document.get(name) and document.get(name) != []:
            raise RequestError(name, "a value", document.get(name))
    request = {name: value for name, value in document.items() if name not in JUDGEMENTS}
    checked = read_mapping(request)
    if checked.history and document.get("at") is None:
        raise RequestError("at", "a time, up to which the history is aged", None)
    judged = [tuple(read_product_ids(document.get(name), name)) for name in JUDGEMENTS]
    once = [product_id for products in judged for product_id in products]
    for product_id in once:
        if once.count(product_id) > 1:
            raise RequestError(", ".join(JUDGEMENTS), "a product once", product_id)
    if "limit" in checked.stated and len(judged[0]) > checked.limit:
        raise RequestError("must", f"at most {checked.limit} products, the request's limit", judged[0])
    return SavedRequest(request, *judged)


def check_saved(by: AnswersRequests, saved: Sequence[SavedRequest]) -> list[SavedOutcome]:
    """The outcome of each saved request, in order; `by` may stand under a policy."""
    result = []
    for one, offers in zip(saved, stream_answers(by, [one.request for one in saved]), strict=True):
        offered = [offer.product_id for offer in offers]
        missing = tuple(product_id for product_id in one.must if product_id not in offered)
        unwanted = tuple(product_id for product_id in offered if product_id in one.must_not)
        result.append(SavedOutcome(one, offers, missing, unwanted))
    return result


def outcomes_text(outcomes: Sequence[SavedOutcome], name: Callable[[str], str]) -> str:
    """What was expected of each request and what came, and the counts."""

    def named(products: Sequence[str]) -> str:
        return ", ".join(f"{one} ({name(one)})" for one in products)

    lines = []
    made = welcome = 0
    for outcome in outcomes:
        saved, offered = outcome.saved, [offer.product_id for offer in outcome.offers]
        made += len(offered)
        welcome += sum(one in (*saved.must, *saved.may) for one in offered)
        told = {
            "must": saved.must, "may": saved.may, "must not": saved.must_not,
            "came": offered, "missing": outcome.missing, "unwanted": outcome.unwanted,
        }  # fmt: skip
        lines.append(f"{'kept' if outcome.kept else 'BROKEN':8}{saved.request_id}")
        lines += [f"  {what:10}{named(products)}" for what, products in told.items() if products]
        lines += [f"  came      nothing: {outcome.offers.reason}"] * (not offered)
    unwanted = sum(len(outcome.unwanted) for outcome in outcomes)
    broken = sum(not outcome.kept for outcome in outcomes)
    counts = f"{welcome:,} welcome, {unwanted:,} unwanted, {made - welcome - unwanted:,} not judged"
    return "\n".join([*lines, f"\n{len(outcomes):,} saved requests, {broken:,} broken; {made:,} offers: {counts}"])
