"""An offer beside its anchor: what it costs more, and what differs."""

from __future__ import annotations

from mersalg.offers import Comparison, Offer
from mersalg.policy.catalogue import Catalogue, Product


def compared(offer: Offer, catalogue: Catalogue) -> Comparison:
    """Offer and anchor in the catalogue of today; attributes where the two are of one type."""
    product = catalogue.get(offer.product_id) or Product(offer.product_id)
    if offer.because is None or offer.because == offer.product_id:
        return Comparison(product.price, None, None, {})
    anchor = catalogue.get(offer.because) or Product(offer.because)
    difference = None
    if product.price is not None and anchor.price is not None:
        difference = round(product.price - anchor.price, 6)
    alike = product.product_type is not None and product.product_type == anchor.product_type
    differing = differing_attributes(anchor, product) if alike or offer.kind == "upsell" else {}
    return Comparison(product.price, anchor.price, difference, differing)


def differing_attributes(anchor: Product, product: Product) -> dict[str, tuple[str | None, str | None]]:
    """Attribute -> the anchor's and the product's, in the anchor's order and then the product's own."""
    names = dict.fromkeys([*anchor.attributes, *product.attributes])
    pairs = {name: (anchor.attributes.get(name), product.attributes.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
