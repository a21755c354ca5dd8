"""Claims: a row of the tables holds the neighbours of a product, or of a type, strongest first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mersalg_training.config import Config, parse_config
from mersalg_training.data.attributes import encoded
from mersalg_training.data.timeline import Timeline
from mersalg_training.progress import quiet
from mersalg_training.tables import counts
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.entries import Entries, rank_in_run
from mersalg_training.tables.neighbours import CART_CHANNELS, beside_directed, merged, table
from mersalg_training.tables.shop_tables import ShopTables
from small_history import Order, history_of, make_attributes, make_timeline

PRICES = {
    "camera": 100.0, "card": 20.0, "bread": 3.0, "butter": 2.0, "rye-bread": 4.0, "oat-bread": 6.0, "rare-bread": 3.0,
    "tripod": 40.0, "milk": 1.0,
}  # fmt: skip
TYPES = {name: "bread" if name.endswith("bread") else name for name in PRICES}
CONFIG: Config = parse_config(
    {
        "name": "neighbours",
        "data": {"orders": "none"},
        "counts": {"min_support": 3},
        "kinds": {"least_lift": 1.0, "false_discoveries": 0.99},
        "factors": {"factors": 4},
    },
    "test",
)
"""With the least lift of all, for a shop so small shows little of it."""


def orders() -> list[Order]:
    """Cameras bring cards; cards go with much else; butter goes with every bread; one bread is rare."""
    made = []
    for n in range(40):
        made.append(Order(f"c{n}", 1, "camera card" if n % 2 else "camera tripod card"))
        made += [Order(f"c{n}", 5, "card milk"), Order(f"c{n}", 9, "card"), Order(f"d{n}", 2, "bread butter")]
        made += [Order(f"d{n}", 12, "rye-bread butter"), Order(f"e{n}", 3, "oat-bread milk"), Order(f"f{n}", 3, "milk")]
    return [*made, Order("g", 4, "rare-bread butter")]


@pytest.fixture(scope="module")
def shop() -> tuple[ShopTables, Timeline]:
    timeline = make_timeline(orders(), PRICES)
    return learn_shop(history_of(timeline), make_attributes(TYPES), 100.0, CONFIG, quiet), timeline


Shop = tuple[ShopTables, Timeline]


def item(shop: Shop, name: str) -> int:
    tables, timeline = shop
    return int(tables.vocabulary.item_of_code[timeline.product_ids.index(name)])


def in_cart(shop: Shop, name: str) -> dict[str, dict[str, float]]:
    """The neighbours of a product in the cart, in their order, with what is known of each."""
    tables, timeline = shop
    row = tables.neighbours.row_of_item[item(shop, name)]
    found = {}
    cart = tables.neighbours.cart
    for other, values in zip(cart.items[row].tolist(), cart.values[row], strict=True):
        if other < tables.n_items:
            known = dict(zip(CART_CHANNELS, values.tolist(), strict=True))
            found[timeline.product_ids[tables.vocabulary.code[other]]] = known
    return found


def test_what_is_bought_together_is_a_neighbour_and_the_closest_comes_first(shop: Shop) -> None:
    assert next(iter(in_cart(shop, "bread"))) == "butter"
    assert in_cart(shop, "bread")["butter"]["confidence"] == pytest.approx(1.0)
    assert in_cart(shop, "camera")["tripod"]["confidence"] == pytest.approx(0.5)


def test_an_accessory_is_directed_one_way_alone(shop: Shop) -> None:
    assert in_cart(shop, "camera")["card"]["directed"] == 1.0
    assert in_cart(shop, "card")["camera"]["directed"] == 0.0


def test_a_rare_product_has_the_neighbours_of_its_type(shop: Shop) -> None:
    tables, _ = shop
    rare = item(shop, "rare-bread")
    assert tables.vocabulary.orders[rare] < CONFIG.counts.min_support
    frequent = int((tables.vocabulary.orders >= CONFIG.counts.min_support).sum())
    assert tables.neighbours.row_of_item[rare] == frequent + tables.vocabulary.product_type[rare]
    assert {"butter", "milk"} <= in_cart(shop, "rare-bread").keys()


def test_what_is_unknown_has_an_empty_row(shop: Shop) -> None:
    tables, _ = shop
    row = tables.neighbours.row_of_item[tables.n_items]
    for of in (tables.neighbours.cart, tables.neighbours.anchor, tables.neighbours.ladder):
        assert (of.items[row] == tables.n_items).all()
        assert not of.values[row].any()


def test_the_ladder_holds_dearer_products_of_the_type_and_switches_weigh_more_than_popularity(shop: Shop) -> None:
    tables, timeline = shop
    row = tables.neighbours.row_of_item[item(shop, "bread")]
    ladder = tables.neighbours.ladder
    steps = [timeline.product_ids[tables.vocabulary.code[i]] for i in ladder.items[row].tolist() if i < tables.n_items]
    assert steps == ["rye-bread", "oat-bread"]
    top = tables.neighbours.row_of_item[item(shop, "oat-bread")]
    assert (ladder.items[top] == tables.n_items).all(), "nothing is dearer than the dearest"


def test_types_that_are_bought_together_have_an_affinity(shop: Shop) -> None:
    tables, _ = shop
    types = sorted(set(TYPES.values()))
    affinity = tables.neighbours.type_affinity
    row = types.index("bread")
    near = dict(zip(affinity.items[row].tolist(), affinity.values[row, :, 0].tolist(), strict=True))
    bread, butter = 121, 81
    assert near[types.index("butter")] == pytest.approx(butter / (bread**0.7 * butter**0.3), abs=0.01)
    assert types.index("camera") not in near


def of_type(shop: Shop, name: str) -> dict[str, float]:
    """The products of a type that are looked at, in their order, with their share of its orders."""
    tables, timeline = shop
    popular = tables.neighbours.popular_of_type
    row = sorted(set(TYPES.values())).index(name)
    ids = {i: timeline.product_ids[code] for i, code in enumerate(tables.vocabulary.code.tolist())}
    pairs = zip(popular.items[row].tolist(), popular.values[row, :, 0].tolist(), strict=True)
    return {ids[i]: share for i, share in pairs if i < tables.n_items}


def test_a_type_brings_its_most_bought_products_by_their_share_of_its_orders(shop: Shop) -> None:
    found = of_type(shop, "bread")
    assert list(found) == ["bread", "oat-bread", "rye-bread", "rare-bread"]
    assert found["bread"] == pytest.approx(40 / 121)
    assert found["rare-bread"] == pytest.approx(1 / 121)


def test_a_type_brings_few_products_never_sold_yet_and_first_those_of_its_most_bought_brand() -> None:
    names = ("bean-a", "bean-b", "bean-c", "bean-d", "bean-e")
    brands = {"bean-a": "x", "bean-b": "y", "bean-c": "x", "bean-d": "y", "bean-e": "y"}
    orders = [Order(f"c{n}", 1, "bean-a" if n < 4 else "bean-b") for n in range(20)]
    timeline = make_timeline(orders, dict.fromkeys(names, 1.0))
    codes, known = encoded([brands[name] for name in names])
    attributes = replace(make_attributes(dict.fromkeys(names, "bean")), brand=codes, brands=known)
    retrieve = CONFIG.retrieve.model_copy(update={"type_unsold": 2})
    tables = learn_shop(
        history_of(timeline), attributes, 100.0, CONFIG.model_copy(update={"retrieve": retrieve}), quiet
    )
    popular = tables.neighbours.popular_of_type
    found = [timeline.product_ids[tables.vocabulary.code[i]] for i in popular.items[0].tolist() if i < tables.n_items]
    assert found == ["bean-b", "bean-a", "bean-d", "bean-e"]
    assert popular.values[0, :4, 0].tolist() == pytest.approx([0.8, 0.2, 0.0, 0.0])


def test_two_sources_of_one_pair_become_one_entry_with_both_values() -> None:
    one = Entries(np.array([0, 1]), np.array([2, 2]), {"near": np.array([0.5, 0.25])})
    two = Entries(np.array([0, 0]), np.array([2, 3]), {"follow": np.array([0.1, 0.2])})
    both = merged([one, two], ("near", "follow"))
    assert list(zip(both.row.tolist(), both.item.tolist(), strict=True)) == [(0, 2), (0, 3), (1, 2)]
    assert both.values["near"].tolist() == [0.5, 0.0, 0.25]
    assert both.values["follow"].tolist() == [0.1, 0.2, 0.0]


def test_a_table_lays_the_best_first_and_pads_with_no_item() -> None:
    entries = Entries(np.array([0, 0, 2]), np.array([5, 4, 5]), {"v": np.array([0.1, 0.9, 0.5])})
    laid = table(entries, entries.values["v"], 3, 9, ("v",))
    assert laid.items.tolist() == [[4, 5], [9, 9], [5, 9]]
    assert laid.values[..., 0].tolist() == [pytest.approx([0.9, 0.1]), [0.0, 0.0], [0.5, 0.0]]


def test_ranks_count_within_runs() -> None:
    assert rank_in_run(np.array([3, 3, 5, 7, 7, 7])).tolist() == [0, 1, 0, 0, 1, 2]
    assert rank_in_run(np.zeros(0, dtype=np.int64)).tolist() == []


def test_a_third_of_the_places_is_for_directed_pairs_and_what_is_left_goes_by_cosine() -> None:
    cosine = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    directed = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    values = {"cosine": cosine, "confidence": np.array([0.1, 0.1, 0.1, 0.1, 0.2, 0.3]), "directed": directed}
    values["ease"] = np.zeros(6)
    both = Entries(np.zeros(6, dtype=np.int64), np.arange(6), values)
    assert sorted(beside_directed(both, 3).item.tolist()) == [0, 1, 5]
    none = Entries(both.row, both.item, {**values, "directed": np.zeros(6)})
    assert sorted(beside_directed(none, 3).item.tolist()) == [0, 1, 2]


def test_the_first_by_ease_stand_among_the_first_by_cosine() -> None:
    values = {name: np.zeros(6) for name in ("confidence", "directed")}
    values |= {"cosine": np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), "ease": np.array([-0.1, 0.0, 0.0, 0.1, 0.2, 0.3])}
    entries = Entries(np.zeros(6, dtype=np.int64), np.arange(6), values)
    assert sorted(beside_directed(entries, 4).item.tolist()) == [0, 1, 4, 5]


def test_the_best_of_pairs_that_come_slice_by_slice_are_the_best_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = make_timeline(orders(), PRICES)
    retrieve = CONFIG.retrieve.model_copy(update={"basket_neighbours": 2, "follow_neighbours": 1})
    config = CONFIG.model_copy(update={"retrieve": retrieve})
    whole = learn_shop(history_of(timeline), make_attributes(TYPES), 100.0, config, quiet).neighbours
    monkeypatch.setattr(counts, "PAIRS_AT_ONCE", 3)
    sliced = learn_shop(history_of(timeline), make_attributes(TYPES), 100.0, config, quiet).neighbours
    assert (whole.cart.items < len(PRICES)).any()
    for name in ("cart", "anchor", "type_affinity"):
        assert np.array_equal(getattr(sliced, name).items, getattr(whole, name).items)
        assert np.array_equal(getattr(sliced, name).values, getattr(whole, name).values)
    strongest = [list(zip(found.anchor[i], found.product[i], found.lift[i], strict=True))
                 for found in (whole.strong, sliced.strong) for i in [found.strongest()]]  # fmt: skip
    assert strongest[0] == strongest[1]
    assert len(strongest[0]) > 3
