"""The shop's facts of today by product id. To change them, make another catalogue and replace the object."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal, get_args

from mersalg.errors import DataError, shown
from mersalg.offers import Comparison, Offer

Nature = Literal["consumable", "durable", "warranty", "subscription"]

NUMBERS: Final = ("price", "cost", "stock", "minimum_age", "lasts_days")
TEXTS: Final = ("product_type", "category", "brand", "variant_of")
LISTS: Final = ("regions", "accessory_for", "includes")
FACTS: Final = (*NUMBERS, *TEXTS, *LISTS, "nature", "attributes")
"""What may be known of a product; anything else in a row is not read."""
ATTRIBUTE: Final = "attribute."
"""A column of this prefix is one attribute."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product today. What is None or empty is not known, or does not restrict."""

    product_id: str
    price: float | None = None
    """Of one piece, in the catalogue's one currency."""
    cost: float | None = None
    stock: float | None = None
    """Pieces; None = not counted, as for a service."""
    minimum_age: float | None = None
    """Years; None = for everybody."""
    lasts_days: float | None = None
    """The usual days between two purchases, for which it is had."""
    product_type: str | None = None
    category: str | None = None
    brand: str | None = None
    variant_of: str | None = None
    """Of products that are variants of one another all name the same (schema.org isVariantOf)."""
    regions: tuple[str, ...] = ()
    """Where it is sold; empty = everywhere."""
    accessory_for: tuple[str, ...] = ()
    """Product ids that it fits, or that a warranty covers (schema.org isAccessoryOrSparePartFor)."""
    includes: tuple[str, ...] = ()
    """Product ids that somebody who has this one has as well, as a subscription includes a smaller one."""
    nature: Nature | None = None
    """None is treated as a consumable."""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)


class Catalogue(Mapping[str, Product]):
    """Product id -> product; immutable."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        """From mappings with product_id and any of FACTS. DataError names a wrong row, or a product that has two."""
        self.products: dict[str, Product] = {}
        self.known: dict[str, int] = dict.fromkeys(FACTS, 0)
        """Fact -> products of which it is known."""
        unread: dict[str, None] = {}
        for number, row in enumerate(rows, start=1):
            product = read_product(row, number)
            if product.product_id in self.products:
                raise DataError(
                    f"catalogue, row {number}: product_id: expected each once, got {product.product_id!r} again"
                )
            self.products[product.product_id] = product
            unread.update(dict.fromkeys(name for name in row if not is_read(name)))
            for fact in FACTS:
                value = getattr(product, fact)
                if value is not None and value not in ((), {}):
                    self.known[fact] += 1
        self.unread = tuple(unread)
        """Columns that are no fact."""
        values = [value for product in self.products.values() if (value := margin_of(product)) is not None]
        self.middle_value = median(values) if values else 1.0
        """Taken for the value of a product without a price, so that its relevance places it."""

    def __getitem__(self, product_id: str) -> Product:
        return self.products[product_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self.products)

    def __len__(self) -> int:
        return len(self.products)

    def knows(self, fact: str) -> bool:
        """Whether the fact is known of any product."""
        return self.known[fact] > 0

    def value(self, product_id: str) -> float:
        """What a sale brings today: price less cost; the price where the cost is unknown; else the middle of all."""
        product = self.products.get(product_id)
        value = margin_of(product) if product is not None else None
        return value if value is not None else self.middle_value

    def __repr__(self) -> str:
        return f"Catalogue({len(self)} products)"


def margin_of(product: Product) -> float | None:
    """Price less cost, or the price; None without a price."""
    return None if product.price is None else product.price - (product.cost or 0.0)


def is_read(name: str) -> bool:
    """Whether a column is a fact."""
    return name == "product_id" or name in FACTS or name.startswith(ATTRIBUTE)


def read_product(row: Mapping[str, Any], number: int) -> Product:
    """The checked product of a row, counted from 1."""
    where = f"catalogue, row {number}"
    if not isinstance(row, Mapping):
        raise DataError(f"{where}: expected a mapping with product_id, got {shown(row)}")
    product_id = row.get("product_id")
    if not isinstance(product_id, str) or not product_id:
        raise DataError(f"{where}: product_id: expected a text (write the number 42 as '42'), got {shown(product_id)}")
    where = f"catalogue, product {product_id!r}"
    facts: dict[str, Any] = {name: read_number(row[name], name, where) for name in NUMBERS if name in row}
    facts |= {name: read_text(row[name], name, where) for name in TEXTS if name in row}
    facts |= {name: read_list(row[name], name, where) for name in LISTS if name in row}
    nature = row.get("nature")
    if nature is not None and nature not in get_args(Nature):
        raise DataError(f"{where}: nature: expected one of {', '.join(get_args(Nature))}, got {shown(nature)}")
    return Product(product_id, **facts, nature=nature, attributes=read_attributes(row, where))


def read_number(value: Any, name: str, where: str) -> float | None:
    """A finite number; from 0, but for the stock."""
    if value is None:
        return None
    try:
        number = float(value) if not isinstance(value, bool | str | bytes) else math.nan
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (number < 0 and name != "stock"):
        raise DataError(f"{where}: {name}: expected a number{'' if name == 'stock' else ' from 0'}, got {shown(value)}")
    return number


def read_text(value: Any, name: str, where: str) -> str | None:
    """A text; an empty one is None."""
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: {name}: expected a text, got {shown(value)}")
    return value or None


def read_list(value: Any, name: str, where: str) -> tuple[str, ...]:
    """A list of texts."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(v, str) and v for v in value):
        raise DataError(f"{where}: {name}: expected a list of texts, got {shown(value)}")
    return tuple(value)


def read_attributes(row: Mapping[str, Any], where: str) -> dict[str, str]:
    """Attribute -> value as text, of the mapping `attributes` and of the columns of that prefix."""
    listed = row.get("attributes")
    if listed is not None and not isinstance(listed, Mapping):
        raise DataError(f"{where}: attributes: expected a mapping of name and value, got {shown(listed)}")
    result = dict(listed) if listed else {}
    for name, value in row.items():
        if name.startswith(ATTRIBUTE):
            result[name.removeprefix(ATTRIBUTE)] = value
    return {str(name): str(value) for name, value in result.items() if value is not None and value != ""}


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
