from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from mersalg import Recommender, RequestError, load
from mersalg.errors import ConfigError, MersalgError
from mersalg_service.experiment import EXPOSURE_FIELDS, HOLD_OUT, Experiment, Exposure, ExposureLog, Trial
from toy_bundle import write_bundle

KEY = b"sixteen bytes at least"
AT = datetime(2025, 3, 1, 12)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    return load(write_bundle(tmp_path_factory.mktemp("bundles") / "toy"))


def trial(toy: Recommender, rows: list[Exposure], **changes: object) -> Trial:
    arms = {HOLD_OUT: 0.5, "champion": 0.5}
    found = Experiment(**{"name": "spring", "arms": arms, "key": KEY, **changes})  # type: ignore[arg-type]
    return Trial(found, {"champion": toy}, rows.extend)


def unit_in(found: Trial, arm: str) -> str:
    return next(f"c{n}" for n in range(100) if found.experiment.assign(f"c{n}").arm == arm)


def test_an_arm_gets_the_recommenders_offers_and_each_is_recorded(toy: Recommender) -> None:
    rows: list[Exposure] = []
    found = trial(toy, rows)
    unit = unit_in(found, "champion")
    offers = found.recommend(customer_id=unit, order_id="o1", cart=["milk"], moment="cart", at=AT, limit=2)
    assert list(offers) == list(toy.recommend(cart=["milk"], moment="cart", at=AT, limit=2))
    assert [(r.product_id, r.kind, r.position, r.relevance) for r in rows] == [
        (o.product_id, o.kind, o.rank, o.relevance) for o in offers
    ]
    first = rows[0]
    assert (first.customer_id, first.order_id, first.unit, first.arm) == (unit, "o1", unit, "champion")
    assert (first.offered_at, first.moment, first.propensity, first.shown) == (AT, "cart", 0.5, True)
    assert first.bundle is not None
    assert first.bundle.startswith(f"{toy.manifest['name']}:")
    assert (first.accepted, first.reason) == (None, None)


def test_a_hold_out_unit_sees_nothing_and_is_recorded(toy: Recommender) -> None:
    rows: list[Exposure] = []
    found = trial(toy, rows)
    offers = found.recommend(customer_id=unit_in(found, HOLD_OUT), cart=["milk"], at=AT)
    assert (len(offers), offers.reason) == (0, "hold-out")
    assert [(r.arm, r.product_id, r.shown, r.bundle, r.reason) for r in rows] == [
        (HOLD_OUT, None, False, None, "hold-out")
    ]


def test_with_a_shadow_the_would_be_offers_are_recorded_and_not_shown(toy: Recommender) -> None:
    rows: list[Exposure] = []
    found = trial(toy, rows, shadow="champion")
    offers = found.recommend(customer_id=unit_in(found, HOLD_OUT), cart=["milk"], at=AT, limit=2)
    would_be = toy.recommend(cart=["milk"], at=AT, limit=2)
    assert not offers
    assert [(r.product_id, r.shown, r.arm) for r in rows] == [(o.product_id, False, HOLD_OUT) for o in would_be]


def test_an_empty_answer_is_recorded_with_its_reason(toy: Recommender) -> None:
    rows: list[Exposure] = []
    found = trial(toy, rows)
    found.recommend(customer_id=unit_in(found, "champion"), cart=["milk"], kinds=["replacement"], at=AT)
    assert [(r.product_id, r.shown, r.reason) for r in rows] == [(None, False, "kind silent")]


def test_orders_are_assigned_where_the_experiment_says_so(toy: Recommender) -> None:
    rows: list[Exposure] = []
    found = trial(toy, rows, unit="order")
    found.recommend(customer_id="somebody", order_id="o7", cart=["milk"], at=AT)
    assert rows[0].unit == "o7"
    with pytest.raises(MersalgError, match="without order_id"):
        found.recommend(customer_id="somebody", cart=["milk"], at=AT)


def test_a_refused_request_is_not_recorded(toy: Recommender) -> None:
    rows: list[Exposure] = []
    found = trial(toy, rows, shadow="champion")
    with pytest.raises(RequestError, match="moment"):
        found.recommend(customer_id="c1", cart=["milk"], moment="never")
    assert rows == []


def test_an_offer_that_cannot_be_recorded_is_not_shown(toy: Recommender) -> None:
    def refuse(rows: Sequence[Exposure]) -> None:
        raise MersalgError("disk full")

    found = Trial(Experiment("spring", {HOLD_OUT: 0.0, "champion": 1.0}, KEY), {"champion": toy}, refuse)
    with pytest.raises(MersalgError, match="disk full"):
        found.recommend(customer_id="c1", cart=["milk"])


def test_each_arm_needs_its_recommender(toy: Recommender) -> None:
    with pytest.raises(ConfigError, match="expected a recommender for each of challenger, champion, got champion"):
        Trial(Experiment("e", {"champion": 0.5, "challenger": 0.5}, KEY), {"champion": toy}, list)


def exposure(customer: str) -> Exposure:
    values = dict.fromkeys(EXPOSURE_FIELDS)
    given = {"customer_id": customer, "moment": "cart", "offered_at": AT, "experiment": "e", "arm": "a", "shown": False}
    return Exposure(**{**values, **given})  # type: ignore[arg-type]


def write_many(path: Path, name: str) -> None:
    with ExposureLog(path) as log:
        for number in range(200):
            log([exposure(f"{name}-{number}-" + "x" * 500)] * 3)


def test_many_processes_write_whole_lines_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "exposures.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, f"w{n}")) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3 * 200 * 3
    assert set(rows[0]) == set(EXPOSURE_FIELDS)


def test_a_line_torn_by_a_kill_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "exposures.jsonl"
    path.write_text('{"customer_id": "c1", "or')
    with ExposureLog(path) as log:
        log([exposure("c2")])
    assert [line[:22] for line in path.read_text().splitlines()] == ['{"customer_id": "c1", ', '{"customer_id": "c2", ']


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MersalgError, match="cannot be opened for exposures"):
        ExposureLog(tmp_path / "none" / "exposures.jsonl")
