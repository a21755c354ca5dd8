"""Claims: logged offers are asked for as they were shown, and what is accepted is what comes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pytest

import mersalg
from drift.later import END, Later
from mersalg import KINDS
from mersalg.cli import main
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.drift.logged import read_logged
from mersalg_training.drift.newer import asked_of, read_newer


class Shown(NamedTuple):
    """A row of an offers table."""

    customer_id: str
    order_id: str | None
    product_id: str
    kind: str
    moment: str
    offered_at: str
    position: int
    propensity: float | None
    accepted: bool


def write_offers(rows: list[Shown], path: Path) -> str:
    plain = path.with_suffix(".json")
    plain.write_text(json.dumps([row._asdict() for row in rows]))
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM read_json('{plain}')) TO '{path}' (FORMAT parquet)")
    return str(path)


def follow_ups(later: Later, days: int, acceptance: float) -> list[Shown]:
    """What the bundle itself offers to every known customer every few days, accepted as told times its relevance."""
    random, recommender = np.random.default_rng(5), mersalg.load(later.bundle)
    history: dict[str, list[dict[str, object]]] = {}
    for line in later.shop.lines:
        if line.customer_id is not None and line.ordered_at < END:
            entry = {"product_id": line.product_id, "ordered_at": line.ordered_at, "quantity": line.quantity}
            history.setdefault(line.customer_id, []).append(entry)
    rows = []
    for day in range(1, days, 7):
        at = END + timedelta(days=day, hours=3)
        requests = [{"request_id": c, "history": h, "at": at, "moment": "follow-up"} for c, h in history.items()]
        for offers in recommender.score(requests):
            rows += [
                Shown(o.request_id, None, o.product_id, o.kind, "follow-up", at.isoformat(), o.rank, None,
                      bool(random.random() < acceptance * o.relevance))
                for o in offers
            ]  # fmt: skip
    return rows


@pytest.fixture(scope="module")
def past_orders(later: Later) -> str:
    """No purchase of these customers after the bundle's data, so that their histories are those of the offers."""
    past = [line for line in later.shop.lines if line.ordered_at < END or line.customer_id is None]
    return later.orders("before-the-offers", past)


def test_offers_accepted_as_promised_keep_the_bundle_and_seldom_accepted_ones_do_not(
    later: Later, past_orders: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for acceptance, decision in ((1.0, "keep"), (0.3, "recalibrate")):
        offers = write_offers(follow_ups(later, 60, acceptance), tmp_path / "offers.parquet")
        status = main(["check", str(later.bundle), "--orders", past_orders, "--offers", offers, "--json"])
        found = json.loads(capsys.readouterr().out)
        assert (found["decision"], found["labels"]) == (decision, "accepted")
        assert status == found["exit_status"]
        assert any("is not compared with" in note or "are not compared with" in note for note in found["notes"])


def test_a_bundle_calibrated_on_acceptance_promises_acceptance_and_is_compared_with_acceptance(
    later: Later, past_orders: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    offers, out = write_offers(follow_ups(later, 60, 0.5), tmp_path / "half.parquet"), tmp_path / "accepted"
    arguments = ["--orders", past_orders, "--offers", offers]
    wished = [f"--set=thresholds.precision.{kind}=0.02" for kind in KINDS]
    assert main(["recalibrate", str(later.bundle), *arguments, *wished, "--out", str(out)]) == 0
    capsys.readouterr()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["lineage"]["labels"] == manifest["reference"]["labels"] == "accepted"
    assert manifest["config"]["thresholds"]["precision"] == dict.fromkeys(KINDS, 0.02)
    promised = {}
    for bundle in (later.bundle, out):
        status = main(["check", str(bundle), *arguments, "--json"])
        found = json.loads(capsys.readouterr().out)
        kind = next(kind for kind in found["kinds"] if kind["kind"] == "more-of-same")
        promised[bundle] = kind["promised"] / kind["precision"]["value"]
    assert promised[later.bundle] > 1.7
    error, left = promised[later.bundle] - 1.0, abs(promised[out] - 1.0)
    assert left < error / 2, "the labels of half of 120 customers take away most of a promise twice too high"
    assert status == 0
    assert not any("not compared" in note for note in found["notes"])


def test_no_customer_brings_more_logged_requests_than_a_certificate_allows(later: Later, past_orders: str) -> None:
    """A customer with 40 follow-ups keeps as many as counted in the bound; the others keep theirs."""
    asked = asked_of(mersalg.load(later.bundle).manifest, "bundle", past_orders, None, [], END.isoformat(), None, None)
    row = Shown("customer-001", None, "milk-0", "more-of-same", "follow-up", "", 1, None, True)
    rows = [row._replace(offered_at=(END + timedelta(hours=h)).isoformat()) for h in range(40)]
    rows += [
        row._replace(customer_id="customer-002", offered_at=(END + timedelta(hours=1)).isoformat(), accepted=False)
    ]
    offers = write_offers(rows, later.folder / "many.parquet")
    logged = read_logged(offers, read_newer(asked), np.random.default_rng(1))
    customers, requests = np.unique(logged.cases.customer, return_counts=True)
    assert len(customers) == 2
    assert requests.tolist() == [REQUESTS_OF_CUSTOMER, 1]
    assert logged.only.lengths.tolist() == [1] * (REQUESTS_OF_CUSTOMER + 1)
    assert sum(logged.cases.target.lengths.tolist()) == REQUESTS_OF_CUSTOMER
    assert (logged.cases.at > 1000.0).all(), "the times of the requests are those of the log"


def test_an_offers_table_that_lacks_a_column_or_names_another_moment_is_refused(
    later: Later, past_orders: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = Shown("customer-001", None, "milk-0", "more-of-same", "cart", datetime(2024, 8, 1).isoformat(), 1, 0.5, True)
    arguments = ["check", str(later.bundle), "--orders", past_orders, "--offers"]
    offers = write_offers([row._replace(moment="lunch")], tmp_path / "moment.parquet")
    assert main([*arguments, offers]) == 2
    assert "moment: expected one of" in capsys.readouterr().err
    path = tmp_path / "column.csv"
    path.write_text("customer_id,product_id\nc,p\n")
    assert main([*arguments, str(path)]) == 2
    assert "no column order_id" in capsys.readouterr().err
    offers = write_offers([row._replace(product_id="nothing")], tmp_path / "unknown.parquet")
    assert main([*arguments, offers]) == 2
    assert "expected offers of known products" in capsys.readouterr().err
