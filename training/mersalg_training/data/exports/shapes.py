"""What the exports of shop systems look like: which format a file is of, and what it lacks to be of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import duckdb

from mersalg.errors import DataError
from mersalg_training.columns import REQUIRED, Format, find_alias, plain_name
from mersalg_training.data.exports import catalogues, ga4, magento, shopify, woocommerce
from mersalg_training.data.exports.files import Export

Statement = Callable[[duckdb.DuckDBPyConnection, Export], str]


@dataclass(frozen=True)
class Shape:
    """One sort of file of a system."""

    format: Format
    title: str
    marks: tuple[str, ...]
    """Fields that such a file has, each by its names with `|` between them."""
    envelope: str
    """The field of a page of the API that holds the records; empty where there is none."""
    statement: Statement
    """SQL for its order lines, or its products."""

    def missing(self, columns: Iterable[str]) -> list[str]:
        """The marks that a file of these columns lacks, by their first name."""
        have = {plain_name(column) for column in columns}
        if self.envelope and plain_name(self.envelope) in have and len(have) <= MAX_PAGE_FIELDS:
            return []
        names = [mark.split("|") for mark in self.marks]
        return [some[0] for some in names if not have.intersection(map(plain_name, some))]


MAX_PAGE_FIELDS: Final = 4
"""A page of an API has its records, and little else: search criteria, a count."""
ORDERS: Final = (
    Shape("ga4", "GA4 events", ("event_name", "event_timestamp", "items"), "", ga4.lines),
    Shape(
        "shopify", "Shopify's orders (CSV)",
        ("Name", "Created at", "Lineitem quantity", "Lineitem name"), "", shopify.lines,
    ),
    Shape("shopify", "Shopify's orders (JSON)", ("name", "created_at", "line_items"), "orders", shopify.lines),
    Shape(
        "woocommerce", "WooCommerce orders",
        ("id", "status", "date_created_gmt|date_created", "line_items"), "", woocommerce.lines,
    ),
    Shape("magento", "Magento orders", ("increment_id", "created_at", "state", "items"), "items", magento.lines),
)  # fmt: skip
PRODUCTS: Final = (
    Shape(
        "shopify", "Shopify's products (CSV)",
        ("Handle|URL handle", "Title", "Variant SKU|SKU", "Variant Price|Price"), "", catalogues.shopify,
    ),
    Shape(
        "woocommerce", "WooCommerce products", ("id", "name", "categories", "regular_price"), "", catalogues.woocommerce
    ),
    Shape("magento", "Magento products", ("sku", "name", "type_id", "attribute_set_id"), "items", catalogues.magento),
)  # fmt: skip


def shape_of(export: Export, format: Format) -> Shape:
    """The shape that the files have of those of a format; DataError says what they lack, and what they look like."""
    ours = [shape for shape in ORDERS if shape.format == format]
    for shape in ours:
        if not shape.missing(export.columns):
            return shape
    lacks = min((shape.missing(export.columns) for shape in ours), key=len)
    wanted = " or ".join(shape.title for shape in ours)
    raise DataError(
        f"{export.key} = {export.location!r}: expected {wanted}, as data.format = {format!r} says; it has no "
        f"{', '.join(lacks)}. {likeness(export.columns, format)}\nFound: {', '.join(export.columns) or 'no fields'}"
    )


def likeness(columns: Iterable[str], but: Format) -> str:
    """What files of these columns look like, and what to set, in a sentence; empty where they look like nothing."""
    have = list(columns)
    for shape in ORDERS:
        if shape.format != but and not shape.missing(have):
            return f'It looks like {shape.title}: set data.format = "{shape.format}".'
    for shape in PRODUCTS:
        if not shape.missing(have):
            return f"It looks like {shape.title}: name it as data.products."
    if but != "table" and all(find_alias(column, have) for column in REQUIRED):
        return "It looks like a plain table of order lines: leave data.format out."
    return ""
