"""Order lines as shop systems export them, in the shape that their pages document: the truth is the lines given.

Each writer takes lines and writes what the system would: a file of an export has much that nobody reads, as addresses,
shipping and totals, and orders come in the order of their first lines.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from mersalg_training.data.purchases import Purchases
from small_shop import Line

SHOPIFY_HEADER = """\
Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,\
Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,\
Billing Name,Billing Street,Billing City,Billing Zip,Billing Country,Notes,Note Attributes,Cancelled at,Payment Method,\
Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Id,Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,\
Tax 1 Value,Phone"""
LINES = "order_id, product_id, ordered_at, quantity, unit_price"
NOON = datetime(2024, 3, 9, 12, 30)
ORDER = [Line("77", "1001", "bread", NOON, 2.0, 3.5), Line("77", "1001", "milk", NOON, 1.0, 1.25)]
OTHER = [Line("78", "1002", "bread", datetime(2024, 3, 10, 8), 1.0, 3.5)]
EAST = timezone(timedelta(hours=-4))
"""The zone of the Shopify shop."""


def orders_of(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines of each order."""
    orders: dict[str, list[Line]] = {}
    for line in lines:
        orders.setdefault(line.order_id, []).append(line)
    return orders


def email_of(line: Line) -> str:
    """The e-mail that a customer writes, in a spelling of the day; empty for nobody."""
    if line.customer_id is None:
        return ""
    address = f"{line.customer_id}@example.com"
    return address.title() if line.ordered_at.day % 2 else f"{address} "


def name_of(line: Line) -> str:
    """What a line calls its product."""
    return f"The {line.product_id}"


def whole(number: float) -> str:
    """A quantity as text."""
    return f"{number:g}"


def shopify_rows(lines: Iterable[Line], **of_order: str) -> list[dict[str, str]]:
    """Rows of the admin's CSV; of_order: further columns of the first row of each order."""
    rows = []
    for number, (order_id, order) in enumerate(orders_of(lines).items()):
        for place, line in enumerate(order):
            row = dict.fromkeys(SHOPIFY_HEADER.split(","), "") | {
                "Name": order_id, "Email": email_of(line), "Lineitem quantity": whole(line.quantity),
                "Lineitem name": name_of(line), "Lineitem sku": line.product_id, "Lineitem requires shipping": "true",
                "Lineitem taxable": "true", "Lineitem fulfillment status": "fulfilled", "Vendor": "House",
                "Lineitem price": f"{line.unit_price or 0:.2f}", "Lineitem discount": "0.00",
            }  # fmt: skip
            if place == 0:
                at = line.ordered_at.replace(tzinfo=UTC).astimezone(EAST).strftime("%Y-%m-%d %H:%M:%S %z")
                row |= {
                    "Financial Status": "paid", "Paid at": at, "Created at": at, "Currency": "EUR", "Shipping": "4.90",
                    "Taxes": "0.00", "Total": "5.90", "Billing Zip": "'75008", "Id": str(7000 + number),
                    "Refunded Amount": "0.00", "Payment Method": "Shopify Payments", "Source": "web",
                    "Notes": "ring,\ntwice", **of_order,
                }  # fmt: skip
            rows.append(row)
    return rows


def write_shopify_csv(lines: Iterable[Line], folder: Path) -> Path:
    """The admin's `orders_export.csv`."""
    return write_csv(shopify_rows(lines), folder / "orders_export.csv")


def write_csv(rows: list[dict[str, str]], path: Path) -> Path:
    """Rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def shopify_order(order: list[Line], **changes: Any) -> dict[str, Any]:
    """An order of the Admin API."""
    first = order[0]
    at = first.ordered_at.replace(tzinfo=UTC).astimezone(EAST).isoformat()
    customer = {"id": first.customer_id, "email": email_of(first), "tags": ""} if first.customer_id else None
    return {
        "id": hash_number(first.order_id), "admin_graphql_api_id": "gid://shopify/Order/1", "name": first.order_id,
        "created_at": at, "processed_at": at, "updated_at": at, "cancelled_at": None, "test": False, "currency": "EUR",
        "financial_status": "paid", "total_price": "5.90", "email": "", "customer": customer, "refunds": [],
        "shipping_lines": [{"title": "Standard", "price": "4.90"}],
        "line_items": [
            {
                "id": hash_number(line.order_id) + place, "variant_id": 9000 + place, "product_id": 8000 + place,
                "title": name_of(line), "name": name_of(line), "vendor": "House", "sku": line.product_id,
                "quantity": int(line.quantity), "price": f"{line.unit_price or 0:.2f}", "total_discount": "0.00",
                "gift_card": False, "discount_allocations": [], "properties": [],
            }
            for place, line in enumerate(order)
        ],
    } | changes  # fmt: skip


def hash_number(text: str) -> int:
    """A number that goes with a text."""
    return int.from_bytes(text.encode(), "big") * 100


def write_shopify_json(lines: Iterable[Line], folder: Path) -> Path:
    """Pages of the Admin API, as many as there are hundreds of orders."""
    orders = [shopify_order(order) for order in orders_of(lines).values()]
    for page in range(0, len(orders), 100):
        text = json.dumps({"orders": orders[page : page + 100]}, indent=1)
        (folder / f"orders-{page:05}.json").write_text(text, encoding="utf-8")
    return folder


def woocommerce_order(order: list[Line], **changes: Any) -> dict[str, Any]:
    """An order of the REST API."""
    first = order[0]
    return {
        "id": first.order_id, "parent_id": 0, "number": "1", "status": "completed", "currency": "EUR",
        "date_created": (first.ordered_at + timedelta(hours=2)).isoformat(),
        "date_created_gmt": first.ordered_at.isoformat(), "date_modified_gmt": first.ordered_at.isoformat(),
        "customer_id": first.customer_id or 0, "billing": {"first_name": "A", "email": ""}, "total": "5.90",
        "meta_data": [{"key": "is_vat_exempt", "value": "no"}], "tax_lines": [], "fee_lines": [], "refunds": [],
        "shipping_lines": [{"method_id": "flat_rate", "total": "4.90"}],
        "line_items": [
            {
                "id": place, "name": name_of(line), "product_id": line.product_id, "variation_id": 0,
                "quantity": int(line.quantity), "subtotal": f"{(line.unit_price or 0) * line.quantity:.2f}",
                "total": f"{(line.unit_price or 0) * line.quantity:.2f}", "price": line.unit_price, "sku": "",
                "meta_data": [], "taxes": [], "parent_name": None,
            }
            for place, line in enumerate(order)
        ],
    } | changes  # fmt: skip


def write_woocommerce(lines: Iterable[Line], folder: Path) -> Path:
    """One page of the REST API: a list."""
    path = folder / "orders.json"
    orders = [woocommerce_order(order) for order in orders_of(lines).values()]
    path.write_text(json.dumps(orders), encoding="utf-8")
    return path


def magento_order(order: list[Line], **changes: Any) -> dict[str, Any]:
    """An order of the REST API; its first product is a configurable one, with the child that was chosen."""
    first = order[0]
    items = []
    for place, line in enumerate(order):
        price = line.unit_price or 0.0
        item = {
            "item_id": 2 * place, "product_id": 600 + place, "product_type": "simple", "sku": line.product_id,
            "name": name_of(line), "qty_ordered": line.quantity, "qty_canceled": 0, "qty_refunded": 0, "price": price,
            "base_price": price, "original_price": price, "base_original_price": price,
            "base_row_total": round(price * line.quantity, 4), "base_discount_amount": 0,
        }  # fmt: skip
        if place == 0:
            child = item | {
                "item_id": 1, "parent_item_id": 0, "product_id": 500, "price": 0, "base_price": 0, "base_row_total": 0,
                "name": f"{name_of(line)}-chosen", "parent_item": item,
            }  # fmt: skip
            items += [item | {"product_type": "configurable"}, child]
        else:
            items.append(item)
    account = {"customer_id": first.customer_id} if first.customer_id else {}
    return {
        "entity_id": 1, "increment_id": first.order_id, "created_at": f"{first.ordered_at:%Y-%m-%d %H:%M:%S}",
        "updated_at": f"{first.ordered_at:%Y-%m-%d %H:%M:%S}", "state": "complete", "status": "complete",
        "base_currency_code": "EUR", "order_currency_code": "EUR", "customer_is_guest": int(not account), **account,
        "shipping_amount": 5, "extension_attributes": {"shipping_assignments": []}, "items": items,
    } | changes  # fmt: skip


def write_magento(lines: Iterable[Line], folder: Path) -> Path:
    """One page of the REST API, with what was searched for."""
    path = folder / "orders.json"
    orders = [magento_order(order) for order in orders_of(lines).values()]
    page = {"items": orders, "search_criteria": {"filter_groups": []}, "total_count": len(orders)}
    path.write_text(json.dumps(page), encoding="utf-8")
    return path


def ga4_event(order: list[Line], name: str = "purchase", **changes: Any) -> dict[str, Any]:
    """An event as BigQuery exports it as JSON: whole numbers are text, and what is NULL is left out."""
    first = order[0]
    account = {"user_id": first.customer_id} if first.customer_id else {}
    return {
        "event_date": f"{first.ordered_at:%Y%m%d}", "event_name": name, **account,
        "event_timestamp": str(int(first.ordered_at.replace(tzinfo=UTC).timestamp()) * 1_000_000),
        "event_params": [
            {"key": "ga_session_id", "value": {"int_value": "1"}},
            {"key": "currency", "value": {"string_value": "EUR"}},
        ],
        "device": {"category": "mobile"}, "ecommerce": {"transaction_id": first.order_id, "purchase_revenue": 5.9},
        "items": [
            {
                "item_id": line.product_id, "item_name": name_of(line), "item_brand": "(not set)",
                "coupon": "(not set)", "item_category": "Things", "quantity": str(int(line.quantity)),
                "price": line.unit_price,
            }
            for line in order
        ],
    } | changes  # fmt: skip


def page_view(at: datetime) -> dict[str, Any]:
    """What most events of an export are."""
    stamp = str(int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000)
    return {"event_name": "page_view", "event_timestamp": stamp, "user_pseudo_id": "1.2", "items": []}


def write_ga4(lines: Iterable[Line], folder: Path) -> Path:
    """Two files of JSON Lines, as BigQuery writes one a shard."""
    events = [ga4_event(order) for order in orders_of(lines).values()]
    for shard, part in enumerate((events[::2], events[1::2])):
        rows = [row for event in part for row in (page_view(datetime(2024, 1, 1)), event)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"events-{shard:012}.json").write_text(text, encoding="utf-8")
    return folder


WRITERS: dict[str, tuple[str, Callable[[Iterable[Line], Path], Path]]] = {
    "ga4": ("ga4", write_ga4),
    "shopify-csv": ("shopify", write_shopify_csv),
    "shopify-json": ("shopify", write_shopify_json),
    "woocommerce": ("woocommerce", write_woocommerce),
    "magento": ("magento", write_magento),
}
"""Name -> `data.format`, and what writes such a file or folder into a folder and says where it is."""


def rows(purchases: Purchases, columns: str = LINES, table: str = "lines") -> list[tuple[Any, ...]]:
    """Rows of a table of the purchases, in order."""
    return purchases.connection.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()
