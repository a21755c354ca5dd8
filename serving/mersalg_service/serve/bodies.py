"""Bytes of a call to checked requests, and offers to bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from mersalg.bundle.files import nests_deeper
from mersalg.customer import Customer
from mersalg.errors import RequestError
from mersalg.offers import Comparison, Offers
from mersalg.reasons import read_language
from mersalg.requests import Request, read_mapping
from mersalg_service.experiment import ExploredOffers
from mersalg_service.serve.live_bundle import LiveBundle, Served
from mersalg_service.serve.problems import CallError

MAX_BODY_DEPTH: Final = 32
"""Lists and objects inside each other; a request needs four."""
ROUND: Final = bytes.maketrans(b"[]{}", b"()()")
NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. CallError (400) for anything else; NaN and infinities are no JSON."""
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=refuse_constant)
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise CallError(400, f"body: expected JSON in UTF-8, got {error}") from None
    if may_nest_deeper(body, MAX_BODY_DEPTH) and nests_deeper(document, MAX_BODY_DEPTH):
        raise too_deep()
    if not isinstance(document, dict):
        raise RequestError("body", "a JSON object", document)
    return document


def may_nest_deeper(body: bytes, most: int) -> bool:
    """Whether its brackets nest deeper, those within texts counted like the others: quick, and never wrong in a no."""
    brackets = body.translate(ROUND, delete=NO_BRACKETS)
    for _ in range(most):
        if not brackets:
            return False
        brackets = brackets.replace(b"()", b"")
    return bool(brackets)


def too_deep() -> CallError:
    """The refusal of a body for its nesting."""
    return CallError(400, f"body: expected at most {MAX_BODY_DEPTH} lists and objects inside each other, got more")


def refuse_constant(name: str) -> Any:
    """NaN and infinities are no JSON."""
    raise ValueError(f"the constant {name}")


def read_one(document: Mapping[str, Any]) -> Request:
    """A checked request, with its language. JSON knows one sort of number: 3.0 is a whole one."""
    if not isinstance(document.get("customer"), Customer | None):
        expected = "none, for no customers are kept here; `mersalg serve --customers N` keeps them"
        raise RequestError("customer", expected, document["customer"])
    language = read_language(document.get("language", "en"))
    document = {name: value for name, value in document.items() if name != "language"}
    limit = document.get("limit")
    if isinstance(limit, float) and limit.is_integer():
        document = {**document, "limit": int(limit)}
    return replace(read_mapping(document), language=language)


def read_many(
    document: Mapping[str, Any], most: int, read: Callable[[Mapping[str, Any]], Request] = read_one
) -> tuple[list[Request], bool]:
    """Checked requests, and whether the threshold holds for them; a RequestError says which request it is."""
    for name in document:
        if name not in ("requests", "threshold"):
            raise RequestError(name, "one of the fields requests, threshold", name)
    result, threshold = document.get("requests"), document.get("threshold", True)
    if not isinstance(result, list):
        raise RequestError("requests", "a list of requests", result)
    if len(result) > most:
        raise RequestError("requests", f"at most {most} requests", len(result))
    if not isinstance(threshold, bool):
        raise RequestError("threshold", "true or false", threshold)
    requests = []
    for position, one in enumerate(result):
        if not isinstance(one, dict):
            raise RequestError(f"requests[{position}]", "a JSON object", one)
        try:
            requests.append(read(one))
        except RequestError as error:
            raise type(error)(f"requests[{position}].{error.field}", error.expected, error.got) from None
    return requests, threshold


def answer_of(offers: Offers, name: Callable[[str], str], language: str) -> dict[str, Any]:
    """An answer by the names of `Offers`, each offer with its name and reason.

    Under a policy also what it took out, and each offer beside its anchor; where orders are drawn, each offer's chance.
    """
    answer: dict[str, Any] = {
        "offers": [
            {**offer.to_dict(), "name": name(offer.product_id), "reason": offer.reason.text(name, language)}
            for offer in offers
        ],
        "reason": offers.reason,
        "retrieved": offers.retrieved,
        "best_relevance": offers.best_relevance,
    }
    if isinstance(offers, ExploredOffers):
        answer["explored"] = offers.explored
        for told, propensity in zip(answer["offers"], offers.propensity, strict=True):
            told["propensity"] = propensity
    if offers.filtered:
        answer["filtered"] = dict(offers.filtered)
    if offers.beside:
        answer["beside"] = [comparison_of(comparison) for comparison in offers.beside]
    return answer


def comparison_of(comparison: Comparison) -> dict[str, Any]:
    """An offer beside its anchor."""
    return {
        "price": comparison.price,
        "anchor_price": comparison.anchor_price,
        "difference": comparison.difference,
        "attributes": {name: list(pair) for name, pair in comparison.attributes.items()},
    }


def bundle_of(served: Served) -> dict[str, Any]:
    """Which bundle answers, and since when."""
    return {"name": served.name, "version": served.version, "address": served.address, "since": time_of(served.since)}


def state_of(live: LiveBundle) -> dict[str, Any]:
    """Whether there is a bundle, which, and why it is not a newer one."""
    served, refusal = live.served, live.refusal
    return {
        "ready": served is not None,
        "bundle": bundle_of(served) if served is not None else None,
        "refused": {"error": refusal.error, "since": time_of(refusal.since)} if refusal is not None else None,
    }


def time_of(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def to_bytes(document: Any) -> bytes:
    """JSON in ASCII, which every encoding that a caller may assume reads alike."""
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
