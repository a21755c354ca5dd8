"""Claims: what a catalogue declares of its products teaches those that nobody bought, and binds what is offered."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import onnxruntime
import pytest

import small_graph
from mersalg.names import Kind, Moment
from mersalg_training.config import Config, parse_config
from mersalg_training.progress import quiet
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.exclusive import NO_GROUP
from mersalg_training.tables.relations import NO_LONGER_SOLD, REPLACED, as_it_was, predecessors
from mersalg_training.tables.shop_tables import ShopTables
from small_history import Order, history_of, make_attributes, make_timeline

PRICES = {
    "phone": 300.0, "phone-2": 310.0, "phone-3": 320.0, "case": 20.0, "cable": 10.0, "cover-1y": 30.0, "cover-2y": 50.0,
    "earbuds": 60.0, "headset": 90.0, "soap": 3.0, "pen": 2.0,
}  # fmt: skip
CONFIG: Config = parse_config(
    {
        "name": "relations",
        "data": {"orders": "none"},
        "counts": {"min_support": 3},
        "factors": {"factors": 4, "iterations": 1},
    },
    "test",
)
Declared = tuple[tuple[str, str, str], ...]
"""Relation, product, and the products that it names, between blanks."""
NOTHING: Declared = ()


def orders() -> list[Order]:
    """Phones go with a case, covers and earbuds; a headset, with soap. Nobody bought phone-2, phone-3 or a cable."""
    made = []
    for n in range(30):
        made += [
            Order(f"a{n}", 1, "phone case"), Order(f"b{n}", 2, "phone cover-1y cover-2y"),
            Order(f"c{n}", 3, "phone earbuds"), Order(f"d{n}", 4, "headset soap"),
            *(Order(f"{letter}{n}", 5 + day, "pen") for letter in "efgh" for day in (0, 20)),
            *(Order(f"{product}{n}", 5, f"pen {product}") for product in ("soap", "headset")),
        ]  # fmt: skip
    return made


@cache
def learned(declared: Declared, wired: str = "", unlisted: str = "") -> ShopTables:
    """The tables of the shop, whose products have no type, but for those of `wired`; all but one are listed."""
    ids = sorted(PRICES)

    def codes(relation: str) -> list[frozenset[int]]:
        named = {product: others for name, product, others in declared if name == relation}
        return [frozenset(ids.index(other) for other in named.get(name, "").split()) for name in ids]

    attributes = replace(
        make_attributes({name: "wired" if name in wired.split() else None for name in PRICES}),
        excludes=codes("excludes"),
        similar_to=codes("similar_to"),
        successor_of=codes("successor_of"),
        listed=np.array([name != unlisted for name in ids]),
    )
    return learn_shop(history_of(make_timeline(orders(), PRICES)), attributes, 100.0, CONFIG, quiet)


@cache
def session(declared: Declared, wired: str, unlisted: str) -> onnxruntime.InferenceSession:
    return small_graph.opened(learned(declared, wired, unlisted))


def offered(
    declared: Declared, cart: str, history: str = "", moment: Moment = "cart", wired: str = "", unlisted: str = ""
) -> dict[str, Kind]:
    tables = learned(declared, wired, unlisted)
    return small_graph.offerable(session(declared, wired, unlisted), tables, sorted(PRICES), cart, history, moment)


COVERS: Declared = (("excludes", "cover-1y", "cover-2y"),)


@pytest.mark.parametrize(("cart", "other"), [("cover-1y", "cover-2y"), ("cover-2y", "cover-1y")])
def test_what_a_product_of_the_cart_excludes_is_not_offered_whichever_says_so(cart: str, other: str) -> None:
    assert other in offered(NOTHING, cart)
    found = offered(COVERS, cart)
    assert other not in found
    assert "phone" in found
    assert other in offered(COVERS, "phone"), "beside others it is"


@pytest.mark.parametrize("moment", ["order-confirmation", "follow-up"])
def test_what_excludes_a_product_that_was_paid_for_is_not_offered_even_as_ones_own(moment: Moment) -> None:
    assert "cover-2y" in offered(NOTHING, "cover-1y", "cover-2y", moment)
    found = offered(COVERS, "cover-1y", "cover-2y", moment)
    assert "cover-2y" not in found
    assert ("cover-1y" in found) == (moment == "follow-up"), "it does not exclude itself"


def test_an_exclusion_holds_between_two_and_not_between_all_that_it_links() -> None:
    chain: Declared = (("excludes", "case", "cover-1y"), ("excludes", "cover-2y", "cover-1y"))
    assert "cover-2y" in offered(chain, "phone case")
    assert {"case", "cover-2y"}.isdisjoint(offered(chain, "phone cover-1y"))


SIMILAR: Declared = (("similar_to", "earbuds", "phone"),)


@pytest.mark.parametrize(("cart", "other"), [("phone", "earbuds"), ("earbuds", "phone")])
def test_an_alternative_of_the_cart_is_no_cross_sell_and_no_add_on(cart: str, other: str) -> None:
    assert offered(NOTHING, cart)[other] in ("cross-sell", "add-on")
    assert other not in offered(SIMILAR, cart)
    assert "case" in offered(SIMILAR, "phone")


def test_an_alternative_of_the_cart_may_be_bought_again_but_not_once_the_other_was_just_paid_for() -> None:
    assert offered(SIMILAR, "phone", "earbuds")["earbuds"] in ("more-of-same", "replacement")
    assert "earbuds" in offered(NOTHING, "phone", "earbuds", "order-confirmation")
    assert "earbuds" not in offered(SIMILAR, "phone", "earbuds", "order-confirmation")


def test_a_product_that_nobody_bought_takes_the_neighbours_of_the_most_bought_similar_one() -> None:
    assert offered(NOTHING, "cable") == {}
    similar: Declared = (("similar_to", "cable", "earbuds headset"),)
    assert offered(similar, "cable")["soap"] == "cross-sell"
    assert "phone" not in offered(similar, "cable"), "the headset is bought more often than the earbuds"


def test_the_neighbours_of_its_type_come_before_those_of_a_similar_product() -> None:
    found = offered((("similar_to", "cable", "headset"),), "cable", wired="cable earbuds")
    assert "phone" in found
    assert "soap" not in found


NEWER: Declared = (("successor_of", "phone-2", "phone"),)


def test_what_is_replaced_is_offered_to_nobody_as_new() -> None:
    assert "phone" in offered(NOTHING, "earbuds")
    assert "phone" not in offered(NEWER, "earbuds")


@pytest.mark.parametrize(("unlisted", "own"), [("", True), ("phone", False)])
def test_what_is_replaced_may_be_bought_again_as_long_as_the_catalogue_lists_it(unlisted: str, own: bool) -> None:
    assert ("phone" in offered(NEWER, "soap", "phone", unlisted=unlisted)) == own
    assert "phone" in offered(NOTHING, "soap", "phone", unlisted=unlisted)


def test_a_successor_that_nobody_bought_stands_where_its_predecessor_stood() -> None:
    assert "phone-2" not in offered(NOTHING, "earbuds")
    assert offered(NEWER, "earbuds")["phone-2"] == "cross-sell"
    assert "case" not in offered(NOTHING, "cover-1y phone-2")
    assert offered(NEWER, "phone-2")["case"] in ("cross-sell", "add-on")
    assert "phone-2" not in offered(NEWER, "phone earbuds"), "beside its predecessor it is none"


def test_the_last_of_several_generations_stands_for_all() -> None:
    line: Declared = (("successor_of", "phone-2", "phone"), ("successor_of", "phone-3", "phone-2"))
    found = offered(line, "earbuds")
    assert "phone-3" in found
    assert {"phone", "phone-2"}.isdisjoint(found)
    assert "case" in offered(line, "phone-3")


def test_a_successor_brings_no_lift_of_its_own() -> None:
    tables = learned(NEWER)
    item = tables.vocabulary.item_of_code[sorted(PRICES).index("phone-2")]
    entries = tables.neighbours.cart
    lift = entries.values[entries.items == item][:, -2]
    assert len(lift)
    assert not lift.any()


def test_a_successor_is_expected_to_be_bought_as_its_predecessor_was_but_at_its_own_price() -> None:
    tables = learned(NEWER, wired="phone phone-2 earbuds")
    ids, statistics = sorted(PRICES), tables.vocabulary.statistics
    new, old = (tables.vocabulary.item_of_code[ids.index(name)] for name in ("phone-2", "phone"))
    assert statistics["log_orders"][new] == pytest.approx(np.log(91.0))
    assert {name for name, values in statistics.items() if values[new] != values[old]} - {"interval_days"} == {
        "price_rank"
    }


def test_a_model_that_was_not_sold_yet_replaced_nothing_then() -> None:
    ids = sorted(PRICES)
    new = [frozenset({ids.index("phone")}) if name in ("phone-2", "case") else frozenset() for name in ids]
    attributes = replace(make_attributes(dict.fromkeys(PRICES)), successor_of=new)
    history = history_of(make_timeline(orders(), PRICES))

    def replacing(day: float) -> set[str]:
        found = as_it_was(attributes, history.sold_before(day)).successor_of
        return {name for name, olds in zip(ids, found, strict=True) if olds}

    assert (replacing(1.0), replacing(1.5)) == (set(), {"case"})


def test_predecessors_come_nearest_first_and_the_most_bought_first_among_equals() -> None:
    assert predecessors({(9, 5), (9, 3), (5, 1), (3, 1), (1, 8)}) == {9: [3, 5, 1, 8], 5: [1, 8], 3: [1, 8], 1: [8]}


def test_a_shop_that_declares_nothing_has_nothing_of_it_in_its_graph() -> None:
    relations = learned(NOTHING).relations
    assert not any(p.are_declared for p in (relations.excluded, relations.alternatives, relations.apart))
    assert not relations.standing.any()
    assert set(learned(NEWER).relations.standing) == {0, REPLACED}
    assert set(learned(NEWER, unlisted="phone").relations.standing) == {0, NO_LONGER_SOLD}


def test_a_variant_of_a_product_in_the_cart_is_not_what_goes_with_it() -> None:
    tables, ids = learned(NOTHING), sorted(PRICES)
    variant = np.full_like(tables.variant, NO_GROUP)
    variant[[tables.vocabulary.item_of_code[ids.index(name)] for name in ("cover-1y", "cover-2y")]] = 99
    varied = replace(tables, variant=variant)
    before = offered(NOTHING, "cover-1y")
    found = small_graph.offerable(small_graph.opened(varied), varied, ids, "cover-1y")
    assert before.keys() - found.keys() == {"cover-2y"}
    again = small_graph.offerable(small_graph.opened(varied), varied, ids, "cover-1y", "cover-2y")
    assert again["cover-2y"] == "replacement", "one's own may be bought again"
