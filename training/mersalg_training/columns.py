"""The columns that mersalg reads, the other names they go by, and what a missing one switches off."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, get_args

OrderColumn = Literal[
    "customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price", "is_fee", "no_purchase",
]  # fmt: skip
ProductColumn = Literal[
    "product_id", "name", "category", "product_type", "brand", "price", "cost", "is_fee",
    "size", "features", "variant_of", "accessory_for", "excludes", "similar_to", "successor_of",
]  # fmt: skip
OfferColumn = Literal[
    "customer_id", "order_id", "product_id", "kind", "moment", "offered_at", "position", "propensity", "accepted",
    "cart", "shown", "arm",
]  # fmt: skip
RecordColumn = Literal["experiment", "unit", "relevance", "because", "bundle", "arm_propensity", "explored"]
Column = Literal[
    "customer_id", "order_id", "product_id", "ordered_at", "quantity", "unit_price", "no_purchase",
    "name", "category", "product_type", "brand", "price", "cost", "is_fee",
    "size", "features", "variant_of", "accessory_for", "excludes", "similar_to", "successor_of",
    "kind", "moment", "offered_at", "position", "propensity", "accepted", "cart", "shown", "arm",
    "experiment", "unit", "relevance", "because", "bundle", "arm_propensity", "explored",
]  # fmt: skip

Format = Literal["table", "ga4", "shopify", "woocommerce", "magento"]
"""`data.format`: plain tables, or the system whose export the files are."""

ORDER_COLUMNS: Final[tuple[OrderColumn, ...]] = get_args(OrderColumn)
PRODUCT_COLUMNS: Final[tuple[ProductColumn, ...]] = get_args(ProductColumn)
OFFER_COLUMNS: Final[tuple[OfferColumn, ...]] = get_args(OfferColumn)
RECORD_COLUMNS: Final[tuple[OfferColumn | RecordColumn, ...]] = (*OFFER_COLUMNS, *get_args(RecordColumn))
"""Those of an exposure record: of its offers, and of the trial."""
REQUIRED: Final[tuple[OrderColumn, ...]] = ("order_id", "product_id", "ordered_at")

ALIASES: Final[dict[Column, tuple[str, ...]]] = {
    "customer_id": ("customer", "household_id", "user_id", "client_id", "member_id", "shopper_id"),
    "order_id": (
        "invoice", "invoice_no", "invoice_id", "order_no", "order_number", "transaction_id", "basket_id", "receipt_id",
    ),
    "product_id": ("stock_code", "sku", "item_id", "article_id", "product_code"),
    "ordered_at": (
        "invoice_date", "order_date", "transaction_timestamp", "purchase_date", "timestamp", "t_dat", "date",
    ),
    "quantity": ("qty", "units"),
    "unit_price": ("price", "sale_price", "price_paid"),
    "name": ("product_name", "prod_name", "title", "description"),
    "category": ("product_category", "department", "category_name"),
    "product_type": ("subcategory", "product_type_name", "product_subcategory", "garment_group_name", "type"),
    "brand": ("brand_name", "manufacturer"),
    "price": ("list_price", "unit_price", "retail_price"),
    "cost": ("standard_cost", "unit_cost", "cost_price"),
    "is_fee": (),
    "no_purchase": (),
    "size": ("package_size", "pack_size", "net_content", "net_contents", "net_weight", "volume_ml", "weight_g"),
    "features": (),
    "variant_of": ("is_variant_of", "item_group_id"),
    "accessory_for": ("is_accessory_or_spare_part_for",),
    "excludes": (),
    "similar_to": ("is_similar_to",),
    "successor_of": ("is_successor_of", "predecessor"),
    "kind": ("offer_kind", "offer_type"),
    "moment": ("touchpoint", "placement"),
    "offered_at": ("shown_at", "impression_at", "sent_at", "timestamp"),
    "position": ("rank", "slot"),
    "propensity": ("pscore", "action_prob"),
    "accepted": ("clicked", "converted", "redeemed"),
    "cart": ("basket", "cart_products"),
    "shown": ("was_shown", "displayed"),
    "arm": (), "experiment": (), "unit": (), "relevance": (), "because": (), "bundle": (),
    "arm_propensity": (), "explored": (),
}  # fmt: skip
"""Tried in this order where neither the mapping nor the column's own name is found; case, blanks, `_` and `-` do not
count, so `stock_code` finds `StockCode` and `Stock Code`."""

SWITCHED_OFF: Final[dict[Column, str]] = {
    "customer_id": (
        "no customer_id: more-of-same and replacement, next baskets, offers after payment, and all that is told "
        "by what a customer bought before"
    ),
    "quantity": "no quantity: each line counts as one; amounts and larger packs are not learned",
    "unit_price": "no unit_price: the price that was paid; prices come from the catalogue alone, revenue is list price",
    "name": "no name: offers and cards show product ids",
    "category": "no category: category features",
    "product_type": "no product_type and no category: upsell, and neighbours shared by a type",
    "brand": "no brand: brand features",
    "cost": "no cost: margins",
}
"""The sentence that is shown for each missing column; NO_PRICE where there is neither unit_price nor price."""

NO_PRICE: Final = "no unit_price and no price: upsell, the price rule of add-on, price features, and revenue"


def plain_name(name: str) -> str:
    """The name without case, blanks and punctuation, as names are compared with aliases."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_exact(name: str, columns: Iterable[str]) -> str | None:
    """The column of that name, its case aside; None if there is none."""
    return next((column for column in columns if column.lower() == name.lower()), None)


def find_alias(wanted: Column, columns: Iterable[str]) -> str | None:
    """The first column that goes by the wanted name in another spelling, or by one of its aliases."""
    spelled = {plain_name(column): column for column in reversed(list(columns))}
    return next((spelled[key] for key in map(plain_name, (wanted, *ALIASES[wanted])) if key in spelled), None)
