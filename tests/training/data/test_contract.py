from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from mersalg.errors import ConfigError, DataError
from mersalg_training.config import ContractConfig, DataConfig
from mersalg_training.data.contract import apply_contract
from mersalg_training.data.purchases import open_purchases
from shop_export import ANYTHING, GOOD, HEADER, PRODUCTS, clean_lines, contract, opened


def test_plain_purchases_are_kept_and_nothing_else_is_said(tmp_path: Path) -> None:
    report = contract(tmp_path, GOOD, "bert,2,milk,2024-01-05 10:30:00,1,1.20")
    assert (report.lines_read, report.lines_kept, report.rejected, report.kept_though) == (2, 2, {}, {})
    assert (report.orders, report.customers, report.products) == (2, 2, 2)
    assert (report.first.isoformat(), report.last.isoformat()) == ("2024-01-01T00:00:00", "2024-01-05T10:30:00")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("anna,,bread,2024-01-01,1,3", "missing id"),
        ("anna,2, ,2024-01-01,1,3", "missing id"),
        (f"anna,2,{'b' * 257},2024-01-01,1,3", "unusable id"),
        ("anna,2,\x1b[31mbread,2024-01-01,1,3", "unusable id"),
        ("anna,2,\u202ebread,2024-01-01,1,3", "unusable id"),
        ("anna,2,bread,soon,1,3", "unparsable date"),
        ("anna,2,bread,,1,3", "unparsable date"),
        ("anna,2,bread,2024-02-30,1,3", "unparsable date"),
        ("anna,2,bread,infinity,1,3", "unparsable date"),
        ("anna,2,bread,1900-01-01,1,3", "unparsable date"),
        ("anna,2,bread,2024-01-01,two,3", "wrong type"),
        ("anna,2,bread,2024-01-01,,3", "wrong type"),
        ("anna,2,bread,2024-01-01,nan,3", "wrong type"),
        ("anna,2,bread,2024-01-01,1,cheap", "wrong type"),
        ("anna,2,bread,2024-01-01,1,inf", "wrong type"),
        ("anna,C2,bread,2024-01-01,1,3", "cancellation"),
        ("anna,2,bread,2024-01-01,-1,3", "cancellation"),
        ("anna,2,bread,2024-01-01,0,3", "non-positive quantity"),
        ("anna,2,bread,2024-01-01,1,0", "non-positive price"),
        ("anna,2,bread,2024-01-01,1,-3", "non-positive price"),
        (GOOD, "duplicate"),
        ("anna,2,post,2024-01-01,1,3", "fee"),
        ("anna,2,bank charges,2024-01-01,1,3", "fee"),
    ],
)
def test_a_line_that_is_no_plain_purchase_is_counted_under_its_reason_and_dropped(
    tmp_path: Path, line: str, reason: str
) -> None:
    report = contract(tmp_path, GOOD, line)
    assert report.rejected == {reason: 1}
    assert (report.lines_read, report.lines_kept) == (2, 1)
    assert len(report.examples[reason]) == 1


def test_an_id_at_the_bound_is_kept_and_a_catalogue_row_beyond_it_is_left_out(tmp_path: Path) -> None:
    most, more = "\U0001f35e" * 256, "b" * 257
    products = f"{PRODUCTS}{more},Bread,food,bread,1"
    purchases = opened(tmp_path, GOOD, f"anna,2,{most},2024-01-01,1,3", products=products)
    report = apply_contract(purchases, ANYTHING)
    assert report.rejected == {}
    assert any("1 rows whose product_id is too long" in note for note in report.notes)
    ids = {product for (product,) in purchases.connection.execute("SELECT product_id FROM products").fetchall()}
    assert most in ids
    assert more not in ids


def test_a_line_of_an_unknown_product_is_counted_and_kept(tmp_path: Path) -> None:
    purchases = opened(tmp_path, GOOD, "anna,2,cheese,2024-01-01,1,3")
    report = apply_contract(purchases, ANYTHING)
    assert report.kept_though == {"unknown product": 1}
    assert report.rejected == {}
    assert clean_lines(purchases, "product_id") == [("bread",), ("cheese",)]


def test_a_line_of_an_unknown_product_is_dropped_where_the_policy_says_so(tmp_path: Path) -> None:
    config = ContractConfig(max_reject_share=0.99, unknown_product="reject")
    assert contract(tmp_path, GOOD, "anna,2,cheese,2024-01-01,1,3", config=config).rejected == {"unknown product": 1}


def test_without_a_catalogue_no_product_is_unknown(tmp_path: Path) -> None:
    report = apply_contract(opened(tmp_path, GOOD, products=None), ANYTHING)
    assert report.kept_though == {}


def test_a_line_counts_under_the_first_reason_alone(tmp_path: Path) -> None:
    lines = [
        ",,,soon,two,cheap",
        "anna,C2,post,soon,two,cheap",
        "anna,C2,post,2024-01-01,two,0",
        "anna,C2,post,2024-01-01,0,0",
        "anna,2,post,2024-01-01,0,0",
        "anna,2,post,2024-01-01,1,0",
        "anna,2,post,2024-01-01,1,4",
        "anna,2,post,2024-01-01,1,4",
    ]
    report = contract(tmp_path, GOOD, *lines)
    assert list(report.rejected.items()) == [
        ("missing id", 1),
        ("unparsable date", 1),
        ("wrong type", 1),
        ("cancellation", 1),
        ("non-positive quantity", 1),
        ("non-positive price", 1),
        ("duplicate", 1),
        ("fee", 1),
    ]
    assert report.lines_read == report.lines_kept + sum(report.rejected.values())


def test_equal_lines_of_an_earlier_reason_are_no_duplicates(tmp_path: Path) -> None:
    report = contract(tmp_path, GOOD, *["anna,C2,bread,2024-01-01,1,3"] * 3)
    assert report.rejected == {"cancellation": 3}


def test_a_kept_reason_does_not_hide_one_that_rejects(tmp_path: Path) -> None:
    config = ContractConfig(max_reject_share=0.99, cancellation="keep")
    report = contract(tmp_path, GOOD, "anna,2,milk,2024-01-01,-1,3", "anna,C3,milk,2024-01-01,1,3", config=config)
    assert report.rejected == {"non-positive quantity": 1}
    assert report.kept_though == {"cancellation": 1}


def test_kept_duplicates_add_up(tmp_path: Path) -> None:
    purchases = opened(tmp_path, GOOD, GOOD, GOOD)
    report = apply_contract(purchases, ContractConfig(duplicate="keep"))
    assert (report.kept_though, report.rejected, report.lines_kept) == ({"duplicate": 2}, {}, 3)
    assert clean_lines(purchases, "quantity") == [(6.0,)]


def test_a_duplicate_of_an_unknown_product_counts_once_under_each(tmp_path: Path) -> None:
    line = "anna,2,cheese,2024-01-01,1,3"
    report = contract(tmp_path, GOOD, line, line, config=ContractConfig(max_reject_share=0.99, duplicate="keep"))
    assert report.kept_though == {"duplicate": 1, "unknown product": 1}


def test_lines_that_differ_in_a_column_are_no_duplicates(tmp_path: Path) -> None:
    report = contract(tmp_path, GOOD, "anna,1,bread,2024-01-01,1,3.50")
    assert report.rejected == {}


def test_a_kept_quantity_of_zero_is_a_purchase_of_one_and_a_kept_price_of_zero_is_unknown(tmp_path: Path) -> None:
    purchases = opened(tmp_path, "anna,1,bread,2024-01-01,0,3", "anna,2,bread,2024-01-01,4,0")
    report = apply_contract(purchases, ContractConfig(non_positive_quantity="keep", non_positive_price="keep"))
    assert report.kept_though == {"non-positive quantity": 1, "non-positive price": 1}
    assert clean_lines(purchases, "order_id, quantity, unit_price") == [("1", 1.0, 3.0), ("2", 4.0, None)]


def test_an_unknown_price_is_no_reason(tmp_path: Path) -> None:
    purchases = opened(tmp_path, "anna,1,bread,2024-01-01,1,")
    assert apply_contract(purchases, ANYTHING).rejected == {}
    assert clean_lines(purchases, "unit_price") == [(None,)]


FEES = (
    "POSTAGE", "DOTCOM POSTAGE", "Manual", "BANK CHARGES", "AMAZON FEE", "CARRIAGE", "Discount", "SAMPLES",
    "Adjust bad debt", "CRUK Commission", "Shipping & Handling", "Standard shipping (3 days)",
    "Next day delivery", "Carrier bag charge", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", "MISC SALES TRANS",
    "Fragt", "Frakt (Posten)", "Forsendelse (GLS pakkeshop)", "LEVERING", "Kortgebyr", "Expeditionsavgift",
    "Rabat", "Miljøavgift",
)  # fmt: skip
MERCHANDISE = (
    "HORSE & CARRIAGE", "VINTAGE POSTAGE STAMPS", "GIFT CARD HOLDER", "COUPON ORGANIZER", "TOILET BOWL MANUAL",
    "MISCELLANEOUS CHEESE", "CRACKERS/MISC BKD FD", "DISCOUNT COSMETICS", "COFFEE", "SAMPLER CHOCOLATES",
    "Adjustable Race", "Height adjustment knob", "FREIGHT TRAIN TOY", "GASOLINE CAN", "LIGHTER FUEL",
    "Gift Voucher 20", "Gift Card - $25.00", "Gavekort",
    "Fragtfri vogn", "Leveringsboks", "Gavekortæske", "Rabatvogn",
)  # fmt: skip


def test_fees_are_told_by_their_names_and_merchandise_with_a_word_of_them_is_none(tmp_path: Path) -> None:
    names = [*FEES, *MERCHANDISE]
    products = "product_id,name\n" + "".join(f"{place},{name}\n" for place, name in enumerate(names))
    lines = [f"anna,1,{place},2024-01-01,1,1" for place in range(len(names))]
    purchases = opened(tmp_path, *lines, products=products)
    assert apply_contract(purchases, ANYTHING).rejected == {"fee": len(FEES)}
    kept = purchases.connection.execute("SELECT name FROM lines JOIN products USING (product_id)").fetchall()
    assert {row[0] for row in kept} == set(MERCHANDISE)


def test_a_type_of_manual_goods_is_no_fee_and_a_product_of_that_name_is_one(tmp_path: Path) -> None:
    products = "product_id,name,product_type\n1,Colgate,MANUAL\n2,Manual,\n3,Letter,Postage"
    lines = [f"anna,1,{product},2024-01-01,1,1" for product in (1, 2, 3)]
    purchases = opened(tmp_path, *lines, products=products)
    assert apply_contract(purchases, ANYTHING).rejected == {"fee": 2}
    assert purchases.connection.execute("SELECT product_id FROM lines").fetchall() == [("1",)]


@pytest.mark.parametrize(("mark", "is_fee"), [("true", True), ("1", True), ("no", False), ("", False), ("?", False)])
def test_a_column_is_fee_of_the_lines_marks_fees(tmp_path: Path, mark: str, is_fee: bool) -> None:
    purchases = opened(tmp_path, f"{GOOD},0", f"anna,2,milk,2024-01-01,1,1,{mark}", header=f"{HEADER},is_fee")
    assert apply_contract(purchases, ANYTHING).rejected == ({"fee": 1} if is_fee else {})


def test_a_shops_own_condition_marks_fees_in_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(f"{HEADER}\n{GOOD}\nanna,2,milk,2024-01-01,1,1\n")
    (tmp_path / "products.csv").write_text(PRODUCTS)
    data = DataConfig(
        orders=str(tmp_path / "orders.csv"),
        products=str(tmp_path / "products.csv"),
        columns={"is_fee": "category = 'Dairy'"},
    )
    report = apply_contract(open_purchases(data), ANYTHING)
    assert report.rejected == {"fee": 1}
    assert not any("is_fee" in note for note in report.notes)


def test_empty_patterns_match_nothing(tmp_path: Path) -> None:
    config = ContractConfig(fee_pattern="", cancelled_order_pattern="")
    report = contract(tmp_path, GOOD, "anna,C2,post,2024-01-01,1,1", config=config)
    assert report.rejected == {}


def test_more_rejects_than_allowed_stop_with_the_worst_reasons_and_example_rows(tmp_path: Path) -> None:
    lines = ["anna,C2,milk,2024-01-01,1,1", "anna,C3,milk,2024-01-01,1,1", "anna,4,milk,soon,1,1"]
    with pytest.raises(DataError) as caught:
        contract(tmp_path, GOOD, *lines, config=ContractConfig(max_reject_share=0.5))
    message = str(caught.value)
    assert "3 of 4 order lines (75.0 %) are rejected; contract.max_reject_share allows 50%" in message
    assert message.index("cancellation: 2 lines") < message.index("unparsable date: 1 lines")
    assert "order_id 'C2'" in message
    assert "ordered_at 'soon'" in message
    assert "[data.columns]" in message


def test_exactly_the_share_that_is_allowed_does_not_stop(tmp_path: Path) -> None:
    report = contract(tmp_path, GOOD, "anna,C2,milk,2024-01-01,1,1", config=ContractConfig(max_reject_share=0.5))
    assert report.rejected == {"cancellation": 1}


def test_nothing_left_stops_whatever_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 1 order lines \(100.0 %\)"):
        contract(tmp_path, "anna,C2,milk,2024-01-01,1,1", config=ContractConfig(max_reject_share=1.0))


def test_no_lines_at_all_stop(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no lines"):
        contract(tmp_path)


@pytest.mark.parametrize("key", ["fee_pattern", "cancelled_order_pattern"])
def test_a_pattern_that_is_no_regular_expression_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"contract\.{key}: expected a regular expression"):
        contract(tmp_path, GOOD, config=ContractConfig.model_validate({key: "("}))


def reasons_by_hand(lines: list[str], kept: set[str]) -> tuple[Counter[str], Counter[str]]:
    """Rejected and kept-though lines by reason, line by line as the contract's documentation tells."""
    rejected: Counter[str] = Counter()
    though: Counter[str] = Counter()
    seen: set[str] = set()
    for line in lines:
        _, order, product, day, quantity, price = line.split(",")
        is_number = quantity in "-102" and price in "012"
        raised = {
            "missing id": not order or not product,
            "unparsable date": day == "soon",
            "wrong type": not is_number,
            "cancellation": order.startswith("C") or quantity == "-1",
            "non-positive quantity": is_number and int(quantity) <= 0,
            "non-positive price": is_number and int(price) <= 0,
            "duplicate": line in seen,
            "fee": product == "post",
            "unknown product": product not in ("bread", "milk", "post"),
        }
        seen.add(line)
        reasons = [reason for reason, is_raised in raised.items() if is_raised]
        if rejecting := [reason for reason in reasons if reason not in kept]:
            rejected[rejecting[0]] += 1
        elif reasons:
            though[reasons[0]] += 1
    return rejected, though


@pytest.mark.parametrize(
    "kept",
    [
        {"unknown product"},
        {"duplicate", "unknown product"},
        {"cancellation", "fee", "non-positive price"},
        {"cancellation", "non-positive quantity", "non-positive price", "duplicate", "fee", "unknown product"},
    ],
)
def test_counts_by_reason_equal_those_made_line_by_line(tmp_path: Path, kept: set[str]) -> None:
    draw = random.Random(7)
    choices = (["anna", ""], ["1", "2", "C3", ""], ["bread", "post", "cheese", "bread", "milk"],
               ["2024-01-01", "2024-01-01", "soon"], ["1", "2", "0", "-1", "x"], ["1", "2", "0", "x"])  # fmt: skip
    lines = [GOOD.replace("3.50", "2"), *(",".join(draw.choice(values) for values in choices) for _ in range(600))]
    policies = {
        reason.replace("-", "_").replace(" ", "_"): "keep" if reason in kept else "reject"
        for reason in (
            "cancellation", "non-positive quantity", "non-positive price", "duplicate", "fee", "unknown product",
        )
    }  # fmt: skip
    report = contract(tmp_path, *lines, config=ContractConfig.model_validate({**policies, "max_reject_share": 1.0}))
    rejected, though = reasons_by_hand(lines, kept)
    assert report.rejected == dict(rejected)
    assert report.kept_though == dict(though)
    assert report.lines_kept == len(lines) - rejected.total()


def test_examples_are_at_most_three_and_as_the_source_spells_them(tmp_path: Path) -> None:
    lines = [f"anna,{order},bread,2024-01-01,two,1" for order in range(5)]
    rows = contract(tmp_path, GOOD, *lines).examples["wrong type"]
    assert [row["order_id"] for row in rows] == ["0", "1", "2"]
    assert rows[0]["quantity"] == "two"


def test_the_report_is_json_and_renders_its_reasons(tmp_path: Path) -> None:
    report = contract(tmp_path, GOOD, "anna,C2,milk,2024-01-01,1,1")
    found = json.loads(json.dumps(report.to_json()))
    assert (found["first"], found["rejected"]) == ("2024-01-01T00:00:00", {"cancellation": 1})
    console = Console(width=120)
    with console.capture() as capture:
        console.print(report.render())
    assert "1 of 2 order lines count" in capture.get()
    assert "cancellation" in capture.get()
    assert "order_id 'C2'" in capture.get()
