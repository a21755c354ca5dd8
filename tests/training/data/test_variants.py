"""Claims: what differs in colour or size alone is a variant, and variants without a type are one of their own."""

from __future__ import annotations

from mersalg_training.data.attributes import types_of_variants, variant_of

NAMES = ["Sleeve, black #A1", "Sleeve - RED 13-inch", "Sleeve blue", "Cable", "Red", "Cup large", "Cup small"]
NO_BRAND = [0] * len(NAMES)
UNDECLARED = [None] * len(NAMES)


def test_a_colour_a_size_and_a_number_of_the_shop_make_no_other_product() -> None:
    assert variant_of("Sleeve, black #A1", 0, None, None) == variant_of("SLEEVE Red", 0, None, None) == ("sleeve", 0)
    assert variant_of("Sleeve, black", 0, None, None) != variant_of("Sleeve, black", 1, None, None)
    assert variant_of("Red", 0, None, None) is None
    assert variant_of("White bread", 0, None, "Bread") is None
    assert variant_of("Sleeve, black", 3, "family", None) == variant_of("Case", 4, "family", None)


def test_variants_without_a_type_are_a_type_of_their_own() -> None:
    types = [None, None, None, None, None, "cups", "cups"]
    found = types_of_variants([NAMES[0], "Sleeve Red", *NAMES[2:]], NO_BRAND, UNDECLARED, types)
    assert found == ["sleeve", "sleeve", "sleeve", None, None, "cups", "cups"]


def test_a_product_of_another_brand_is_no_variant() -> None:
    found = types_of_variants(["Sleeve black", "Sleeve red"], [0, 1], [None, None], [None, None])
    assert found == [None, None]


def test_what_the_catalogue_declares_goes_before_names() -> None:
    found = types_of_variants(["Sleeve black", "Sleeve red", "Case"], [0, 0, 0], ["a", None, "a"], [None] * 3)
    assert found == ["a", None, "a"]
