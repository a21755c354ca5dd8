"""Offers as a shop's pages and feeds have them: GA4's items, JSON-LD, and Merchant Center's related products."""

from mersalg_service.pages.shapes import PageFacts, RelatedProducts, ga4_items, json_ld

__all__ = ["PageFacts", "RelatedProducts", "ga4_items", "json_ld"]
