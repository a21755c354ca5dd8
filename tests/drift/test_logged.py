"""Claims: logged offers are asked for as they were shown, and what is accepted is what comes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pytest

import mersalg
from drift.later import END, Later
from mersalg import KINDS
from mersalg.cli import main
from mersalg_training.calibration.targets import REQUESTS_OF_CUSTOMER
from mersalg_training.data.calendar import time_to_day
from mersalg_training.drift.evidence import Evidence, gather_evidence
from mersalg_training.drift.new_purchases import asked_of
from mersalg_training.progress import unseen


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


def write_offers(rows: Sequence[Shown], path: Path) -> str:
    return write_rows([row._asdict() for row in rows], path)


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> str:
    plain = path.with_suffix(".json")
    plain.write_text(json.dumps(rows))
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
        kind = next(kind for kind in found["kinds"] if kind["kind"] == "replacement")  # first in a follow-up
        promised[bundle] = kind["promised"] / kind["precision"]["value"]
    assert promised[later.bundle] > 1.7
    error, left = promised[later.bundle] - 1.0, abs(promised[out] - 1.0)
    assert left < error / 2, "the labels of half of 120 customers take away most of a promise twice too high"
    assert status == 0
    assert not any("not compared" in note for note in found["notes"])


def evidence_of(later: Later, past_orders: str, offers: str) -> Evidence:
    recommender = mersalg.load(later.bundle)
    asked = asked_of(recommender.manifest, "bundle", past_orders, None, [], END.isoformat(), None, None)
    return gather_evidence(recommender, asked, offers, unseen())


def test_no_customer_brings_more_logged_requests_than_a_certificate_allows(later: Later, past_orders: str) -> None:
    """A customer with 40 follow-ups keeps as many as counted in the bound; the others keep theirs."""
    first, other = [row for row in follow_ups(later, 2, 1.0) if row.position == 1][:2]
    hours = [END + timedelta(hours=h) for h in range(40)]
    rows = [first._replace(offered_at=at.isoformat(), accepted=True) for at in hours]
    rows += [other._replace(offered_at=hours[1].isoformat(), accepted=False)]
    evidence = evidence_of(later, past_orders, write_offers(rows, later.folder / "many.parquet"))
    _, requests = np.unique(evidence.outcomes.requests.unit, return_counts=True)
    assert sorted(requests.tolist()) == [1, REQUESTS_OF_CUSTOMER]
    assert evidence.requests == len(evidence.outcomes) == REQUESTS_OF_CUSTOMER + 1
    assert evidence.outcomes.label.sum() == REQUESTS_OF_CUSTOMER
    assert evidence.logged is not None
    times = np.unique(evidence.logged[0].cases.at)
    assert times.tolist() == [time_to_day(at) for at in hours], "the times of the requests are those of the log"


@pytest.fixture(scope="module")
def log_of_a_trial(later: Later) -> list[dict[str, Any]]:
    """Offers that are accepted as promised, and as many accepted ones that nobody saw: held out, or not shown."""
    rows = [row._asdict() | {"shown": True, "arm": "champion"} for row in follow_ups(later, 60, 1.0)]
    nobody_saw = [
        row
        | {"customer_id": f"{row['customer_id']}-{place % 2}", "accepted": True}
        | ({"shown": None, "arm": "hold-out"} if place % 2 else {"shown": False})
        for place, row in enumerate(rows)
    ]
    return rows + nobody_saw


def spelled(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows with some of their columns under another name."""
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


OWN_NAMES = {"shown": "on_page", "accepted": "put_in_cart", "arm": "variant"}
"""What a shop may call the columns."""


@pytest.mark.parametrize("names", [{}, OWN_NAMES], ids=["plain", "mapped"])
def test_an_accepted_offer_that_nobody_saw_changes_no_figure_of_a_check(
    names: dict[str, str],
    later: Later,
    past_orders: str,
    log_of_a_trial: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    mapped = [f"--set=data.columns.{column}={name}" for column, name in names.items()]
    found = []
    for name, rows in (("seen", log_of_a_trial[: len(log_of_a_trial) // 2]), ("all", log_of_a_trial)):
        offers = write_rows(spelled(rows, names), tmp_path / f"{name}.parquet")
        main(["check", str(later.bundle), "--orders", past_orders, "--offers", offers, "--json", *mapped])
        found.append(json.loads(capsys.readouterr().out))
    seen, everything = found
    told = set(everything.pop("notes")) - set(seen.pop("notes"))
    assert everything == seen
    assert told == {f"{len(log_of_a_trial) // 2:,} rows say that nothing was shown, and are left out"}


@pytest.mark.parametrize("names", [{}, OWN_NAMES], ids=["plain", "mapped"])
def test_an_accepted_offer_that_nobody_saw_recalibrates_nothing(
    names: dict[str, str],
    later: Later,
    past_orders: str,
    log_of_a_trial: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    mapped = [f"--set=data.columns.{column}={name}" for column, name in names.items()]
    made = []
    for name, rows in (("seen", log_of_a_trial[: len(log_of_a_trial) // 2]), ("all", log_of_a_trial)):
        offers = write_rows(spelled(rows, names), tmp_path / f"{name}.parquet")
        arguments = ["--orders", past_orders, "--offers", offers, "--out", str(tmp_path / name), *mapped]
        assert main(["recalibrate", str(later.bundle), *arguments]) == 0
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        made.append(
            (
                manifest["lineage"],
                manifest["reference"],
                manifest["kinds"],
                (tmp_path / name / "scorer.onnx").read_bytes(),
            )
        )
    assert made[0] == made[1]
    assert "rows say that nothing was shown, and are left out" in capsys.readouterr().out


def test_rows_that_do_not_count_are_counted_and_the_cart_of_the_log_is_read(later: Later, past_orders: str) -> None:
    rows = [row._asdict() | {"cart": ["milk-1", "milk-0"]} for row in follow_ups(later, 2, 1.0)]
    rows += [row | {"product_id": f"unheard-of-{place}"} for place, row in enumerate(rows[:3])]
    rows += [rows[0] | {"moment": "lunch"}]
    evidence = evidence_of(later, past_orders, write_rows(rows, later.folder / "some-rejected.parquet"))
    share = 100 / len(rows)
    assert f"{len(rows) - 4:,} of {len(rows):,} logged offers count" in evidence.notes
    assert f"rejected, unknown product: 3 ({3 * share:.1f} %)" in evidence.notes
    assert f"rejected, unknown moment: 1 ({share:.1f} %)" in evidence.notes
    assert evidence.logged is not None
    cases, ids = evidence.logged[0].cases, evidence.newer.timeline.product_ids
    assert {tuple(ids[code] for code in cases.cart[row]) for row in range(len(cases))} == {("milk-1", "milk-0")}
    assert not any("no cart" in note for note in evidence.notes)


def test_a_log_that_lacks_a_column_or_none_of_whose_rows_counts_is_refused(
    later: Later, past_orders: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = Shown("customer-001", None, "milk-0", "more-of-same", "cart", datetime(2024, 8, 1).isoformat(), 1, 0.5, True)
    arguments = ["check", str(later.bundle), "--orders", past_orders, "--offers"]
    offers = write_offers([row._replace(moment="lunch")], tmp_path / "moment.parquet")
    assert main([*arguments, offers]) == 2
    assert "unknown moment: 1 rows" in capsys.readouterr().err
    path = tmp_path / "column.csv"
    path.write_text("customer_id,product_id\nc,p\n")
    assert main([*arguments, str(path)]) == 2
    assert "no column for offered_at, accepted" in capsys.readouterr().err
    offers = write_offers([row._replace(product_id="nothing")], tmp_path / "unknown.parquet")
    assert main([*arguments, offers]) == 2
    assert "unknown product: 1 rows" in capsys.readouterr().err
    offers = write_offers([row._replace(offered_at=(END - timedelta(days=1)).isoformat())], tmp_path / "early.parquet")
    assert main([*arguments, offers]) == 2
    assert "expected offers from" in capsys.readouterr().err
