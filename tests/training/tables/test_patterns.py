"""The claim that patterns are what the orders hold, that enough customers stand behind each, and that they are few."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from mersalg.errors import BundleError
from mersalg_training.config import parse_config
from mersalg_training.export.patterns import NAME, chosen, pattern_tables, read_patterns
from mersalg_training.progress import quiet
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.patterns import LadderStep, Patterns, ProductPair, RepurchaseRhythm, patterns_of
from small_history import Order, history_of, make_attributes, make_timeline

PATTERNS = Patterns(
    min_customers=5,
    types={"bun": "bread", "sauce": "sauce"},
    pairs=[ProductPair(anchor="sauce", product="bun", lift=5.8, orders=90, customers=70)],
    add_ons=[],
    ladders=[LadderStep(anchor="bun", product="brioche", price_ratio=1.5, switches=12, customers=9)],
    rhythms=[RepurchaseRhythm(product="sauce", interval_days=30.5, intervals=41)],
    unusual=[],
)
NAMES = {"sauce": "Chili Sauce", "bun": "Hot dog buns"}


def name(product_id: str) -> str:
    return NAMES.get(product_id, product_id)


def counts(patterns: Patterns) -> tuple[int, int, int]:
    return len(patterns.pairs), len(patterns.ladders), len(patterns.rhythms)


@pytest.mark.parametrize(
    ("product", "product_type", "left"),
    [
        (None, None, (1, 1, 1)),
        ("bun", None, (1, 1, 0)),
        ("chili", None, (1, 0, 1)),
        (None, "Bread", (1, 1, 0)),
        ("brioche", "bread", (0, 1, 0)),
        ("nothing", None, (0, 0, 0)),
        (None, "toys", (0, 0, 0)),
    ],
)
def test_rows_are_chosen_by_product_and_type(
    product: str | None, product_type: str | None, left: tuple[int, int, int]
) -> None:
    assert counts(chosen(PATTERNS, name, product, product_type)) == left


def test_tables_name_the_products_and_say_how_many_rows_there_are_more() -> None:
    [pair] = PATTERNS.pairs
    more = [pair.model_copy(update={"anchor": anchor}) for anchor in ("dog", "mustard")]
    first, *others = pattern_tables(PATTERNS.model_copy(update={"pairs": [pair, *more]}), name, 2)
    assert list(first.rows) == [[anchor, "Hot dog buns", "5.8", "90", "70"] for anchor in ("Chili Sauce", "dog")]
    assert first.notes == ["The first 2 of 3."]
    assert [table.rows for table in others] == [
        [["Hot dog buns", "brioche", "1.50", "12", "9"]],
        [["Chili Sauce", "30.5", "41"]],
    ]


def test_a_pair_stands_once_and_a_lift_at_the_cap_is_said_to_be_more() -> None:
    [pair] = PATTERNS.pairs
    back = ProductPair(anchor="bun", product="sauce", lift=1000.0, orders=90, customers=70)
    strongest, weaker = (
        pattern_tables(PATTERNS.model_copy(update={"pairs": pairs}), name, 9)[0]
        for pairs in ([back, pair], [pair, back])
    )
    assert list(strongest.rows) == [["Hot dog buns", "Chili Sauce", "1,000+", "90", "70"]]
    assert list(weaker.rows) == [["Chili Sauce", "Hot dog buns", "5.8", "90", "70"]]


def test_products_of_one_name_are_told_apart_by_their_ids() -> None:
    alike = {"bun": "Bun", "brioche": "Bun", "sauce": "Sauce"}.__getitem__
    pairs, ladders, rhythms = pattern_tables(PATTERNS, alike, 9)
    assert pairs.rows[0][:2] == ["Sauce", "Bun (bun)"]
    assert ladders.rows[0][:2] == ["Bun (bun)", "Bun (brioche)"]
    assert rhythms.rows[0][0] == "Sauce"


def test_a_bundle_of_before_has_none_and_another_file_is_refused(tmp_path: Path) -> None:
    assert read_patterns(tmp_path, {"files": {}}) is None
    content = json.dumps({"pairs": []}).encode()
    (tmp_path / NAME).write_bytes(content)
    manifest = {"files": {NAME: {"size": len(content), "sha256": sha256(content).hexdigest()}}}
    with pytest.raises(BundleError, match=r"patterns\.json: min_customers: Field required; export the bundle again"):
        read_patterns(tmp_path, manifest)


PRICES = {"camera": 100.0, "card": 20.0, "bread": 3.0, "rye-bread": 4.5, "butter": 2.0, "milk": 1.0, "tripod": 40.0}
CONFIG = parse_config(
    {"name": "patterns", "data": {"orders": "none"}, "counts": {"min_support": 3}, "factors": {"factors": 4}}, "test"
)


@pytest.fixture(scope="module")
def found() -> Patterns:
    """Twenty customers buy a camera with a card, bread with butter, then a dearer bread; four a tripod with milk."""
    orders = []
    for n in range(20):
        orders += [Order(f"c{n}", 1, "camera card"), Order(f"c{n}", 3, "card milk")]
        orders += [Order(f"d{n}", 2, "bread butter"), Order(f"d{n}", 12, "rye-bread butter"), Order(f"f{n}", 3, "milk")]
    for n in range(4):
        orders += [Order(f"t{n}", day, "tripod milk") for day in (1, 11, 21)]
    timeline = make_timeline(orders, PRICES)
    attributes = make_attributes({name: "bread" if name.endswith("bread") else name for name in PRICES})
    tables = learn_shop(history_of(timeline), attributes, 100.0, CONFIG, quiet)
    return patterns_of(tables, attributes, [timeline.product_ids[code] for code in tables.vocabulary.code])


def test_patterns_are_what_the_orders_hold(found: Patterns) -> None:
    pairs = {(row.anchor, row.product): row for row in found.pairs}
    assert (pairs["camera", "card"].orders, pairs["camera", "card"].customers) == (20, 20)
    assert next(iter(pairs)) in {("bread", "butter"), ("rye-bread", "butter"), ("camera", "card")}
    assert found.ladders == [
        LadderStep(anchor="bread", product="rye-bread", price_ratio=1.5, switches=20, customers=20)
    ]
    assert {row.product: (row.interval_days, row.intervals) for row in found.rhythms} == {
        "card": (2.0, 20), "butter": (10.0, 20)
    }  # fmt: skip
    assert found.types["rye-bread"] == "bread"


def test_what_four_customers_buy_is_in_no_row_however_often(found: Patterns) -> None:
    assert "tripod" not in found.model_dump_json()
    assert all(row.customers >= found.min_customers for row in [*found.pairs, *found.add_ons, *found.unusual])
