"""Claims about a job that is given a log of offers: what comes into the bundle, and what stays as it was."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import onnx
import pytest

import mersalg
from mersalg_training.off_policy import learned_acceptance
from quick_job import QUICK, run
from small_shop import RANK_FROM, TEST_FROM, SmallShop, write_shop

pytestmark = pytest.mark.slow


def write_log(shop: SmallShop, file: Path, offers: int = 3000) -> str:
    """Two drawn products for orders of the rank and the calibrate window; filters are accepted, sauces never."""
    random = np.random.default_rng(1)
    products = [product.product_id for product in shop.products if product.product_id.endswith(("-0", "-1"))]
    orders = sorted(
        {(x.order_id, x.customer_id, x.ordered_at) for x in shop.lines if RANK_FROM <= x.ordered_at < TEST_FROM},
        key=str,
    )
    rows = []
    for number in range(offers // 2):
        order, customer, at = orders[number % len(orders)]
        for place, product in enumerate(random.choice(products, 2, replace=False).tolist()):
            likely = 0.9 if product.startswith("filter") else 0.0 if product.startswith("sauce") else 0.2
            rows.append(
                {
                    "customer_id": customer, "order_id": order, "product_id": product, "moment": "cart",
                    "offered_at": (at + timedelta(seconds=number)).isoformat(), "position": place + 1,
                    "propensity": 1 / len(products), "accepted": int(random.random() < likely),
                    "cart": "coffee-0|pasta-0",
                }
            )  # fmt: skip
    file.write_text("\n".join(map(json.dumps, rows)))
    return str(file)


def operators(bundle: Path) -> set[str]:
    return {node.op_type for node in onnx.load(bundle / "scorer.onnx").graph.node}


def test_a_log_changes_the_bundle_where_it_is_taken_and_else_not_a_byte(
    small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_log(small_shop, tmp_path / "offers.jsonl")
    config = write_shop(small_shop, tmp_path, **QUICK)
    with_log = config.model_copy(update={"data": config.data.model_copy(update={"offers": log})})
    run(config, tmp_path / "without")
    monkeypatch.setattr(learned_acceptance, "is_taken", lambda judged: (False, "it is not wanted"))
    _, told = run(with_log, tmp_path / "refused")
    assert "Acceptance  not learned: it is not wanted" in told
    scorers = [(tmp_path / name / "scorer.onnx").read_bytes() for name in ("without", "refused")]
    assert scorers[0] == scorers[1]
    monkeypatch.setattr(learned_acceptance, "is_taken", lambda judged: (True, "it is wanted"))
    _, told = run(with_log, tmp_path / "taken")
    assert "Acceptance  learned: it is wanted" in told
    assert operators(tmp_path / "taken") == operators(tmp_path / "without")
    asked = {"cart": ["coffee-0", "pasta-0"], "kinds": list(mersalg.KINDS), "limit": 100, "at": TEST_FROM.isoformat()}
    score = {}
    for name in ("without", "taken"):
        (ranked,) = mersalg.load(tmp_path / name).score([asked], threshold=False)
        found = {o.product_id: o.score for o in ranked}
        score[name] = found["filter-0"] - found["sauce-0"]
    assert score["taken"] > score["without"] + 0.5, "filters are accepted, and sauces never"


def test_a_short_log_says_what_is_missing(small_shop: SmallShop, tmp_path: Path) -> None:
    log = write_log(small_shop, tmp_path / "offers.jsonl", offers=200)
    config = write_shop(small_shop, tmp_path, **QUICK, data={"offers": log})
    _, told = run(config, tmp_path / "bundle")
    assert "500 and 50 are needed" in told
