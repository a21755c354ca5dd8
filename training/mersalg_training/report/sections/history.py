"""The purchases a bundle was made of: windows, rows rejected by reason, and what kind of shop it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mersalg_training.export.card import calibrated_days
from mersalg_training.figure_table import FigureTable
from mersalg_training.report.blocks import Block, PageSection, Paragraph, Table, as_block
from mersalg_training.report.wording import DASH, count, day, plain, sentence, share, some

STATISTICS: Final = {
    "known_share": ("orders that name a customer", "share"),
    "orders_of_customer_median": ("orders of a customer, median", "plain"),
    "orders_of_customer_mean": ("orders of a customer, mean", "plain"),
    "returning_share": ("customers with several orders", "share"),
    "order_gap_days": ("days between two visits, median", "plain"),
    "history_days": ("days from the first order to the last", "plain"),
    "repeat_rate": ("lines of a product that the customer had bought before", "share"),
    "basket_median": ("products of an order, median", "plain"),
    "single_share": ("orders of one product", "share"),
    "top_share": ("lines of the best-selling tenth of the products", "share"),
    "orders_of_product_median": ("orders of a product, median", "plain"),
    "price_spread": ("90th over 10th percentile of the prices", "plain"),
    "price_spread_in_type": ("highest over lowest price in a type, median", "plain"),
    "typed_share": ("products with a type", "share"),
    "category_share": ("products with a category", "share"),
    "brand_share": ("products with a brand", "share"),
    "price_share": ("products with a price", "share"),
    "cost_share": ("products with a cost", "share"),
}
"""Figure of the shop -> what it is called, and whether it is a share."""


def history(manifest: Mapping[str, Any]) -> PageSection:
    """Windows, rejected lines, what is missing, and the shop's statistics."""
    data = manifest["data"]
    told = (
        f"{some(data['lines'], 'order line', 'order lines')} in {some(data['orders'], 'order', 'orders')} of "
        f"{some(data['customers'], 'customer', 'customers')}, {some(data['products'], 'product', 'products')}, "
        f"from {data['from']} to {data['to']}. Digest of the purchases: {data['digest']}."
    )
    blocks: list[Block] = [Paragraph(told), windows(manifest), rejected(data)]
    off = [sentence(text) for text in data["switched_off"]]
    blocks.append(Paragraph("Switched off for want of data: " + (" ".join(off) or "nothing."), "note"))
    if data.get("adapted"):
        blocks.append(adapted(data["adapted"]))
    if data.get("statistics"):
        blocks.append(statistics(data["statistics"]))
    return PageSection("data", "The data", "On which purchases does all of this rest?", blocks)


def windows(manifest: Mapping[str, Any]) -> Table:
    """Which days fitted what."""
    at = manifest["windows"]
    rows = [
        ("counts, factors, product statistics", at["fit_from"], at["calibrate_from"]),
        ("of that, the carts that fit the rankers", at["rank_from"], at["calibrate_from"]),
        ("calibration, thresholds, certificates", *calibrated_days(manifest)),
    ]
    if at["test_from"] != at["to"]:
        rows.append(
            ("test: every result of this page that is said to be of the test window", at["test_from"], at["to"])
        )
    days = [[use, day(start), day(end)] for use, start, end in rows]
    none = "" if at["test_from"] != at["to"] else "; no test window was held back"
    return as_block(FigureTable(f"The split by time{none}", ["used for", "from", "up to, not with"], days))


def rejected(data: Mapping[str, Any]) -> Table:
    """Lines that were dropped, by reason, the most frequent first, and those that count."""
    dropped = {reason: n for reason, n in data["rejected"].items() if n}
    read = data["lines"] + sum(dropped.values())
    rows = [("count", data["lines"]), *sorted(dropped.items(), key=lambda item: (-item[1], item[0]))]
    told = [
        [name if name == "count" else f"rejected: {name}", count(n), share(n / read) if read else DASH]
        for name, n in rows
    ]
    return as_block(FigureTable("Order lines that were read", ["lines", "number", "share"], told))


def adapted(result: list[Mapping[str, str]]) -> Table:
    """What the job set otherwise than usual, because of the data."""
    columns = ["setting", "value", "usual", "because"]
    rows = [[adapted[column] for column in columns] for adapted in result]
    return as_block(FigureTable("Set otherwise than usual because of the data", columns, rows, [1, 2, 3]))


def statistics(result: Mapping[str, float | None]) -> Table:
    """What kind of shop it is."""
    rows = []
    for name, (text, form) in STATISTICS.items():
        value = result.get(name)
        if value is not None:
            rows.append([text, share(value) if form == "share" else plain(value)])
    return as_block(FigureTable("The shop before the window that fits the rankers", ["figure", "value"], rows))
