"""Claims about a service that draws orders: what it answers, records, counts, and what it costs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from mersalg import ConfigError, MersalgError
from mersalg.policy.default import DEFAULT_POLICY
from mersalg_service.experiment import EXPOSURE_FIELDS, HOLD_OUT, read_experiment
from mersalg_service.serve.app import make_service
from mersalg_service.serve.settings import Settings
from serve.running import Running, running
from serve.test_metrics import figures

KEY = "k" * 20
AT = "2025-03-01T12:00:00"
CROSS_SELLS = {"cart": ["milk"], "kinds": ["cross-sell"], "limit": 1, "at": AT}
"""Bread has odds of 3 to 7, butter of 1 to 4: bread is drawn first in 12 of 19."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", KEY)


def exploring(folder: Path, share: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"explore": share, "exposures": str(folder / "exposures.jsonl"), **more}


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "exposures.jsonl").read_text().splitlines()]


def test_an_answer_says_the_chance_of_each_offer_and_whether_its_order_was_drawn(
    toy_folder: Path, tmp_path: Path
) -> None:
    expected = {"bread": 0.5 * 12 / 19 + 0.5, "butter": 0.5 * 7 / 19}
    seen = set()
    with running(toy_folder, **exploring(tmp_path, 0.5)) as service:
        for number in range(60):
            request = {**CROSS_SELLS, "request_id": f"r{number}"}
            answer = service.recommend(customer_id="c1", order_id="o1", **request).json
            assert answer == service.recommend(customer_id="c1", order_id="o1", **request).json, "a retry"
            (offer,) = answer["offers"]
            assert offer["propensity"] == pytest.approx(expected[offer["product_id"]], abs=1e-6)
            assert answer["explored"] or offer["product_id"] == "bread"
            seen.add((offer["product_id"], answer["explored"]))
        counted = figures(service)
    assert seen == {("bread", True), ("butter", True), ("bread", False)}
    assert counted["mersalg_explored_answers_total", "drawn=yes"] + counted[
        "mersalg_explored_answers_total", "drawn=no"
    ] == pytest.approx(120)
    of_a_draw = 12 / 19 * 0.3 + 7 / 19 * 0.2
    n_drawn = counted["mersalg_explored_answers_total", "drawn=yes"]
    assert counted["mersalg_explored_relevance_total", "order=drawn"] == pytest.approx(n_drawn * of_a_draw, rel=1e-5)
    assert counted["mersalg_explored_relevance_total", "order=own"] == pytest.approx(n_drawn * 0.3, rel=1e-5)
    rows = rows_of(tmp_path)
    assert tuple(rows[0]) == EXPOSURE_FIELDS
    assert sorted({row["propensity"] for row in rows}) == pytest.approx(sorted(expected.values()), abs=1e-6)
    assert {(row["product_id"], row["explored"]) for row in rows} == seen
    same = ("customer_id", "order_id", "kind", "moment", "offered_at", "position", "accepted", "shown")
    assert {tuple(row[name] for name in same) for row in rows} == {
        ("c1", "o1", "cross-sell", "cart", AT, 1, None, True)
    }
    of_a_trial = ("experiment", "unit", "arm", "arm_propensity")
    assert {row[name] for row in rows for name in of_a_trial} == {None}


def test_without_exploring_no_answer_speaks_of_chances(service: Running) -> None:
    answer = service.recommend(request_id="r", **CROSS_SELLS).json
    assert "explored" not in answer
    assert "propensity" not in answer["offers"][0]


def test_a_request_without_an_id_keeps_its_order_and_has_no_chance(toy_folder: Path, tmp_path: Path) -> None:
    with running(toy_folder, **exploring(tmp_path)) as service:
        answer = service.recommend(**CROSS_SELLS).json
    assert (answer["offers"][0]["product_id"], answer["offers"][0]["propensity"]) == ("bread", None)
    assert answer["explored"] is False
    assert [(row["propensity"], row["explored"]) for row in rows_of(tmp_path)] == [(None, False)]


def test_in_a_trial_arm_and_place_have_a_chance_each_and_the_hold_out_is_drawn_alike(
    toy_folder: Path, tmp_path: Path
) -> None:
    trial = tmp_path / "trial.toml"
    trial.write_text('name = "e"\nshadow = "champion"\n[arms]\nhold-out = 0.5\nchampion = 0.5\n')
    arm_of = read_experiment(trial).assign
    with running(toy_folder, **exploring(tmp_path, trial=str(trial))) as service:
        for number in range(60):
            customer = f"c{number}"
            answer = service.recommend(customer_id=customer, request_id=f"r{number}", **CROSS_SELLS).json
            assert bool(answer["offers"]) == (arm_of(customer).arm != HOLD_OUT)
    rows = rows_of(tmp_path)
    assert {(row["arm"], row["product_id"], row["shown"]) for row in rows} == {
        (arm, product, arm != HOLD_OUT) for arm in (HOLD_OUT, "champion") for product in ("bread", "butter")
    }
    assert {row["arm_propensity"] for row in rows} == {0.5}
    assert sorted({row["propensity"] for row in rows}) == pytest.approx([7 / 19, 12 / 19], abs=1e-6)


def test_a_policy_holds_in_a_drawn_order_and_each_offer_stands_beside_its_own_anchor(
    toy_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(DEFAULT_POLICY)
    prices = {"milk": 1, "bread": 2, "butter": 3, "bag": 0.5, "wine": 9}
    lines = [f"{product},{price}," + ("0" if product == "butter" else "5") for product, price in prices.items()]
    (tmp_path / "products.csv").write_text("product_id,price,stock\n" + "\n".join(lines) + "\n")
    files = {"policy": str(tmp_path / "policy.toml"), "catalogue": str(tmp_path / "products.csv")}
    firsts = set()
    with running(toy_folder, **exploring(tmp_path, **files)) as service:
        for number in range(40):
            answer = service.recommend(cart=["milk"], limit=1, at=AT, request_id=f"r{number}").json
            (offer,) = answer["offers"]
            assert answer["beside"][0]["price"] == prices[offer["product_id"]]
            firsts.add(offer["product_id"])
    assert firsts == {"bread", "bag"}, "butter is out of stock, and what has a later turn stays behind"


def test_what_it_costs_is_said_at_the_start(toy_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mersalg.serve"), running(toy_folder, **exploring(tmp_path, 0.1)):
        pass
    assert "orders are drawn for 10.0 % of the requests: of 2 golden requests a drawn one shows" in caplog.text


def test_rankings_without_a_threshold_are_not_asked_of_a_record(toy_folder: Path, tmp_path: Path) -> None:
    with running(toy_folder, **exploring(tmp_path)) as service:
        refused = service.call("POST", "/v1/score", {"requests": [CROSS_SELLS], "threshold": False})
        both = service.call("POST", "/v1/score", {"requests": [{**CROSS_SELLS, "request_id": "r"}] * 2}).json
    assert (refused.status, refused.json["field"]) == (422, "threshold")
    assert both["answers"][0] == both["answers"][1]


def test_an_exploration_that_cannot_be_is_refused_at_the_start(
    toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="exposures: expected a folder for the record"):
        Settings(str(toy_folder), explore=0.1)
    with pytest.raises(ConfigError, match="explore: expected a share of the requests from 0 to 1"):
        Settings(str(toy_folder), explore=1.5, exposures="e")
    monkeypatch.delenv("MERSALG_EXPERIMENT_KEY")
    with pytest.raises(MersalgError, match="explore: no key; set MERSALG_EXPERIMENT_KEY"):
        make_service(Settings(str(toy_folder), **exploring(tmp_path)))
