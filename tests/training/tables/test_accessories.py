"""Claims: an accessory is offered for what it declares to fit, counted or not, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

import small_graph
from mersalg.names import Kind
from mersalg_training.config import Config, parse_config
from mersalg_training.data.package_size import PackageSize
from mersalg_training.progress import quiet
from mersalg_training.tables.build import learn_shop
from small_history import Order, history_of, make_attributes, make_timeline

PRICES = {
    "printer-1": 100.0, "printer-2": 110.0, "toner-1": 30.0, "toner-1-xl": 45.0, "toner-2": 33.0, "toner-2-xl": 50.0,
    "paper": 5.0, "pen": 2.0,
}  # fmt: skip
TYPES = {name: name.split("-")[0] for name in PRICES}
CONFIG: Config = parse_config(
    {"name": "accessories", "data": {"orders": "none"}, "counts": {"min_support": 3}, "factors": {"factors": 4}}, "test"
)


def orders() -> list[Order]:
    """Everybody who bought a printer 1 took a toner 2 with it; nobody bought a printer with the toner that fits."""
    made = []
    for n in range(30):
        made += [Order(f"a{n}", 1, "printer-1 toner-2"), Order(f"b{n}", 1, "printer-2 paper")]
        made += [
            Order(f"{c}{n}", 2, f"{toner} pen") for c, toner in enumerate(name for name in PRICES if "ton" in name)
        ]
        made += [Order(f"p{n}", 3, "paper pen"), Order(f"q{n}", 4, "paper"), Order(f"r{n}", 5, "pen")]
    return made


def offerable(cart: str, *, declared: bool) -> dict[str, Kind]:
    """What the graph may offer beside a cart of one product, with its kind."""
    timeline = make_timeline(orders(), PRICES)
    ids = timeline.product_ids
    attributes = replace(
        make_attributes(TYPES), sizes=[PackageSize(2.0 if "xl" in name else 1.0, "pieces") for name in ids]
    )
    if declared:
        fits = [frozenset({ids.index(f"printer-{name[6]}")}) if "toner" in name else None for name in ids]
        attributes = replace(attributes, accessory_for=fits)
    tables = learn_shop(history_of(timeline), attributes, 100.0, CONFIG, quiet)
    return small_graph.offerable(small_graph.opened(tables), tables, ids, cart)


def test_the_wrong_accessory_is_not_offered_though_it_is_often_bought_along() -> None:
    assert "toner-2" in offerable("printer-1", declared=False)
    assert {name for name in offerable("printer-1", declared=True) if "toner-2" in name} == set()


def test_the_declared_accessory_is_offered_though_nobody_bought_it_along() -> None:
    assert "toner-1" not in offerable("printer-1", declared=False)
    found = offerable("printer-1", declared=True)
    assert found["toner-1"] == found["toner-1-xl"] == "add-on"


@pytest.mark.parametrize("number", ["1", "2"])
def test_an_upsell_of_an_accessory_fits_the_same(number: str) -> None:
    assert offerable("toner-1", declared=False)["toner-2-xl"] == "upsell"
    found = offerable(f"toner-{number}", declared=True)
    assert {name for name, kind in found.items() if kind == "upsell"} == {f"toner-{number}-xl"}
    assert all(number in name for name in found if "toner" in name)
