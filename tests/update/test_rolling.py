"""Claims: an update calibrates on what the parent scored before it learned of it, and labels nothing too early."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import numpy as np
import pytest

import mersalg
from grown_shop import KeptShop
from mersalg.bundle import read_bundle
from mersalg.bundle.manifest import DIGEST, NO_DIGEST, with_digest
from mersalg.cli import main
from mersalg.errors import BundleError
from mersalg.names import AFTER_PAYMENT, KINDS, KINDS_BY_MOMENT, MOMENTS
from mersalg_training.calibration.curve import fit_calibration
from mersalg_training.calibration.fit import calibrate
from mersalg_training.calibration.scored_offers import SHOWN, ScoredOffers
from mersalg_training.calibration.thresholds import choose_thresholds
from mersalg_training.config import EngineConfig
from mersalg_training.data.calendar import day_to_time, time_to_day
from mersalg_training.engine.duckdb_engine import DuckDBEngine
from mersalg_training.evaluation.bundle_method import is_offerable
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.learn import Fitted, calibrate_cases, read_purchases
from mersalg_training.progress import unseen
from mersalg_training.update.kept_requests import known_offers, make_tables
from mersalg_training.update.rankers import decision_of_scorer, read_rankers
from mersalg_training.update.rolling import first_day
from mersalg_training.update.state import State, checked, open_state, place_of
from small_shop import DAYS, START, Line, write_table

END = START + timedelta(days=DAYS)
HORIZON = 12.0


def update(bundle: Path, out: Path, *more: str) -> int:
    """The exit status of the command."""
    return main(["update", str(bundle), "--out", str(out), "--set", "tracking.enabled=false", *more])


def manifest_of(bundle: Path) -> dict[str, Any]:
    return json.loads((bundle / "manifest.json").read_text("utf-8"))


def state_of(bundle: Path) -> State:
    return open_state(bundle, read_bundle(bundle).manifest)


def table(bundle: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table of a bundle's state."""
    files = [str(file) for file in state_of(bundle).files(name)]
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet($files)", {"files": files})
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def kept_offers(bundle: Path, seed: int) -> ScoredOffers:
    """What the state of a bundle would calibrate on."""
    with DuckDBEngine.open(EngineConfig()) as engine:
        make_tables(engine, state_of(bundle))
        return known_offers(engine, seed)


def lines_of(*files: str | Path) -> list[tuple[str, str, str, datetime, float]]:
    """Customer, order, product, time and quantity of the lines of known customers, by time."""
    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT customer_id, order_id, product_id, ordered_at, quantity FROM read_parquet($files) "
            "WHERE customer_id IS NOT NULL ORDER BY ordered_at, order_id, product_id",
            {"files": [str(file) for file in files]},
        ).fetchall()


def bought_within(lines: Iterable[Any], customer: str, asked: float) -> set[str]:
    """What a customer bought behind a time, within the horizon."""
    return {p for c, _, p, at, _ in lines if c == customer and asked < time_to_day(at) <= asked + HORIZON}


def test_a_state_begins_with_the_rows_that_calibrated_the_bundle(kept_shop: KeptShop) -> None:
    """By the training job's own split they give its thresholds."""
    manifest, state = manifest_of(kept_shop.bundle), state_of(kept_shop.bundle)
    config, _ = bundle_config(manifest, "bundle", [])
    fitted = cast(Fitted, SimpleNamespace(config=config, rhythm=read_rankers(state.files("rankers")[0]).rhythm))
    purchased = read_purchases(config, unseen())
    cases, random = calibrate_cases(purchased, fitted)
    purchased.history.engine.close()
    offers = kept_offers(kept_shop.bundle, config.seed)
    assert state.manifest["calibration"] == {"requests": len(cases), "requests_a_day": len(cases) / 40.0}
    unit = np.where(cases.customer < 0, len(purchased.timeline.customer_ids) + cases.order, cases.customer)
    made = calibrate(replace(offers, requests=replace(offers.requests, unit=unit)), config.thresholds, random)
    assert {kind: chosen.threshold for kind, chosen in made.thresholds.items()} == {
        kind: entry["threshold"] for kind, entry in manifest["kinds"].items()
    }


def test_what_is_not_known_yet_waits_and_comes_to_what_was_bought(kept_shop: KeptShop, tmp_path: Path) -> None:
    """The offers are the parent's, for a request that is made by hand of the order lines up to its time."""
    first, second = tmp_path / "first", tmp_path / "second"
    assert update(kept_shop.bundle, first, "--orders", str(kept_shop.folder / "early.parquet")) == 0
    after_payment = {MOMENTS.index(moment) for moment in AFTER_PAYMENT}
    waiting = [row for row in table(first, "kept_requests") if row["stage"] != "known"]
    labels = {(o["request"], o["label"]) for o in table(first, "kept_offers")}
    assert {row["stage"] for row in waiting} == {"open", "planned"}
    assert all(row["moment"] in after_payment for row in waiting)
    assert all(label is None for request, label in labels if request in {row["request"] for row in waiting})

    assert update(first, second, "--orders", str(kept_shop.folder / "rest.parquet")) == 0
    to, lines = time_to_day(END) + 36.0, lines_of(*(kept_shop.folder / f"{n}.parquet" for n in ("past", "later")))
    offers = defaultdict(list)
    for row in table(second, "kept_offers"):
        offers[row["request"]].append(row)
    parent, checked_labels, hits = mersalg.load(first), 0, 0
    for row in table(second, "kept_requests"):
        paid = row["moment"] in after_payment
        assert (row["stage"] == "known") == (not paid or row["order_day"] + 2.0 * HORIZON <= to)
        if not paid or row["order_day"] < time_to_day(END):
            continue
        if row["stage"] == "planned":
            assert row["asked_day"] >= to
            assert row["request"] not in offers
            continue
        came = bought_within(lines, row["customer_id"], row["asked_day"])
        for offer in offers[row["request"]]:
            expected = float(offer["product_id"] in came) if row["stage"] == "known" else None
            assert offer["label"] == expected
            checked_labels, hits = checked_labels + (expected is not None), hits + int(expected or 0.0)
        if row["asked_day"] >= time_to_day(END) + 5.0:
            found = sorted((o["kind"], o["place"], o["product_id"]) for o in offers[row["request"]])
            assert found == best_of(parent, row, lines)
    assert checked_labels > 40 < 40 * hits


def best_of(parent: mersalg.Recommender, row: dict[str, Any], lines: list[Any]) -> list[tuple[int, int, str]]:
    """Kind, place and product of the best offers for a request after payment."""
    moment, asked = MOMENTS[row["moment"]], row["asked_day"]
    is_past = [
        c == row["customer_id"] and time_to_day(at) <= asked and o != row["order_id"] for c, o, _, at, _ in lines
    ]
    if moment == "follow-up":
        is_past = [c == row["customer_id"] and time_to_day(at) <= asked for c, _, _, at, _ in lines]
    history = [line for line, past in zip(lines, is_past, strict=True) if past and row["brings_history"]]
    answer = parent.score(
        [
            {
                "cart": [] if moment == "follow-up" else [p for _, o, p, _, _ in lines if o == row["order_id"]],
                "history": [{"product_id": p, "ordered_at": at, "quantity": n} for _, _, p, at, n in history],
                "at": day_to_time(asked),
                "moment": moment,
                "kinds": list(KINDS_BY_MOMENT[moment]),
                "limit": parent.manifest["graph"]["candidates"],
            }
        ],
        threshold=False,
    )[0]
    best = []
    for number, kind in enumerate(KINDS):
        of_kind = [offer.product_id for offer in answer if offer.kind == kind and is_offerable(offer)]
        best += [(number, place, product) for place, product in enumerate(of_kind[:SHOWN])]
    return best


def test_thresholds_are_those_of_the_kept_rows_and_follow_a_shop_that_changes(
    kept_shop: KeptShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each later order every second line is dropped, so that less comes; the halves are drawn by hand."""
    later = lines_of(kept_shop.folder / "later.parquet")
    half = [Line(c, o, p, at, n, 1.0) for number, (c, o, p, at, n) in enumerate(later) if number % 2]
    out, orders = tmp_path / "out", write_table(half, Line, tmp_path / "half.parquet")
    assert update(kept_shop.bundle, out, "--orders", str(orders)) == 0
    printed, manifest = capsys.readouterr().out, manifest_of(out)
    made, seed = manifest["lineage"]["calibration"], manifest["config"]["seed"]
    assert made["stays_because"] is None
    assert f"Calibrated  on {made['requests']} requests from {made['from'][:10]}" in printed
    assert "newer: mersalg recalibrate" not in printed
    assert all(
        (certificate["from"], certificate["to"]) == (made["from"], made["to"])
        for certificate in manifest["certificates"]
    )

    rows = sorted((r for r in table(out, "kept_requests") if r["stage"] == "known"), key=lambda row: row["request"])
    offers = kept_offers(out, seed)
    assert len(offers.requests.unit) == len(rows) == made["requests"]
    names = [
        hashlib.md5(
            f"{seed} customer {r['customer_id']}".encode()
            if r["customer_id"]
            else f"{seed} order {r['order_id']}".encode()
        ).hexdigest()
        for r in rows
    ]
    number = np.searchsorted(np.unique(names), names)
    fits = number < len(set(names)) // 2
    numbered = replace(offers, requests=replace(offers.requests, unit=number))
    fitting = numbered.take_requests(np.flatnonzero(fits))
    calibration = fit_calibration(fitting.score, fitting.kind, fitting.label)
    relevant = replace(numbered, relevance=calibration.apply(offers.score, offers.kind))
    config, _ = bundle_config(manifest, "bundle", [])
    expected = choose_thresholds(
        *(relevant.take_requests(np.flatnonzero(which)) for which in (fits, ~fits)), config.thresholds
    )
    assert {kind: chosen.threshold for kind, chosen in expected.items()} == {
        kind: entry["threshold"] for kind, entry in manifest["kinds"].items()
    }
    new, old = (calibration_of(bundle) for bundle in (out, kept_shop.bundle))
    assert np.array_equal(new.score, calibration.score)
    assert np.array_equal(new.relevance, calibration.relevance)

    judged = relevant.take_requests(np.flatnonzero(~fits))
    came, promised = judged.label.mean(), new.apply(judged.score, judged.kind).mean()
    before = old.apply(judged.score, judged.kind).mean()
    assert before > 1.4 * came
    assert abs(promised - came) < 0.3 * (before - came)


def calibration_of(bundle: Path) -> Any:
    """The calibration that a bundle's scorer holds."""
    kept = read_rankers(state_of(bundle).files("rankers")[0])
    return decision_of_scorer(kept.trees, read_bundle(bundle).scorer, "").calibration


def test_the_parents_calibration_stays_where_nothing_is_known_or_labels_are_others(
    kept_shop: KeptShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = [Line("customer-001", "late", product, END - timedelta(days=9), 1.0, 2.0) for product in ("milk-0", "tea-0")]
    orders, out = write_table(late, Line, tmp_path / "late.parquet"), tmp_path / "out"
    assert update(kept_shop.bundle, out, "--orders", str(orders)) == 0
    same_promises(kept_shop.bundle, out, "tell of no request what came of it")
    until = manifest_of(out)["certificates"][0]["to"][:10]
    assert f"of requests up to {until}; newer: mersalg recalibrate" in capsys.readouterr().out
    assert not [row for row in table(out, "kept_requests") if row["order_id"] == "late"]

    manifest = manifest_of(kept_shop.bundle)
    manifest["reference"]["labels"] = "accepted"
    (kept_shop.bundle / "manifest.json").write_bytes(with_digest(json.dumps({**manifest, DIGEST: NO_DIGEST}).encode()))
    assert update(kept_shop.bundle, out, "--orders", kept_shop.day(0)) == 0
    same_promises(kept_shop.bundle, out, "relevance is of offers that were accepted")


def same_promises(parent: Path, bundle: Path, because: str) -> None:
    """Calibration, thresholds and certificates of both are equal, and the bundle says why."""
    old, new = manifest_of(parent), manifest_of(bundle)
    assert all(new[name] == old[name] for name in ("kinds", "certificates", "reference"))
    assert because in new["lineage"]["calibration"]["stays_because"]
    assert because in (bundle / "CARD.md").read_text("utf-8")
    assert np.array_equal(calibration_of(parent).relevance, calibration_of(bundle).relevance)


def test_who_is_forgotten_is_in_no_kept_request(kept_shop: KeptShop, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text("customer-007\n")
    gone = {r["request"] for r in table(kept_shop.bundle, "kept_requests") if r["customer_id"] == "customer-007"}
    assert gone
    assert update(kept_shop.bundle, kept_shop.bundle, "--forget", str(ids)) == 0
    for name in ("kept_requests", "kept_offers"):
        assert not gone & {row["request"] for row in table(kept_shop.bundle, name)}
    assert manifest_of(kept_shop.bundle)["lineage"]["calibration"]["stays_because"] is None


def test_the_window_is_the_fewest_days_that_hold_enough_and_a_recalibration_begins_it_anew() -> None:
    with DuckDBEngine.open(EngineConfig()) as engine:
        make_tables(engine)
        engine.connection.execute(
            "INSERT INTO kept_requests BY NAME SELECT range AS request, 100.5 + range // 10 AS order_day, "
            "CASE WHEN range % 10 = 0 THEN 'open' ELSE 'known' END AS stage FROM range(100)"
        )
        assert [first_day(engine, n, {}) for n in (1, 9, 10, 27, 90, 91)] == [109, 109, 108, 107, 100, -np.inf]
        recalibrated = {"made_by": "recalibrate", "from": day_to_time(105.0).isoformat()}
        assert first_day(engine, 60, {"lineage": recalibrated}) == 105
        assert first_day(engine, 60, {"lineage": {**recalibrated, "made_by": "update"}}) == 103


def test_a_state_without_requests_is_refused(kept_shop: KeptShop) -> None:
    place = place_of(kept_shop.bundle)
    manifest = json.loads((place / "manifest.json").read_text("utf-8"))
    with pytest.raises(BundleError, match="expected a state of version 2, got 1: another version of mersalg wrote it"):
        checked(place, json.dumps({**manifest, "format_version": 1}).encode())
