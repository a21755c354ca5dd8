"""Claims about the card: it says what the manifest and the results say, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.evaluation.result import Row
from mersalg_training.export.card import at_least, render_card

RESULTS = [
    Row("basket", "mersalg", "NDCG@10", Estimate(0.12, 0.11, 0.13, 400)),
    Row("basket", "popularity", "NDCG@10", Estimate(0.03, 0.02, 0.04, 400)),
    Row("upsell", "mersalg", "NDCG@10", Estimate(0.22, 0.21, 0.23, 400)),
    Row("upsell", "item-item", "NDCG@10", Estimate(0.2, 0.19, 0.215, 400)),
]


@pytest.fixture
def manifest() -> dict[str, Any]:
    return {
        "name": "corner-shop",
        "created_at": "2026-03-01T10:00:00Z",
        "mersalg_version": "7.8.9",
        "run_id": "run77",
        "graph": {"opset": 21, "ml_opset": 5, "candidates": 160},
        "vocabulary": {"products": 4321, "product_types": 300, "categories": 40, "brands": 2},
        "features": ["price", "age"],
        "kinds": {
            "cross-sell": {"threshold": 0.0815, "precision_wanted": 0.05},
            "upsell": {"threshold": None, "precision_wanted": 0.1},
            "add-on": {"threshold": 0.2, "precision_wanted": 0.1},
        },
        "certificates": [
            {
                "kind": "cross-sell", "threshold": 0.0815, "precision": 0.0567, "confidence": 0.9, "n": 1234,
                "from": "2025-10-01", "to": "2025-11-01",
            }
        ],
        "data": {
            "digest": "ab12", "lines": 987654, "orders": 5555, "customers": 666, "products": 4321,
            "from": "2025-01-01", "to": "2025-12-31", "rejected": {"fee": 31, "duplicate": 0},
            "switched_off": ["brands"],
        },
        "windows": {
            "fit_from": "2025-01-01", "rank_from": "2025-08-01", "calibrate_from": "2025-10-01",
            "test_from": "2025-11-26", "to": "2025-12-31",
        },
    }  # fmt: skip


def test_the_card_tells_data_rejects_and_what_was_switched_off(manifest: dict[str, Any]) -> None:
    card = render_card(manifest, RESULTS)
    assert "987,654 order lines in 5,555 orders of 666 customers, 4,321 products" in card
    assert "fee 31" in card
    assert "duplicate" not in card
    assert "Switched off for want of data: brands" in card


def test_what_too_few_customers_know_is_told_where_the_manifest_tells_it(manifest: dict[str, Any]) -> None:
    assert "distinct customers" not in render_card(manifest, RESULTS)
    names = ("products", "pairs", "type_pairs", "follow_pairs", "switches", "intervals", "repeats")
    left_out = {name: 1001 + number for number, name in enumerate(names)}
    card = render_card({**manifest, "privacy": {"min_customers": 5, "left_out": left_out}}, RESULTS)
    assert (
        "Left out, because fewer than 5 distinct customers know of it: 1,001 products' own neighbours, 1,002 pairs of "
        "products and 1,003 of a type and a product in one order, 1,004 pairs in two orders running, 1,005 switches "
        "within a type, 1,006 repurchase intervals and 1,007 repeat rates of a product."
    ) in card


def test_a_certificate_is_a_sentence_with_its_window(manifest: dict[str, Any]) -> None:
    assert (
        "at least 5.6% was bought, with confidence 90%, on 1,234 offers from 2025-10-01 to 2025-11-01 that the model "
        "had not seen"
    ) in render_card(manifest, RESULTS)


def test_a_promise_is_rounded_down_never_up() -> None:
    assert [at_least(share) for share in (0.0567, 0.0999, 0.1, 0.3)] == ["5.6%", "9.9%", "10.0%", "30.0%"]


def test_a_silent_kind_and_one_without_certificate_say_so(manifest: dict[str, Any]) -> None:
    lines = {
        line.split("**")[1]: line for line in render_card(manifest, RESULTS).splitlines() if line.startswith("- **")
    }
    assert set(lines) == {"cross-sell", "add-on", "upsell"}
    assert "Silent" in lines["upsell"]
    assert "Not certified" in lines["add-on"]


def test_the_weakest_tenth_of_what_is_shown_is_told_with_its_bounds_rounded_outwards(manifest: dict[str, Any]) -> None:
    manifest["kinds"]["cross-sell"]["weakest_tenth"] = {
        "offers": 1203, "customers": 900, "promised": 0.083, "realised": 0.0712, "at_least": 0.0559, "at_most": 0.0891,
    }  # fmt: skip
    told = "Of the weakest tenth of what is shown 7.1% was bought (proved: 5.5% to 9.0%, 1,203 offers)."
    assert told in render_card(manifest, RESULTS)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"precision": 0.05}, "wanted: a relevance of 5.0% of each offer."),
        ({"mean_precision": 0.05}, "wanted: a precision of 5.0% on average."),
    ],
)
def test_a_floor_and_a_mean_are_told_apart(manifest: dict[str, Any], target: dict[str, float], told: str) -> None:
    manifest["kinds"]["cross-sell"]["target"] = target
    assert told in render_card(manifest, RESULTS)


def test_every_number_of_the_card_was_given(manifest: dict[str, Any]) -> None:
    given = set(re.findall(r"\d+", f"{manifest} {RESULTS}".replace("_", " ")))
    given |= {"8", "15", "10", "0"} | {"95", "256"}  # shares as percentages; the interval's level; sha256
    card = render_card(manifest, RESULTS).replace(",", "")
    numbers = set(re.findall(r"\d+", re.sub(r"\d\.\d{4}|\d+\.\d%|\d+%", "", card)))
    assert numbers <= given
    shares = {float(text[:-1]) for text in re.findall(r"\d+\.?\d*%", card)}
    assert shares == {5.0, 10.0, 5.6, 90.0}


def test_the_table_holds_every_method_with_its_interval(manifest: dict[str, Any]) -> None:
    card = render_card(manifest, RESULTS)
    assert "| mersalg | 0.1200 (0.1100 to 0.1300) |" in card
    assert "| popularity | 0.0300 (0.0200 to 0.0400) |" in card
    assert card.index("### basket") < card.index("### upsell")


def test_a_method_that_does_not_apply_keeps_its_place(manifest: dict[str, Any]) -> None:
    rows = [*RESULTS, Row("basket", "mersalg", "Recall@10", Estimate(0.5, 0.4, 0.6, 400))]
    assert "| popularity | 0.0300 (0.0200 to 0.0400) | not applicable |" in render_card(manifest, rows)


def test_the_card_names_where_a_baseline_comes_close(manifest: dict[str, Any]) -> None:
    assert "except in: upsell: NDCG@10 (item-item)." in render_card(manifest, RESULTS)
    assert "in every task and metric" in render_card(manifest, RESULTS[:2])


def test_a_baseline_of_more_best_sellers_is_not_ahead(manifest: dict[str, Any]) -> None:
    uneven = [
        Row("basket", "mersalg", "best-sellers@10", Estimate(0.2, 0.1, 0.3, 400)),
        Row("basket", "popularity", "best-sellers@10", Estimate(1.0, 1.0, 1.0, 400)),
    ]
    assert "in every task and metric" in render_card(manifest, [*RESULTS[:2], *uneven])


def test_results_without_a_baseline_claim_nothing(manifest: dict[str, Any]) -> None:
    card = render_card(manifest, RESULTS[:1])
    assert "No baseline was evaluated" in card
    assert "above every baseline" not in card


@pytest.mark.parametrize("test_from", [None, "2025-12-31"])
def test_a_bundle_without_a_test_window_says_so(manifest: dict[str, Any], test_from: str | None) -> None:
    manifest["windows"]["test_from"] = test_from
    card = render_card(manifest, [])
    assert "No test window was held back." in card
    assert "None: no test window was evaluated." in card
    assert "| calibration, thresholds, certificates | 2025-10-01 | 2025-12-31 |" in card


def test_an_untracked_bundle_names_no_run(manifest: dict[str, Any]) -> None:
    manifest["run_id"] = None
    assert "not tracked" in render_card(manifest, [])
