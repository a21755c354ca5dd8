"""What is known of a product before any order is read, as arrays: type, category, brand, price, name."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from mersalg.bundle.texts import MAX_NAME_CHARACTERS, ODD
from mersalg_training.data.timeline import Float32, Int32, plain


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


def read_attributes(connection: duckdb.DuckDBPyConnection) -> Attributes:
    """Read the table `products` that the data contract leaves, by ascending product id."""
    rows = connection.execute("""
        SELECT product_id, name, product_type, category, brand, price, cost, listed FROM products ORDER BY product_id
    """).fetchnumpy()
    product_type, product_types = encoded(plain(rows["product_type"]))
    category, categories = encoded(plain(rows["category"]))
    brand, brands = encoded(plain(rows["brand"]))
    ids = plain(rows["product_id"])
    return Attributes(
        names=[
            shown_name(str(name or "")) or str(product_id)
            for name, product_id in zip(plain(rows["name"]), ids, strict=True)
        ],
        product_type=product_type,
        product_types=product_types,
        category=category,
        categories=categories,
        brand=brand,
        brands=brands,
        price=with_nan(rows["price"]),
        cost=with_nan(rows["cost"]),
        listed=np.asarray(rows["listed"], dtype=np.bool_),
    )


def shown_name(text: str) -> str:
    """A name as a bundle may hold it: of characters that show, and cut."""
    return ODD.sub(" ", text).strip()[:MAX_NAME_CHARACTERS]


def encoded(values: list[str | None]) -> tuple[Int32, list[str]]:
    """Codes into the sorted distinct values; None becomes the code one past the last."""
    names = sorted({value for value in values if value is not None})
    code = {name: i for i, name in enumerate(names)}
    return np.array([len(names) if v is None else code[v] for v in values], dtype=np.int32), names


def with_nan(values: np.ma.MaskedArray | np.ndarray) -> Float32:
    """A nullable numeric column as float32, with NaN where the database has NULL."""
    return np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan).astype(np.float32)
