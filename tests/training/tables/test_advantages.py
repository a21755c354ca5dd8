"""Claims: an upsell names what makes it better than its anchor, and the smaller package for more money is none."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from mersalg.names import BETTER, KINDS
from mersalg.offers import advantages
from mersalg_training.config import Config
from mersalg_training.data.attributes import Attributes, encoded, read_sizes
from mersalg_training.data.timeline import UNKNOWN, Int32, Int64, Timeline
from mersalg_training.graph.better import advantages_of
from mersalg_training.graph.builder import GraphBuilder
from mersalg_training.tables.advantages import build_advantages
from mersalg_training.tables.exclusive import (
    NO_GROUP,
    Booleans,
    exclusive_groups,
    types_taken_together,
    variant_codes,
    variants_of_several,
)
from mersalg_training.tables.shop_tables import ShopTables
from mersalg_training.tables.vocabulary import Vocabulary
from small_history import history_of

LARGER, BY_UNIT, GRADE, FEATURE = BETTER


class Made(NamedTuple):
    """A product of a type."""

    name: str
    price: float
    brand: str | None = None
    features: str = ""
    variant_of: str | None = None


def learned(products: Mapping[str, Made], product_type: str | None = "type") -> tuple[Vocabulary, Attributes]:
    """The products in the order of their ids, all of one type."""
    made = [products[product_id] for product_id in sorted(products)]
    n = len(made)
    types, type_names = encoded([product_type] * n)
    brands, brand_names = encoded([product.brand for product in made])
    names = [product.name for product in made]
    price = np.array([product.price for product in made], dtype=np.float32)
    nothing = np.full(n, np.nan, dtype=np.float32)
    attributes = Attributes(
        names=names,
        product_type=types,
        product_types=type_names,
        category=np.zeros(n, dtype=np.int32),
        categories=[],
        brand=brands,
        brands=brand_names,
        price=price,
        cost=nothing,
        listed=np.ones(n, dtype=np.bool_),
        sizes=read_sizes([None] * n, names, types),
        features=[frozenset(product.features.split()) for product in made],
        variant_of=[product.variant_of for product in made],
    )
    vocabulary = Vocabulary(
        code=np.arange(n, dtype=np.int32),
        supported=n,
        item_of_code=np.arange(n),
        product_type=np.append(types, len(type_names)).astype(np.int64),
        category=np.zeros(n + 1, dtype=np.int64),
        brand=np.append(brands, len(brand_names)).astype(np.int64),
        orders=np.ones(n + 1),
        price=np.append(price, np.float32(np.nan)),
        cost=np.append(nothing, np.float32(np.nan)),
        value=np.zeros(n + 1, dtype=np.float32),
        statistics={},
    )
    return vocabulary, attributes


def better(products: Mapping[str, Made], anchor: str, item: str, kind: str = "upsell") -> tuple[str, ...]:
    """What the graph says of an item beside an anchor; either may be no product."""
    vocabulary, attributes = learned(products)
    tables = cast(
        ShopTables,
        SimpleNamespace(
            advantages=build_advantages(vocabulary, attributes, variant_codes(attributes, vocabulary.code))
        ),
    )
    graph = GraphBuilder("better")
    inputs = [graph.input(name, TensorProto.INT64, [1]) for name in ("item", "anchor", "kind")]
    graph.output(advantages_of(graph, tables, *inputs), "better", TensorProto.INT64, [1])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString(), providers=["CPUExecutionProvider"])
    index = {**{product_id: i for i, product_id in enumerate(sorted(products))}, "nothing": len(products)}
    feeds = {"item": index[item], "anchor": index[anchor], "kind": KINDS.index(cast(Any, kind))}
    (bits,) = session.run(None, {name: np.array([value]) for name, value in feeds.items()})
    return advantages(int(bits[0]))


PIZZA = {
    "a": Made("Pizza 17.2 OZ", 2.00),
    "b": Made("Pizza 15.7 OZ", 2.20),
    "c": Made("Pizza 2 x 17.2 OZ", 3.50),
    "d": Made("Pizza 20 OZ", 3.20),
    "e": Made("Pizza 8 CT", 9.00),
    "f": Made("Pizza 17.2 oz", 3.00),
    "g": Made("Pizza", 3.00),
    "h": Made("Pizza 1 kg", 2.10),
}


def test_a_larger_pack_is_named_and_the_lower_price_for_the_unit() -> None:
    assert better(PIZZA, "a", "c") == (LARGER, BY_UNIT)
    assert better(PIZZA, "a", "h") == (LARGER, BY_UNIT), "ounces and kilograms are one measure"
    assert better(PIZZA, "a", "d") == (LARGER,), "a sixth more for three fifths more money"


def test_less_or_as_much_for_more_money_is_nothing() -> None:
    assert better(PIZZA, "a", "b") == ()
    assert better(PIZZA, "a", "f") == ()


def test_what_cannot_be_compared_is_nothing() -> None:
    assert better(PIZZA, "a", "e") == better(PIZZA, "e", "a") == (), "pieces and ounces"
    assert better(PIZZA, "a", "g") == better(PIZZA, "g", "a") == (), "no size is known"
    assert better(PIZZA, "nothing", "c") == better(PIZZA, "a", "nothing") == better(PIZZA, "nothing", "nothing") == ()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "upsell"])
def test_only_an_upsell_is_better(kind: str) -> None:
    assert better(PIZZA, "a", "c", kind) == ()


BRANDS = {
    **{f"cheap-{i}": Made("Tea 100 g", 1.0 + i / 10, "cheap") for i in range(3)},
    **{f"fine-{i}": Made("Tea 100 g", 2.0 + i / 10, "fine") for i in range(3)},
    "fine-large": Made("Tea 200 g", 4.0, "fine"),
    "fine-small": Made("Tea 50 g", 2.5, "fine"),
    "cheap-dear": Made("Tea 100 g", 3.2, "cheap"),
    "rare": Made("Tea 100 g", 9.0, "rare"),
    "cheap-organic": Made("Organic Tea 100 g", 1.9, "cheap"),
    "nameless": Made("Tea 100 g", 3.0),
}


def test_a_brand_that_is_dearer_by_the_unit_is_a_higher_grade() -> None:
    assert better(BRANDS, "cheap-0", "fine-0") == (GRADE,)
    assert better(BRANDS, "cheap-0", "fine-large") == (LARGER, GRADE)
    assert better(BRANDS, "fine-0", "cheap-dear") == ()
    assert better(BRANDS, "cheap-0", "cheap-2") == (), "one brand"


def test_the_smaller_package_is_never_better_whatever_its_grade() -> None:
    assert better(BRANDS, "cheap-0", "fine-small") == ()


def test_a_brand_with_one_product_or_none_tells_no_grade() -> None:
    assert better(BRANDS, "cheap-0", "rare") == better(BRANDS, "cheap-0", "nameless") == ()


LINES = {
    "one-small": Made("Vodka 750 ml", 20.0, "one"),
    "one-large": Made("Vodka 1.75 L", 32.0, "one"),
    "two-large": Made("Vodka 1.75 L", 32.0, "two"),
    "two-dear": Made("Vodka 1.75 L", 44.0, "two"),
    "noname": Made("Grape Spirit 750 ml", 20.0),
    "noname-large": Made("Grape Spirit 1.75 L", 32.0),
    "another": Made("Corn Spirit 1.75 L", 32.0),
}


def test_a_large_pack_of_a_cheaper_brand_is_no_better() -> None:
    assert better(LINES, "one-small", "one-large") == (LARGER, BY_UNIT)
    assert better(LINES, "one-small", "two-large") == (), "a third less by the unit: it is another thing"
    assert better(LINES, "one-small", "two-dear") == (LARGER,), "about as dear by the unit"


def test_without_a_brand_the_variants_of_one_name_are_a_line() -> None:
    assert better(LINES, "noname", "noname-large") == (LARGER, BY_UNIT)
    assert better(LINES, "noname", "another") == better(LINES, "noname", "two-large") == ()


def test_a_word_of_the_name_tells_a_higher_grade_within_a_brand() -> None:
    assert better(BRANDS, "cheap-0", "cheap-organic") == (GRADE,)
    assert better(BRANDS, "cheap-organic", "cheap-dear") == ()


BRANDY = {
    "vs": Made("Brandy VS 750 ml", 9.75, "one"),
    "vs-large": Made("Brandy VS 1.75 L", 21.0, "one"),
    "vsop": Made("Brandy VSOP 750 ml", 10.86, "one"),
    "vsop-large": Made("Brandy VSOP 1.75 L", 22.5, "one"),
    "xo": Made("Brandy XO 750 ml", 12.75, "one"),
    "another-large": Made("Brandy 1.75 L", 24.0, "two"),
}


def test_a_larger_pack_of_a_lower_grade_is_no_better_within_a_brand() -> None:
    assert better(BRANDY, "vsop", "vs-large") == (), "VS is below VSOP"
    assert better(BRANDY, "xo", "vsop-large") == (), "VSOP is below XO"
    assert better(BRANDY, "vsop", "vsop-large") == (LARGER, BY_UNIT)
    assert better(BRANDY, "vs", "vsop") == better(BRANDY, "vsop", "xo") == (GRADE,)
    assert better(BRANDY, "vsop", "another-large") == (LARGER,), "of another brand the words tell nothing"


def test_a_word_is_no_grade_where_the_products_with_it_are_the_cheaper_ones() -> None:
    shelf = {
        **{f"plain-{i}": Made("Rum 700 ml", 20.0 + i) for i in range(3)},
        **{f"reserve-{i}": Made("Rum Reserve 700 ml", 10.0 + i) for i in range(3)},
        "dear": Made("Rum Reserve 700 ml", 40.0),
    }
    assert better(shelf, "plain-0", "dear") == ()


def test_features_that_it_has_beside_all_of_its_anchors_are_more() -> None:
    shelf = {
        "a": Made("Speaker", 20.0),
        "b": Made("Speaker", 30.0, features="battery"),
        "c": Made("Speaker", 40.0, features="battery radio"),
        "d": Made("Speaker", 50.0, features="radio"),
        "e": Made("Speaker Bluetooth", 60.0),
    }
    assert better(shelf, "a", "b") == better(shelf, "b", "c") == better(shelf, "a", "e") == (FEATURE,)
    assert better(shelf, "b", "d") == (), "it lacks one that the anchor has"
    assert better(shelf, "c", "d") == better(shelf, "b", "b") == ()


def group_of(products: Mapping[str, Made], product_type: str | None = None, *, together: bool = False) -> Int64:
    """The groups of products, without types unless one is named, of which people take several or one at a time."""
    taken = np.array([] if product_type is None else [together], dtype=np.bool_)
    vocabulary, attributes = learned(products, product_type)
    return exclusive_groups(vocabulary, attributes, variant_codes(attributes, vocabulary.code), taken)


def test_products_of_a_type_exclude_one_another() -> None:
    assert group_of({"a": Made("Rice", 1.0), "b": Made("Beans", 2.0)}, "type").tolist() == [0, 0, NO_GROUP]


def test_of_a_type_that_people_take_several_of_only_the_variants_of_one_product_exclude_one_another() -> None:
    shelf = {
        "a": Made("Yogurt Peach 6 OZ", 1.0),
        "b": Made("Yogurt Peach 32 OZ", 4.0),
        "c": Made("Yogurt Plum 6 OZ", 1.0),
        "d": Made("Type 6 OZ", 1.0),
        "e": Made("Type 32 OZ", 4.0),
    }
    groups = group_of(shelf, "type", together=True)
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4] == groups[5] == NO_GROUP, "a name that says no more than the type tells no variant"
    coloured = group_of(
        {"a": Made("White Bread 500 g", 1.0), "b": Made("White Bread 1 kg", 2.0)}, "white bread", together=True
    )
    assert coloured.tolist() == [NO_GROUP] * 3, "nor where the type names a colour"


def bought(baskets: list[list[int]], customers: int = 0) -> Timeline:
    """Orders of product codes, one a day, of so many customers one after the other, or of nobody known."""
    start = np.cumsum([0, *map(len, baskets)])
    n = int(start[-1])
    return Timeline(
        order_ids=[str(i) for i in range(len(baskets))],
        customer_ids=[str(i) for i in range(customers)],
        product_ids=[str(i) for i in range(9)],
        order_customer=np.array([i % customers if customers else UNKNOWN for i in range(len(baskets))], dtype=np.int32),
        order_day=np.arange(len(baskets), dtype=np.float64),
        order_start=start.astype(np.int64),
        customer_start=np.zeros(1, dtype=np.int64),
        line_product=np.array([p for basket in baskets for p in basket], dtype=np.int32),
        line_quantity=np.ones(n, dtype=np.float32),
        line_price=np.ones(n, dtype=np.float32),
    )


def test_people_take_several_of_a_type_where_a_quarter_of_enough_orders_with_one_hold_another() -> None:
    product_type = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4], dtype=np.int32)  # 4: not known
    baskets = [[0, 1]] * 5 + [[0, 8]] * 15  # a quarter
    baskets += [[2, 3]] * 4 + [[2]] * 16  # a fifth
    baskets += [[4]] * 20
    baskets += [[6, 7]] * 19  # too few orders tell it
    baskets += [[5]] * 60  # later than the others
    history = bought(baskets)
    assert together(history, product_type, 4).tolist() == [True, False, False, False]
    assert not together(history, product_type, 4, before_day=19.0)[0], "later orders have no influence"
    assert not together(history, product_type, 4, max_orders=100)[0], "nor have any but the latest"


def test_what_few_customers_take_together_tells_of_no_type() -> None:
    product_type = np.zeros(9, dtype=np.int32)
    assert not together(bought([[0, 1]] * 40, customers=4), product_type, 1)[0]
    assert together(bought([[0, 1]] * 40, customers=5), product_type, 1)[0]
    of_two = [[0, 1] if i % 6 < 2 else [0] for i in range(120)]
    assert not together(bought(of_two, customers=6), product_type, 1)[0], "a third of the orders, and two customers"


def together(
    timeline: Timeline, product_type: Int32, n_types: int, before_day: float = 1000.0, max_orders: int = 1000
) -> Booleans:
    config = Config.model_validate({"name": "shop", "data": {"orders": "o"}, "factors": {"max_orders": max_orders}})
    latest = history_of(timeline).latest_lines(before_day, max_orders)
    return types_taken_together(latest, product_type, n_types, config)


def test_without_types_sizes_and_colours_of_one_name_exclude_one_another() -> None:
    shelf = {
        "a": Made("Jumbo Bag Red", 2.0),
        "b": Made("JUMBO BAG - PINK", 2.0),
        "c": Made("Jumbo Bag 5 L", 3.0),
        "d": Made("Lunch Bag Red", 2.0),
        "e": Made("Red", 1.0),
        "f": Made("Blue", 1.0),
        "g": Made("Jumbo Bag", 9.0, "other brand"),
    }
    groups = group_of(shelf)
    assert groups[0] == groups[1] == groups[2] != NO_GROUP
    assert len({groups[0], groups[3], groups[6]}) == 3
    assert groups[4] == groups[5] == groups[7] == NO_GROUP, "a colour alone is no name"


def test_what_a_catalogue_declares_as_variants_excludes_one_another() -> None:
    shelf = {"a": Made("One", 1.0, variant_of="v"), "b": Made("Two", 1.0, variant_of="v"), "c": Made("Two", 1.0)}
    groups = group_of(shelf)
    assert groups[0] == groups[1] != groups[2]


def test_a_product_alone_of_its_name_is_no_variant() -> None:
    assert variants_of_several(np.array([4, NO_GROUP, 2, 4])).tolist() == [4, NO_GROUP, NO_GROUP, 4, NO_GROUP]
    assert variants_of_several(np.array([NO_GROUP, NO_GROUP])).tolist() == [NO_GROUP] * 3
