"""What the adapters read out of an export is what was written into it, and they say what they decided."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mersalg_training.config import ContractConfig, DataConfig
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.contract_report import ContractReport
from mersalg_training.data.purchases import Purchases, open_purchases
from small_shop import SmallShop
from system_exports import (
    LINES,
    NOON,
    ORDER,
    OTHER,
    WRITERS,
    ga4_event,
    magento_order,
    rows,
    shopify_order,
    shopify_rows,
    woocommerce_order,
    write_csv,
)

ANYTHING = ContractConfig(max_reject_share=0.99)
BREAD, MILK = ("1001", "bread", NOON, 2.0, 3.5), ("1001", "milk", NOON, 1.0, 1.25)
REST = ("1002", "bread", datetime(2024, 3, 10, 8), 1.0, 3.5)


def read(location: Path, format: str, **data: Any) -> tuple[Purchases, ContractReport]:
    config = DataConfig.model_validate({"orders": str(location), "format": format, **data})
    purchases = open_purchases(config)
    return purchases, apply_contract(purchases, ANYTHING)


def read_csv(folder: Path, changes: dict[int, dict[str, str]]) -> tuple[Purchases, ContractReport]:
    """Shopify's CSV of both orders, with changes of some rows."""
    written = shopify_rows([*ORDER, *OTHER])
    for place, change in changes.items():
        written[place] |= change
    return read(write_csv(written, folder / "orders_export.csv"), "shopify")


def read_json(folder: Path, format: str, *records: dict[str, Any]) -> tuple[Purchases, ContractReport]:
    """Records one a line."""
    (folder / "export.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return read(folder / "export.jsonl", format)


def noted(report: ContractReport, sentence: str) -> bool:
    return any(sentence in note for note in report.notes)


def shortened(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", WRITERS)
def test_an_export_gives_the_lines_that_were_written_into_it(name: str, small_shop: SmallShop, tmp_path: Path) -> None:
    format, write = WRITERS[name]
    purchases, report = read(write(small_shop.lines, tmp_path), format)
    assert (report.lines_read, report.rejected) == (len(small_shop.lines), {})
    wanted = [(line.customer_id, *line[1:]) for line in small_shop.lines]
    if name == "shopify-csv":
        wanted = [(line[0] and shortened(f"{line[0]}@example.com"), *line[1:]) for line in wanted]
    assert rows(purchases, f"customer_id, {LINES}") == sorted(wanted, key=lambda line: (line[0] is None, line))
    assert {name for (name,) in rows(purchases, "name", "products")} == {
        f"The {line.product_id}" for line in small_shop.lines
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Cancelled at": "2024-03-10 09:00:00 -0400"}, "a cancelled order"),
        ({"Financial Status": "refunded", "Refunded Amount": "8.25"}, "a refunded order"),
        ({"Financial Status": "voided"}, "an order that was never paid"),
        ({"Payment Method": "bogus"}, "a test order"),
    ],
)
def test_what_a_shopify_csv_says_of_an_order_on_its_first_row_holds_for_all(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    purchases, report = read_csv(tmp_path, {0: changes})
    assert rows(purchases) == [REST]
    assert report.rejected == {"no purchase": 2}
    assert f"no purchase, {reason}: 2 lines" in report.notes


def test_a_canceled_order_may_be_spelled_with_one_l(tmp_path: Path) -> None:
    written = shopify_rows([*ORDER, *OTHER], **{"Canceled at": ""})
    del written[0]["Cancelled at"]
    renamed = [
        {("Canceled at" if key == "Cancelled at" else key): value for key, value in row.items()} for row in written
    ]
    header = dict.fromkeys(dict.fromkeys(key for row in renamed for key in row), "")
    renamed[0]["Canceled at"] = "2024-03-10 09:00:00 -0400"
    purchases, _ = read(write_csv([header | row for row in renamed], tmp_path / "orders.csv"), "shopify")
    assert rows(purchases) == [REST]


def test_a_draft_of_shopify_is_no_purchase(tmp_path: Path) -> None:
    _, report = read_csv(tmp_path, {2: {"Name": "#D7"}})
    assert "no purchase, a draft: 1 lines" in report.notes


@pytest.mark.parametrize("name", ["Gift card - $25.00", "Gift Card", "Tip"])
def test_gift_cards_and_tips_of_shopify_are_fees(tmp_path: Path, name: str) -> None:
    purchases, report = read_csv(tmp_path, {1: {"Lineitem name": name, "Lineitem sku": ""}})
    assert (rows(purchases), report.rejected) == ([BREAD, REST], {"fee": 1})
    assert "1 lines are gift cards or tips, which are fees" in report.notes


def test_a_line_of_shopify_without_a_sku_is_known_by_its_name(tmp_path: Path) -> None:
    purchases, _ = read_csv(tmp_path, {1: {"Lineitem sku": "", "Lineitem name": "Whole milk - 1 l"}})
    assert ("Whole milk - 1 l",) in rows(purchases, "product_id")


def test_a_discount_of_a_shopify_line_is_shared_by_its_pieces(tmp_path: Path) -> None:
    purchases, _ = read_csv(tmp_path, {0: {"Lineitem discount": "2.00"}})
    assert ("1001", "bread", NOON, 2.0, 2.5) in rows(purchases)


@pytest.mark.parametrize(
    ("money", "price"),
    [
        ("€1.234,50", 1234.5),
        ("$1,234.50", 1234.5),
        ("1,234", 1234.0),
        ("3,50", 3.5),
        ("3,5 kr", 3.5),
        ("1234.5", 1234.5),
    ],
)
def test_money_is_read_with_its_currency_and_its_marks(tmp_path: Path, money: str, price: float) -> None:
    purchases, _ = read_csv(tmp_path, {0: {"Lineitem price": money}})
    assert rows(purchases, "unit_price", "lines WHERE product_id = 'bread' AND order_id = '1001'") == [(price,)]


def test_what_is_no_money_is_a_wrong_type(tmp_path: Path) -> None:
    assert read_csv(tmp_path, {0: {"Lineitem price": "free"}})[1].rejected == {"wrong type": 1}


def test_prices_of_a_rarer_currency_are_unknown(tmp_path: Path) -> None:
    purchases, report = read_csv(tmp_path, {2: {"Currency": "USD"}})
    assert rows(purchases, "unit_price", "lines WHERE order_id = '1002'") == [(None,)]
    assert "1 lines are in other currencies than EUR (USD): their prices are unknown" in report.notes


def test_orders_refunded_in_part_count_and_are_told_where_their_lines_are_not(tmp_path: Path) -> None:
    purchases, report = read_csv(tmp_path, {0: {"Financial Status": "partially_refunded"}})
    assert len(rows(purchases)) == 3
    assert noted(report, "2 lines are of orders refunded in part, and count")


def changed_item(order: dict[str, Any], place: int, items: str = "line_items", **changes: Any) -> dict[str, Any]:
    return order | {items: [item | (changes if place == n else {}) for n, item in enumerate(order[items])]}


def refund(order: dict[str, Any], place: int, quantity: int) -> dict[str, Any]:
    line = {"line_item_id": order["line_items"][place]["id"], "quantity": quantity}
    return order | {"refunds": [{"id": 1, "refund_line_items": [line]}]}


SHOPIFY, WOO, MAGENTO = shopify_order(ORDER), woocommerce_order(ORDER), magento_order(ORDER)
LEFT = ("1001", "bread", NOON, 1.0, 3.5)


@pytest.mark.parametrize(
    ("format", "record", "left", "note"),
    [
        ("shopify", SHOPIFY | {"test": True}, [], "no purchase, a test order: 2 lines"),
        ("shopify", SHOPIFY | {"cancelled_at": "2024-03-10T00:00:00Z"}, [], "no purchase, a cancelled order: 2 lines"),
        ("shopify", SHOPIFY | {"financial_status": "refunded"}, [], "no purchase, a refunded order: 2 lines"),
        ("shopify", refund(SHOPIFY, 0, 1), [LEFT, MILK], "1 lines are refunded in part: what is left counts"),
        ("shopify", refund(SHOPIFY, 1, 1), [BREAD], "no purchase, refunded or removed: 1 lines"),
        ("shopify", changed_item(SHOPIFY, 1, current_quantity=0), [BREAD], "no purchase, refunded or removed: 1 lines"),
        ("shopify", changed_item(SHOPIFY, 1, gift_card=True), [BREAD], "1 lines are gift cards or tips"),
        ("woocommerce", WOO | {"status": "cancelled"}, [], "no purchase, a cancelled order: 2 lines"),
        ("woocommerce", WOO | {"status": "refunded"}, [], "no purchase, a refunded order: 2 lines"),
        ("woocommerce", WOO | {"status": "pending"}, [], "no purchase, an order that was never paid: 2 lines"),
        ("woocommerce", WOO | {"status": "checkout-draft"}, [], "no purchase, a draft: 2 lines"),
        ("woocommerce", WOO | {"status": "shipped"}, [BREAD, MILK], "read as WooCommerce orders"),
        ("woocommerce", WOO | {"refunds": [{"id": 9}]}, [BREAD, MILK], "2 lines are of orders refunded in"),
        ("magento", MAGENTO | {"state": "canceled"}, [], "no purchase, a cancelled order: 2 lines"),
        ("magento", MAGENTO | {"state": "closed"}, [], "no purchase, a refunded order: 2 lines"),
        ("magento", MAGENTO | {"state": "pending_payment"}, [], "no purchase, an order that was never paid: 2 lines"),
        ("magento", changed_item(MAGENTO, 0, "items", qty_refunded=1), [LEFT, MILK], "refunded in part: what is left"),
        ("magento", changed_item(MAGENTO, 2, "items", qty_canceled=1), [BREAD], "no purchase, cancelled or refunded"),
        ("magento", changed_item(MAGENTO, 2, "items", product_type="giftcard"), [BREAD], "1 lines are gift cards"),
    ],
)  # fmt: skip
def test_what_is_taken_back_is_no_purchase(
    tmp_path: Path, format: str, record: dict[str, Any], left: list[Any], note: str
) -> None:
    make = {"shopify": shopify_order, "woocommerce": woocommerce_order, "magento": magento_order}[format]
    purchases, report = read_json(tmp_path, format, record, make(OTHER))
    assert rows(purchases) == [*left, REST]
    assert noted(report, note)


@pytest.mark.parametrize(
    ("format", "newest", "changes"),
    [
        ("shopify", "updated_at", {"cancelled_at": "2024-03-11T00:00:00Z"}),
        ("woocommerce", "date_modified_gmt", {"status": "cancelled"}),
        ("magento", "updated_at", {"state": "canceled"}),
    ],
)
def test_the_newest_copy_of_an_order_counts(tmp_path: Path, format: str, newest: str, changes: dict[str, Any]) -> None:
    record = {"shopify": SHOPIFY, "woocommerce": WOO, "magento": MAGENTO}[format]
    later = record | changes | {newest: "2024-04-01T00:00:00"}
    make = {"shopify": shopify_order, "woocommerce": woocommerce_order, "magento": magento_order}[format]
    purchases, report = read_json(tmp_path, format, later, record, make(OTHER))
    assert rows(purchases) == [REST]
    assert noted(report, "no purchase, an older copy of an order: 2 lines")


@pytest.mark.parametrize(
    ("format", "record"),
    [
        ("shopify", SHOPIFY | {"customer": None, "email": "Ann@Shop.example"}),
        ("woocommerce", WOO | {"customer_id": 0, "billing": {"email": "ann@shop.example "}}),
        ("magento", MAGENTO | {"customer_id": None, "customer_is_guest": 1, "customer_email": "ann@shop.example"}),
    ],
)
def test_a_guest_is_the_hash_of_the_email_and_never_the_email(
    tmp_path: Path, format: str, record: dict[str, Any]
) -> None:
    purchases, report = read_json(tmp_path, format, record)
    assert rows(purchases, "DISTINCT customer_id") == [(shortened("ann@shop.example"),)]
    assert "2 lines are of guests: the hash of the e-mail is their customer" in report.notes


def test_variants_are_products_of_their_own_that_name_what_they_are_variants_of(tmp_path: Path) -> None:
    small = changed_item(WOO, 0, variation_id="bread-s", product_id="loaf")
    large = changed_item(woocommerce_order(OTHER), 0, variation_id="bread-l", product_id="loaf")
    purchases, _ = read_json(tmp_path, "woocommerce", small, large)
    found = rows(purchases, "product_id, variant_of", "products")
    assert found == [("bread-l", "loaf"), ("bread-s", "loaf"), ("milk", None)]


def test_another_field_of_an_export_can_be_the_product(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text(json.dumps([SHOPIFY]))
    purchases, _ = read(tmp_path / "orders.json", "shopify", columns={"product_id": "variant_id"})
    assert rows(purchases, "product_id") == [("9000",), ("9001",)]


def later(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return event | {"event_timestamp": str(int(event["event_timestamp"]) + 60_000_000)} | changes


def test_an_event_of_ga4_that_comes_again_is_no_purchase(tmp_path: Path) -> None:
    event = ga4_event(ORDER)
    purchases, report = read_json(tmp_path, "ga4", later(event, user_id="other"), event, ga4_event(OTHER))
    assert rows(purchases) == [BREAD, MILK, REST]
    assert report.rejected == {"no purchase": 2}


def test_a_refund_of_ga4_without_items_takes_the_transaction_back(tmp_path: Path) -> None:
    event = ga4_event(ORDER)
    whole = later(event, event_name="refund", items=[])
    assert rows(read_json(tmp_path, "ga4", event, whole, ga4_event(OTHER))[0]) == [REST]


def test_a_refund_of_ga4_with_items_takes_these_back(tmp_path: Path) -> None:
    event = ga4_event(ORDER)
    items = [{"item_id": "bread", "quantity": "1"}, {"item_id": "milk"}]
    back = later(event, event_name="refund", items=items)
    purchases, report = read_json(tmp_path, "ga4", event, back, ga4_event(OTHER))
    assert rows(purchases) == [LEFT, REST]
    assert "1 lines are refunded in part: what is left counts" in report.notes


def test_a_visitor_of_ga4_is_known_by_the_device_and_an_order_by_its_event(tmp_path: Path) -> None:
    event = ga4_event(ORDER, user_pseudo_id="123.456", ecommerce={"transaction_id": "(not set)"})
    del event["user_id"]
    purchases, report = read_json(tmp_path, "ga4", event)
    stamp = event["event_timestamp"]
    assert rows(purchases, "DISTINCT customer_id, order_id") == [("123.456", f"123.456-{stamp}")]
    assert noted(report, "2 lines have the id of a device")
    assert noted(report, "2 lines have no transaction_id")


def test_an_item_of_ga4_without_an_id_or_a_quantity_is_one_piece_of_its_name(tmp_path: Path) -> None:
    event = ga4_event(ORDER)
    event["items"][0] |= {"item_id": "(not set)", "quantity": None}
    purchases, _ = read_json(tmp_path, "ga4", event)
    assert ("1001", "The bread", NOON, 1.0, 3.5) in rows(purchases)


@pytest.mark.parametrize("wrapped", [False, True])
def test_ga4_is_read_from_parquet_whatever_the_writer_makes_of_lists(tmp_path: Path, wrapped: bool) -> None:
    import polars

    event = ga4_event(ORDER)
    items = [{**item, "quantity": int(item["quantity"])} for item in event["items"]]
    row = event | {
        "event_timestamp": int(event["event_timestamp"]),
        "items": {"list": [{"element": item} for item in items]} if wrapped else items,
    }
    polars.DataFrame([row | {"user_pseudo_id": "1.2"}]).write_parquet(tmp_path / "events.parquet")
    purchases, _ = read(tmp_path / "events.parquet", "ga4")
    assert rows(purchases) == [BREAD, MILK]
