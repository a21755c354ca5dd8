"""Offers in the shapes that a shop's pages and feeds already have: GA4 items, JSON-LD, Merchant Center's relations.

GA4: the parameters of `view_item_list` and `select_item`, https://developers.google.com/analytics/devguides/collection/
ga4/reference/events. Merchant Center: "Related product [related_product]", https://support.google.com/merchants/answer/
17085213. JSON-LD: https://schema.org/Product with isRelatedTo, isSimilarTo and isAccessoryOrSparePartFor.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from mersalg.names import Kind, Moment
from mersalg.offers import Offer, Offers
from mersalg.policy.catalogue import Catalogue, Product

RELATIONS: Final[Mapping[Kind, str]] = {
    "cross-sell": "often_bought_with", "add-on": "accessory", "upsell": "substitute",
}  # fmt: skip
"""Kind -> Merchant Center's relationship_type of the offered product to its anchor. The others offer the same again."""
MAX_RELATIONS: Final = 30
"""Of one product."""
FEED_ID: Final = r"[A-Za-z0-9_-]+"
"""What an identifier of a related product may be."""
ALONE: Final = "no other product brings them"
"""Why an offer has no place beside a product."""
PROPERTIES: Final[Mapping[Kind, str]] = {"cross-sell": "isRelatedTo", "upsell": "isSimilarTo"}
"""Kind -> schema.org's property of the anchor. An add-on has one of its own, isAccessoryOrSparePartFor."""


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What pages say of products."""

    name: Callable[[str], str]
    """Product id -> name, as `recommender.name`."""
    catalogue: Mapping[str, Product] = field(default_factory=Catalogue)
    """Prices, brands and categories of today."""
    currency: str | None = None
    """Of the prices, as EUR; without one JSON-LD has no prices."""


def ga4_items(offers: Offers, moment: Moment, facts: PageFacts) -> dict[str, Any]:
    """The `ecommerce` object of a `view_item_list` event; an item of it is one of `select_item` and `add_to_cart`.

    The list is the moment, and that of each item its moment and kind, so that GA4 itself attributes what is bought.
    """
    where = moment.replace("-", "_")
    items = []
    for offer in offers:
        product = facts.catalogue.get(offer.product_id)
        told = {
            "item_id": offer.product_id,
            "item_name": facts.name(offer.product_id),
            "index": offer.rank - 1,
            "item_list_id": f"mersalg_{where}_{offer.kind.replace('-', '_')}",
            "item_list_name": f"mersalg {moment}: {offer.kind}",
            "item_brand": product.brand if product else None,
            "item_category": product.category if product else None,
            "price": product.price if product else None,
        }
        items.append({name: value for name, value in told.items() if value is not None})
    currency = {"currency": facts.currency} if facts.currency else {}
    return {"item_list_id": f"mersalg_{where}", "item_list_name": f"mersalg {moment}", **currency, "items": items}


def json_ld(offers: Offers, facts: PageFacts) -> dict[str, dict[str, Any]]:
    """Anchor -> the JSON-LD document of what goes with it; an offer without an anchor, or of it again, is in none.

    A document is a graph: the anchor with what isRelatedTo it and isSimilarTo it, and each add-on, which
    isAccessoryOrSparePartFor it. Offers stay in their order.
    """
    documents: dict[str, dict[str, Any]] = {}
    for offer in offers:
        anchor = anchor_of(offer)
        if anchor is None:
            continue
        if anchor not in documents:
            node = {"@id": node_id(anchor), **product_node(anchor, facts)}
            documents[anchor] = {"@context": "https://schema.org", "@graph": [node]}
        graph = documents[anchor]["@graph"]
        offered = product_node(offer.product_id, facts)
        if offer.kind == "add-on":
            graph.append({**offered, "isAccessoryOrSparePartFor": {"@id": node_id(anchor)}})
        else:
            graph[0].setdefault(PROPERTIES[offer.kind], []).append(offered)
    return documents


def product_node(product_id: str, facts: PageFacts) -> dict[str, Any]:
    """A product of schema.org with its name, brand and price, as far as these are known."""
    node: dict[str, Any] = {"@type": "Product", "sku": product_id, "name": facts.name(product_id)}
    product = facts.catalogue.get(product_id)
    if product is not None and product.brand:
        node["brand"] = {"@type": "Brand", "name": product.brand}
    if product is not None and product.price is not None and facts.currency:
        node["offers"] = {"@type": "Offer", "price": product.price, "priceCurrency": facts.currency}
    return node


def node_id(product_id: str) -> str:
    """The product's name inside its document."""
    return f"#product-{quote(product_id, safe='')}"


def anchor_of(offer: Offer) -> str | None:
    """The other product that an offer goes with; None where there is none, or the offer is of the same again."""
    return offer.because if offer.kind in RELATIONS and offer.because != offer.product_id else None


class RelatedProducts:
    """Gathers what goes with each product out of many answers, for a supplemental feed of Merchant Center."""

    def __init__(self) -> None:
        self.related: dict[str, dict[tuple[str, str], float]] = {}
        """Product id -> (relationship_type, related product id) -> the best relevance of such an offer."""
        self.left_out: Counter[str] = Counter()
        """Why offers are not in the feed."""

    def add(self, offers: Offers) -> None:
        """Take in an answer."""
        for offer in offers:
            anchor = anchor_of(offer)
            if anchor is None:
                self.left_out[ALONE] += 1
            elif not re.fullmatch(FEED_ID, offer.product_id):
                self.left_out["an id with other signs than letters, digits, - and _"] += 1
            else:
                relations = self.related.setdefault(anchor, {})
                key = (RELATIONS[offer.kind], offer.product_id)
                relations[key] = max(offer.relevance, relations.get(key, 0.0))

    def rows(self) -> Iterator[tuple[str, str]]:
        """The id and the attribute `related_product` of each product, by id: the most relevant relations first."""
        for anchor, relations in sorted(self.related.items()):
            best = sorted(relations, key=lambda key: (-relations[key], key))[:MAX_RELATIONS]
            yield anchor, ",".join(f"{relation}:id:{product_id}" for relation, product_id in best)
