"""The corner shop as a Danish shop system exports it: `python danish_export.py FOLDER`. The tutorial begins with it.

Half of the customers, Danish columns, semicolons, decimal commas, kroner, day-month-year, and the freight as a line.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from make_shop import TYPES, Line, lines, product_id

CUSTOMERS = 120
KRONER = 7.5
"""In a euro, rounded for a price list."""
FREIGHT = ("FRAGT", "Fragt", "Gebyr", "", 39.0)
FREE_FROM = 150.0
"""Kroner of an order that is sent without freight."""
NAMES = {
    "beans": ("kaffe", "Espressobønner", "Espressobønner 250 g", "Espressobønner 500 g", "Espressobønner 1 kg"),
    "filter coffee": ("kaffe", "Filterkaffe", "Filterkaffe 250 g", "Filterkaffe 500 g", "Filterkaffe 1 kg"),
    "oat drink": ("mælk", "Havredrik", "Havredrik 1 l", "Havredrik 6 x 1 l"),
    "filters": ("papir", "Kaffefiltre", "Kaffefiltre 40 stk.", "Kaffefiltre 100 stk."),
    "tea": ("te", "Te", "Grøn te 100 g", "Grøn te 250 g"),
    "biscuits": ("kager", "Småkager", "Mandelsmåkager 200 g", "Mandelsmåkager 500 g"),
    "machine": ("udstyr", "Espressomaskiner", "Espressomaskine Uno", "Espressomaskine Duo", "Espressomaskine Pro"),
    "grinder": ("udstyr", "Kværne", "Håndkværn", "Elektrisk kværn", "Stenkværn"),
    "cleaning tablets": ("pleje", "Rensetabletter", "Rensetabletter 10 stk.", "Rensetabletter 30 stk."),
    "water filter": ("pleje", "Vandfiltre", "Vandfilter 1 stk.", "Vandfilter 3 stk."),
    "brush": ("pleje", "Børster", "Kværnbørste"),
    "cups": ("service", "Kopper", "Espressokopper 2 stk.", "Espressokopper 6 stk."),
}
"""Type -> its group and Danish name, and those of its products, from plain to dear."""
ORDER_COLUMNS = ("Ordrenr", "Kundenr", "Varenr", "Dato", "Antal", "Stykpris")
PRODUCT_COLUMNS = ("Varenr", "Varenavn", "Varegruppe", "Varetype", "Vejl. pris")


def kroner(price: float) -> str:
    """An amount as Danes write it, as `1.117,50`."""
    return f"{price:,.2f}".translate(str.maketrans(",.", ".,"))


def numbers() -> dict[str, str]:
    """make_shop's product id -> the shop's number, as `103`: a hundred for each type."""
    return {
        product_id(kind, step): str(100 * place + step + 1)
        for place, (kind, of) in enumerate(TYPES.items(), 1)
        for step in range(len(of.products))
    }


def product_rows() -> Iterator[tuple[str, ...]]:
    """The rows of the catalogue."""
    number = numbers()
    for kind, of in TYPES.items():
        group, name, *products = NAMES[kind]
        for step, (product, (_, price)) in enumerate(zip(products, of.products, strict=True)):
            yield number[product_id(kind, step)], product, group, name, kroner(KRONER * price)
    yield (*FREIGHT[:-1], kroner(FREIGHT[-1]))


def order_rows(shop: Iterable[Line]) -> Iterator[tuple[str, ...]]:
    """The rows of the order lines in the order of time, freight after the goods."""
    number = numbers()
    orders: dict[str, list[Line]] = {}
    for line in sorted(shop, key=lambda line: (line.ordered_at, line.order_id)):
        if int(line.order_id[:3]) < CUSTOMERS:
            orders.setdefault(line.order_id, []).append(line)
    for order, goods in enumerate(orders.values(), 10_001):
        customer = str(5_000 + int(goods[0].customer_id[2:])) if goods[0].customer_id else ""
        at = f"{datetime.fromisoformat(goods[0].ordered_at):%d-%m-%Y %H:%M}"
        for line in goods:
            price = kroner(KRONER * line.unit_price)
            yield str(order), customer, number[line.product_id], at, str(line.quantity), price
        if sum(KRONER * line.unit_price for line in goods) < FREE_FROM:
            yield str(order), customer, FREIGHT[0], at, "1", kroner(FREIGHT[-1])


def write_export(folder: Path) -> None:
    """Write ordrelinjer.csv and varer.csv into a folder."""
    tables = {
        "ordrelinjer.csv": (ORDER_COLUMNS, order_rows(lines())),
        "varer.csv": (PRODUCT_COLUMNS, product_rows()),
    }
    for name, (columns, rows) in tables.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=";", lineterminator="\n").writerows([columns, *rows])


if __name__ == "__main__":
    write_export(Path(sys.argv[1]))
