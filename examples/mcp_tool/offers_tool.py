"""A tool for shop agents over `mersalg serve`: `python offers_tool.py` speaks the Model Context Protocol on stdio.

The agent gets the offers that are worth making and why; where there is none, it is told why not, and to make none up.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final, Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from mersalg.offers import REASONS, Reason

SERVICE: Final = os.environ.get("MERSALG_SERVICE", "http://127.0.0.1:8000")
KEY: Final = os.environ.get("MERSALG_API_KEY", "")
SECONDS: Final = 5.0
"""For one call of the service."""
INSTRUCTIONS: Final = (
    "Ask follow_on_offers before you suggest anything to buy beside a cart or after an order. Suggest only what it "
    "gives, with its reason. Where it gives nothing, suggest nothing: no offer is the right answer then."
)
server = MCPServer("mersalg", instructions=INSTRUCTIONS)


class Bought(BaseModel):
    """A product that the customer bought before."""

    product_id: str
    ordered_at: str = Field(description="ISO 8601")
    quantity: float = 1.0


class Suggestion(BaseModel):
    """A product to offer."""

    product_id: str
    name: str
    kind: str = Field(description="cross-sell, add-on, upsell, more-of-same or replacement")
    relevance: float = Field(description="the calibrated probability that it is bought")
    reason: str = Field(description="why, in a sentence for the shopper")


class Answer(BaseModel):
    """The offers, best first, or none and why."""

    offers: list[Suggestion]
    why_none: str | None = Field(description="set exactly when there is no offer")


@server.tool()
def follow_on_offers(
    cart: list[str],
    moment: Literal["product-page", "cart", "checkout", "order-confirmation", "follow-up"] = "cart",
    history: list[Bought] | None = None,
    limit: int = 3,
    language: Literal["en", "da", "no", "sv"] = "en",
) -> Answer:
    """What is worth offering beside a cart (product ids) or to a customer with a history; often nothing."""
    lines = [line.model_dump() for line in history or []]
    request = {"cart": cart, "moment": moment, "history": lines, "limit": limit, "language": language}
    answer = ask(request)
    offers = [Suggestion.model_validate(offer) for offer in answer["offers"]]
    return Answer(offers=offers, why_none=None if offers else why_none(answer["reason"]))


def why_none(reason: Reason) -> str:
    """The service's reason, and what it means."""
    return f"{reason}: {REASONS[reason]}"


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """The service's answer; ToolError, which the agent reads, says what was wrong."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {KEY}"} if KEY else {})
    call = Request(f"{SERVICE}/v1/recommend", json.dumps(request).encode(), headers)
    try:
        with urlopen(call, timeout=SECONDS) as response:
            return dict(json.load(response))
    except HTTPError as error:
        raise ToolError(f"refused: {json.load(error).get('detail', error.reason)}") from None
    except (URLError, TimeoutError) as error:
        raise ToolError(f"the shop's offers cannot be reached at {SERVICE}: {error}; go on without them") from None


if __name__ == "__main__":
    server.run()
