"""Claims: what the catalogue says becomes codes, and what it does not say stays unknown."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from mersalg_training.data.attributes import Attributes, encoded, read_attributes

PRODUCTS = """
SELECT * FROM (VALUES
    ('p2', 'Milk', 'drink', 'dairy', NULL, 1.5, NULL, true, '1 qt', 'fat|lactose free', NULL, NULL, 'p1', NULL, NULL),
    ('p1', NULL, NULL, 'dairy', 'Farm', NULL, 0.5, false, NULL, NULL, 'v', 'p3; gone', NULL, 'p2|p3', NULL),
    ('p3', 'Bread', 'loaf', 'bakery', 'Oven', 3.0, 1.0, true, NULL, NULL, NULL, NULL, NULL, NULL, 'p2; gone')
) t(product_id, name, product_type, category, brand, price, cost, listed, size, features, variant_of, accessory_for,
    excludes, similar_to, successor_of)
"""


def read(products: str = PRODUCTS) -> Attributes:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE products AS {products}")
        return read_attributes(connection)


def test_products_stand_by_ascending_id() -> None:
    assert read().names == ["p1", "Milk", "Bread"]


def test_a_product_without_a_name_is_called_by_its_id() -> None:
    assert read().names[0] == "p1"


def test_codes_are_positions_among_the_sorted_names_and_the_unknown_is_one_past_the_last() -> None:
    attributes = read()
    assert attributes.product_types == ["drink", "loaf"]
    assert attributes.product_type.tolist() == [2, 0, 1]
    assert attributes.categories == ["bakery", "dairy"]
    assert attributes.category.tolist() == [1, 1, 0]
    assert attributes.brands == ["Farm", "Oven"]
    assert attributes.brand.tolist() == [0, 2, 1]


def test_an_unknown_price_is_nan() -> None:
    attributes = read()
    assert np.isnan(attributes.price).tolist() == [True, False, False]
    assert attributes.price.dtype == np.float32
    assert np.isnan(attributes.cost).tolist() == [False, True, False]


def test_what_the_catalogue_names_is_told_from_what_order_lines_alone_know() -> None:
    assert read().listed.tolist() == [False, True, True]


def test_a_column_that_is_empty_throughout_has_no_names() -> None:
    attributes = read(f"SELECT * REPLACE (CAST(NULL AS VARCHAR) AS brand) FROM ({PRODUCTS})")
    assert attributes.brands == []
    assert attributes.brand.tolist() == [0, 0, 0]


def test_a_name_that_looks_like_a_filler_is_a_name() -> None:
    codes, names = encoded(["?", None, "None"])
    assert names == ["?", "None"]
    assert codes.tolist() == [0, 2, 1]


def test_sizes_features_and_relations_are_read_by_product() -> None:
    attributes = read()
    assert attributes.sizes == [None, (pytest.approx(946.35, abs=0.01), "ml"), None]
    assert attributes.features == [frozenset(), {"fat", "lactose free"}, frozenset()]
    assert attributes.variant_of == ["v", None, None]
    assert attributes.accessory_for == [{2}, None, None], "what is not in the catalogue is left out"
    assert attributes.excludes == [set(), {0}, set()]
    assert attributes.similar_to == [{1, 2}, set(), set()]
    assert attributes.successor_of == [set(), set(), {1}]
