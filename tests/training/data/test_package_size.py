"""Claims: what a shop writes of a package's content is read as one amount, and what is not clear is not read."""

from __future__ import annotations

import pytest

from mersalg_training.data.package_size import PackageSize, read_package_size, settle_ounces, unit_of_column

CLEAR = {
    # from real catalogues, and the spellings of other countries
    "CANNED CAT FOOD 5.5 OZ": (5.5, "oz"),
    "5.5OZ": (5.5, "oz"),
    "16 OZ BTL": (16, "oz"),
    "P    16 OZ": (16, "oz"),
    "054700 7 OZ": (7, "oz"),
    "10 3/4 OZ": (10.75, "oz"),
    "1-1/2 LB": (680.39, "g"),
    "1/2 GAL": (1892.71, "ml"),
    "HALF GAL": (1892.71, "ml"),
    "FLUID MILK WHITE ONLY 1 GA": (3785.41, "ml"),
    "QT": (946.35, "ml"),
    "13 FL OZ (385 ml)": (384.46, "ml"),
    "16 oz (454 g)": (454, "g"),
    "12 PK/12 OZ": (144, "oz"),
    "12 OZ 12 PK": (144, "oz"),
    "24/16.9 OZ": (405.6, "oz"),
    "054700 6/12 OZ": (72, "oz"),
    "4/16 OZ": (64, "oz"),
    "6 CT/15 OZ": (15, "oz"),
    "10 CT/17.5 Z": (17.5, "oz"),
    "4/187 ML": (748, "ml"),
    "6 x 330 ml": (1980, "ml"),
    "6\u00d733cl": (1980, "ml"),
    "330ml x 6": (1980, "ml"),
    "6-pack 33 cl": (1980, "ml"),
    "pack of 6, 0.5 l": (3000, "ml"),
    "1,5 l": (1500, "ml"),
    "1.5 L": (1500, "ml"),
    ".5 L": (500, "ml"),
    "1 Liter": (1000, "ml"),
    "WESTERN SON ORIGINAL 1.75L W/2-50MLS": (1750, "ml"),
    "Kaffe 500 g": (500, "g"),
    "3-LB BAG": (1360.78, "g"),
    "12 CT": (12, "pieces"),
    "2 PK": (2, "pieces"),
    "1 DZ": (12, "pieces"),
    "2 PK/12 CT": (24, "pieces"),
    "IBUPROFEN 200 MG 24 CT": (24, "pieces"),
    "40 LOADS": (40, "washes"),
    "100 SQ FT": (9.29, "m2"),
    "HDMI cable 2 m": (2, "m"),
    "75 FT": (22.86, "m"),
}
UNCLEAR = (
    "", "CTN", "LARGE", "10 X3 IN", "9 X 12 FT", "18 IN", "3/4 OZ", "2/3 OZ", "14-18 CT", "80/88 CT", "2 - 7.5 OZ",
    "16-30 LB", "1,500 g", "157297  PK", "0 OZ", "1 LB 5 OZ", "Phone 5G", "Shoes 10 M", "HP Stream 7 Tablet Case",
    "Plan for $99 packs", "JOHNNIE WALKER RED", "W/50ML VANILLA",
)  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_a_clear_size_is_read_with_its_packs_multiplied_in(text: str) -> None:
    amount, measure = CLEAR[text]
    assert read_package_size(text) == (pytest.approx(amount, rel=1e-4), measure)


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_can_be_read_in_two_ways_or_is_no_content_is_not_read(text: str) -> None:
    assert read_package_size(text) is None


def test_ounces_are_of_volume_where_the_type_is_sold_by_volume() -> None:
    can, bottle, bag = PackageSize(12.0, "oz"), PackageSize(2000.0, "ml"), PackageSize(500.0, "g")
    assert settle_ounces([can, bottle, None]) == [(pytest.approx(354.9, abs=0.1), "ml"), bottle, None]
    assert settle_ounces([can, bag]) == [(pytest.approx(340.2, abs=0.1), "g"), bag]


@pytest.mark.parametrize(
    ("column", "unit"),
    [("volume_ml", "ml"), ("weight (g)", "g"), ("Net Weight KG", "KG"), ("package_size", ""), ("normal", "")],
)
def test_a_column_tells_the_unit_of_its_numbers(column: str, unit: str) -> None:
    assert unit_of_column(column) == unit
