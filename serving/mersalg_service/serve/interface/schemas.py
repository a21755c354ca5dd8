"""The JSON of the service as JSON Schema, for its OpenAPI document.

Requests are checked by `mersalg.requests`, as everywhere; the schemas say the same to generators of clients, and the
tests hold the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mersalg.customer import MAX_QUANTITY
from mersalg.names import BETTER, KINDS, LANGUAGES, MOMENTS, ORDERS
from mersalg.offers import OFFER_FIELDS, REASONS
from mersalg.requests import MAX_LIMIT, MAX_ONLY
from mersalg_service.serve.customers import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from mersalg_service.experiment import Experiment

Schema = dict[str, Any]

PRODUCT_ID: Final[Schema] = {"type": "string", "minLength": 1, "pattern": "^[^\\u0000]+$", "examples": ["868075"]}
KIND: Final[Schema] = {"type": "string", "enum": list(KINDS)}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}


OPEN_TO_ALL: Final[Schema] = {"security": []}
"""Of a route that needs no key."""


def product_ids(text: str, **more: Any) -> Schema:
    """A list of product ids, or null for none."""
    return {"type": ["array", "null"], "items": PRODUCT_ID, "description": text, **more}


FORM_OF_ADDRESS: Final = "^models:/[^/@:\\u0000]{1,200}(@[A-Za-z0-9_-]{1,255}|/[0-9]{1,9})$"
"""As `mersalg.registry.address` has it."""


def record(required: list[str], **properties: Schema) -> Schema:
    """An object of exactly these properties."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def named(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


LINE: Final[Schema] = {
    "type": "object",
    "required": ["product_id", "ordered_at"],
    "properties": {
        "product_id": PRODUCT_ID,
        "ordered_at": TIME,
        "quantity": {"type": ["number", "null"], "minimum": -MAX_QUANTITY, "maximum": MAX_QUANTITY},
        "unit_price": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": MAX_QUANTITY,
            "description": "What was paid, for the budget of a policy.",
        },
    },
}
ID: Final[Schema] = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": 200,
    "pattern": "^[^\\u0000]+$",
    "description": "As the orders have it; goes into the record of the trial.",
}
AMOUNT: Final[Schema] = {"type": ["number", "null"], "minimum": 0}
SHOPPER: Final[Schema] = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "region": {"type": ["string", "null"], "minLength": 1},
        "age": AMOUNT,
        "owned": product_ids("What the shopper has beside the history."),
        "budget": AMOUNT,
    },
    "description": "Facts for the rules of the policy. Nothing of it is kept.",
}
REQUEST: Final = record(
    [],
    request_id={"type": "string", "description": "Repeated in the offers."},
    cart=product_ids("What lies in the cart, is looked at, or has just been paid for."),
    history={
        "type": ["array", "null"],
        "items": named("Line"),
        "description": "What the customer bought before. Nothing of it is kept.",
    },
    at={
        "type": ["string", "null"],
        "format": "date-time",
        "description": "The time of the request; null for now. With a zone exactly where the history has them.",
    },
    moment={"type": "string", "enum": list(MOMENTS), "default": "cart"},
    kinds={"type": ["array", "null"], "items": KIND, "description": "Null for those of the moment."},
    limit={"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": 3},
    exclude=product_ids("What may not be offered."),
    only=product_ids("Where there is any, nothing else is offered.", maxItems=MAX_ONLY),
    order={"type": ["string", "null"], "enum": [*ORDERS, None], "default": "relevance"},
    language={"type": "string", "enum": list(LANGUAGES), "default": "en", "description": "Of the reasons."},
)
FACT: Final[Schema] = {"type": ["number", "null"]}
OFFER: Final = record(
    [*OFFER_FIELDS, "name", "reason"],
    request_id={"type": "string"},
    rank={"type": "integer", "minimum": 1},
    product_id=PRODUCT_ID,
    kind=KIND,
    relevance={"type": "number", "minimum": 0, "maximum": 1, "description": "The probability that it is bought."},
    score={"type": "number"},
    because={"type": ["string", "null"], "description": "The product that brought the offer."},
    lift={**FACT, "description": "Of a new product: bought with it so many times as often as chance."},
    due_in_days={**FACT, "description": "Of a replacement; negative when overdue."},
    interval_days={**FACT, "description": "Of an own product: days from one purchase to the next."},
    times_bought={"type": "integer", "minimum": 0, "description": "Lines of the history with it."},
    better={"type": "array", "items": {"enum": list(BETTER)}, "description": "Of an upsell: in what it is better."},
    price_step={**FACT, "description": "Of an upsell: what it costs more than its anchor, by the policy's catalogue."},
    name={"type": "string", "description": "Of the product; its id where it has none."},
    reason={"type": "string", "description": "Why it is offered, in the language of the request."},
    propensity={**FACT, "description": "Where orders are drawn: the chance that it stands in this place."},
)
ANSWER: Final = record(
    ["offers", "reason", "retrieved", "best_relevance"],
    offers={"type": "array", "items": named("Offer")},
    reason={"type": ["string", "null"], "enum": [*REASONS, None], "description": "Set exactly when there is no offer."},
    retrieved={"type": "integer", "minimum": 0},
    best_relevance={"type": "object", "propertyNames": KIND, "additionalProperties": {"type": "number"}},
    bundle={"type": "string", "description": "The version of the bundle that answered."},
    explored={"type": "boolean", "description": "Where orders are drawn: this one was."},
    filtered={
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "description": "Rule of the policy -> offers that it took out.",
    },
    beside={"type": "array", "items": named("Comparison"), "description": "Each offer beside its anchor, as ordered."},
)
COMPARISON: Final = record(
    ["price", "anchor_price", "difference", "attributes"],
    price={"type": ["number", "null"]},
    anchor_price={"type": ["number", "null"]},
    difference={"type": ["number", "null"], "description": "What the offer costs more."},
    attributes={"type": "object", "description": "Attribute -> the anchor's and the offer's, where they differ."},
)
PROBLEM: Final[Schema] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"type": "string", "description": "The detail, as the Open Inference Protocol calls it."},
        "field": {"type": "string", "description": "The field of the request that is wrong."},
        "expected": {"type": "string"},
    },
}
BUNDLE: Final = record(
    ["name", "version", "address", "since"],
    name={"type": "string"},
    version={"type": "string", "description": "The first twelve hexadecimal digits of the scorer's SHA-256."},
    address={"type": "string"},
    since=TIME,
)
NEWEST: Final = record(["error", "since"], error={"type": "string"}, since=TIME)


CUSTOMER: Final[Schema] = {
    "type": ["string", "null"],
    "minLength": 1,
    "maxLength": MAX_KEY_LENGTH,
    "description": "Your key of the customer. A history that is sent with it is kept in memory; without one "
    "the kept history counts, and where there is none the answer is 409: send the history again.",
}


def request_schema(is_under_policy: bool, ids: dict[str, Schema] | None, *, keeps_customers: bool) -> Schema:
    """A request; facts of a shopper belong to it where a policy heeds them, ids where answers are recorded."""
    more = {"shopper": SHOPPER} if is_under_policy else {}
    if keeps_customers:
        history = {**REQUEST["properties"]["history"], "description": "What the customer bought before."}
        more |= {"customer": CUSTOMER, "history": history}
    required = [name for name, schema in (ids or {}).items() if schema["type"] == "string"]
    return {**REQUEST, "required": required, "properties": {**REQUEST["properties"], **more, **(ids or {})}}


def ids_taken(trial: Experiment | None) -> dict[str, Schema]:
    """The ids of a request whose answer is recorded; the one that a trial draws by may be needed."""
    ids = {"customer_id": ID, "order_id": ID}
    if trial is not None and trial.without_unit is None:
        ids[f"{trial.unit}_id"] = {**ID, "type": "string"}
    return ids


def all_schemas(
    most_requests: int, is_under_policy: bool, ids: dict[str, Schema] | None = None, *, keeps_customers: bool = False
) -> dict[str, Schema]:
    """The schemas by name; ids: those that a request takes where answers are recorded."""
    threshold: Schema = {
        "type": "boolean",
        "default": True,
        "description": "False ranks everything that was retrieved.",
    }
    if ids is not None:
        threshold = {"type": "boolean", "enum": [True], "default": True}
    scored = record(
        ["requests"],
        requests={"type": "array", "items": named("Request"), "maxItems": most_requests},
        threshold=threshold,
    )
    return {
        "Line": LINE,
        "Request": request_schema(is_under_policy, ids, keeps_customers=keeps_customers),
        **({"Forgotten": record(["forgotten"], forgotten={"type": "boolean"})} if keeps_customers else {}),
        "Offer": OFFER,
        "Answer": ANSWER,
        "Comparison": COMPARISON,
        "Requests": scored,
        "Answers": record(
            ["answers", "bundle"], answers={"type": "array", "items": named("Answer")}, bundle={"type": "string"}
        ),
        "Problem": PROBLEM,
        "Bundle": BUNDLE,
        "State": record(
            ["ready", "bundle", "refused"],
            ready={"type": "boolean"},
            bundle={"anyOf": [named("Bundle"), {"type": "null"}]},
            refused={"anyOf": [named("Refusal"), {"type": "null"}]},
        ),
        "Refusal": NEWEST,
        "Wanted": record(
            ["bundle"],
            bundle={
                "type": "string",
                "pattern": FORM_OF_ADDRESS,
                "description": "models:/NAME@ALIAS or models:/NAME/VERSION",
            },
            name={"type": "string", "minLength": 1, "maxLength": 200, "default": "default"},
        ),
        "Deployment": record(
            ["name", "bundle", "earlier", "served"],
            name={"type": "string"},
            bundle={"type": "string"},
            earlier={"type": "array", "items": {"type": "string"}},
            served={"anyOf": [named("Bundle"), {"type": "null"}]},
        ),
    }
