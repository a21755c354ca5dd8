"""What is known of a product before any order is read: type, category, brand, price, name, size, relations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg.bundle.texts import MAX_NAME_CHARACTERS, ODD
from mersalg_training.data.catalogue import RELATIONS, several
from mersalg_training.data.package_size import PackageSize, read_package_size, settle_ounces, without_sizes
from mersalg_training.data.timeline import Float32, Int32, plain

NONE: frozenset[int] = frozenset()
NO_BRAND: Final = -1
"""Of variants that the catalogue itself declares."""
LOOKS: Final = frozenset(
    re.findall(
        r"\w+",
        "black white red blue green yellow pink purple orange brown grey gray beige navy silver gold ivory cream "
        "turquoise teal aqua cyan magenta slate charcoal heather lime maroon light dark "
        "sort svart hvid hvit vit rød röd blå grøn grønn grön gul lilla brun grå "
        "xs s m l xl xxl xxxl small medium large mini",
    )
)
"""Words of a name by which variants of one product differ: colours, and sizes of clothes."""


@dataclass(frozen=True)
class Attributes:
    """Attributes by product code, in the order of the timeline's `product_ids`.

    A code of type, category or brand is a position in its list of names; what is unknown has the code one past the
    last, so that every code is a valid row of a table with one row more.
    """

    names: list[str]
    product_type: Int32
    product_types: list[str]
    category: Int32
    categories: list[str]
    brand: Int32
    brands: list[str]
    price: Float32
    """(n_products,) list price; NaN = unknown."""
    cost: Float32
    listed: npt.NDArray[np.bool_]
    """(n_products,) whether a catalogue names the product; others are known by their order lines alone."""
    sizes: Sequence[PackageSize | None] = ()
    """(n_products,) what one package holds; this and what follows may be empty, where nothing is known of any."""
    features: Sequence[frozenset[str]] = ()
    """(n_products,) what a product has that others of its type may lack."""
    variant_of: Sequence[str | None] = ()
    """(n_products,) what the variants of one product name in common."""
    accessory_for: Sequence[frozenset[int] | None] = ()
    """(n_products,) codes of the products that it fits; None = it declares nothing, and may go with any."""
    excludes: Sequence[frozenset[int]] = ()
    """(n_products,) codes of the products that it excludes, which exclude it, too."""
    similar_to: Sequence[frozenset[int]] = ()
    """(n_products,) codes of products instead of which it may be bought, and they instead of it."""
    successor_of: Sequence[frozenset[int]] = ()
    """(n_products,) codes of the products that it replaces, for good."""


def read_attributes(connection: duckdb.DuckDBPyConnection) -> Attributes:
    """Read the table `products` that the data contract leaves, by ascending product id."""
    rows = connection.execute(f"""
        SELECT product_id, name, product_type, category, brand, price, cost, listed,
               size, features, variant_of, {", ".join(RELATIONS)}
        FROM products ORDER BY product_id
    """).fetchnumpy()
    category, categories = encoded(plain(rows["category"]))
    brand, brands = encoded(plain(rows["brand"]))
    ids = plain(rows["product_id"])
    names = [
        shown_name(str(name or "")) or str(product_id)
        for name, product_id in zip(plain(rows["name"]), ids, strict=True)
    ]
    product_type, product_types = encoded(
        types_of_variants(names, brand.tolist(), plain(rows["variant_of"]), plain(rows["product_type"]))
    )
    code_of = {product_id: code for code, product_id in enumerate(ids)}

    def listed(name: str) -> list[frozenset[str] | None]:
        return [None if text is None else several(text) for text in plain(rows[name])]

    def codes(name: str) -> list[frozenset[int] | None]:
        return [
            None if values is None else frozenset(code_of[value] for value in values if value in code_of)
            for values in listed(name)
        ]

    return Attributes(
        names=names,
        product_type=product_type,
        product_types=product_types,
        category=category,
        categories=categories,
        brand=brand,
        brands=brands,
        price=with_nan(rows["price"]),
        cost=with_nan(rows["cost"]),
        listed=np.asarray(rows["listed"], dtype=np.bool_),
        sizes=read_sizes(plain(rows["size"]), names, product_type),
        features=[values or frozenset() for values in listed("features")],
        variant_of=plain(rows["variant_of"]),
        accessory_for=codes("accessory_for"),
        excludes=[named or NONE for named in codes("excludes")],
        similar_to=[named or NONE for named in codes("similar_to")],
        successor_of=[named or NONE for named in codes("successor_of")],
    )


def shown_name(text: str) -> str:
    """A name as a bundle may hold it: of characters that show, and cut."""
    return ODD.sub(" ", text).strip()[:MAX_NAME_CHARACTERS]


def read_sizes(texts: Sequence[str | None], names: Sequence[str], product_type: Int32) -> list[PackageSize | None]:
    """(n_products,) from the size that a catalogue says, else from the name."""
    sizes = [read_package_size(text or "") or read_package_size(name) for text, name in zip(texts, names, strict=True)]
    order = np.argsort(product_type, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(product_type[order])) + 1):
        for code, size in zip(members.tolist(), settle_ounces([sizes[code] for code in members.tolist()]), strict=True):
            sizes[code] = size
    return sizes


def encoded(values: list[str | None]) -> tuple[Int32, list[str]]:
    """Codes into the sorted distinct values; None becomes the code one past the last."""
    names = sorted({value for value in values if value is not None})
    code = {name: i for i, name in enumerate(names)}
    return np.array([len(names) if v is None else code[v] for v in values], dtype=np.int32), names


def with_nan(values: np.ma.MaskedArray | np.ndarray) -> Float32:
    """A nullable numeric column as float32, with NaN where the database has NULL."""
    return np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan).astype(np.float32)


def variant_of(name: str, brand: int, declared: str | None, product_type: str | None) -> tuple[str, int] | None:
    """What the variants of a product share: what the catalogue declares, else the brand and the name without its looks.

    None for a name that holds nothing else, or no more than the name of its type.
    """
    if declared is not None:
        return declared, NO_BRAND
    bare = without_looks(name.split("#", maxsplit=1)[0])
    return (bare, brand) if bare and (product_type is None or bare != without_looks(product_type)) else None


def types_of_variants(
    names: Sequence[str], brand: Sequence[int], declared: Sequence[str | None], product_type: Sequence[str | None]
) -> list[str | None]:
    """The types as they are, and for a product without one that of its variants, where it has any: their common name.

    So another colour of what is in the cart is more of the same, as a shop reads the word.
    """
    shared = [
        variant_of(*product) if product[3] is None else None
        for product in zip(names, brand, declared, product_type, strict=True)
    ]
    times = Counter(shared)
    return [
        variant[0] if variant is not None and times[variant] > 1 else known
        for variant, known in zip(shared, product_type, strict=True)
    ]


def without_looks(text: str) -> str:
    """The words of a name, in small letters, without sizes and LOOKS."""
    words = re.findall(r"[^\W\d_]+|\d+", without_sizes(text).lower())
    return " ".join(word for word in words if word not in LOOKS)
