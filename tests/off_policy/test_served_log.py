"""The claim that what a service records where it draws orders is a log that off-policy estimates are true of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

import mersalg
from mersalg.cli import main
from mersalg_training.logged_offers.read import OffersReport, read_offers
from serve.running import running
from small_shop import TEST_FROM, TYPES, Line, SmallShop, write_table

REQUESTS = 600
AT = TEST_FROM + timedelta(days=1)


def appeal(product: str) -> float:
    """How likely whoever sees it buys it: not what its relevance says."""
    return (sum(product.encode()) % 7 + 1) / 14


def test_the_value_of_the_order_that_was_not_always_shown_is_true(
    trained_bundle: Path, small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", "k" * 20)
    bundle, random = mersalg.load(trained_bundle), np.random.default_rng(3)
    others = [kind for kind in TYPES if kind != "battery"]
    lines, truth, drawn = list(small_shop.lines), [], 0
    record = tmp_path / "record"
    with running(trained_bundle, explore=0.5, exposures=str(record)) as service:
        for number in range(REQUESTS):
            at = AT + timedelta(minutes=number)
            cart = [f"{kind}-{random.integers(3)}" for kind in random.choice(others, 3, replace=False)]
            request = {"cart": cart, "limit": 2, "at": at.isoformat()}
            answer = service.recommend(request_id=f"r{number}", order_id=f"new-{number}", **request).json
            drawn += answer.get("explored", False)
            shown = [offer["product_id"] for offer in answer["offers"]]
            if not shown:
                continue
            truth.append(sum(appeal(offer.product_id) for offer in bundle.recommend(**request)))
            taken = [product for product in shown if random.random() < appeal(product)]
            lines += [Line(None, f"new-{number}", product, at, 1.0, 5.0) for product in (*cart, *taken)]
    lines.append(Line(None, "last", "milk-0", AT + timedelta(days=9), 1.0, 1.0))
    assert drawn > REQUESTS / 5
    orders = write_table(lines, Line, tmp_path / "newer.parquet")
    out = tmp_path / "value.json"
    arguments = ["evaluate", str(trained_bundle), "--offers", str(record), "--json", str(out)]
    assert main([*arguments, "--set", f"data.orders={orders}"]) == 0
    found = json.loads(out.read_text())
    assert any("accepted is empty: what was bought in the order" in note for note in found["offers"]["notes"])
    every = found["value"]["every"]
    assert every["support"]["covered"]["low"] < 1.0 < every["support"]["covered"]["high"]
    for name in ("IPS", "SNIPS", "DR"):
        value = every["values"][name]
        assert value["low"] < float(np.mean(truth)) < value["high"]


ORDERS = [
    ("o1", "ann", "milk", "2024-05-01 10:00:00"), ("o2", "ann", "bread", "2024-05-06 10:00:00"),
    ("o3", "bob", "bread", "2024-05-20 10:00:00"),
]  # fmt: skip


def read_record(folder: Path, rows: Sequence[dict[str, object]]) -> tuple[OffersReport, dict[str, int]]:
    """A record of a service beside ORDERS, and product -> accepted."""
    usual = {"customer_id": "ann", "order_id": "o1", "moment": "cart", "offered_at": "2024-05-01T10:00:00"}
    usual |= {"kind": "cross-sell", "position": "1", "propensity": "0.5", "shown": "true"}
    folder.mkdir()
    written = [json.dumps({**usual, "accepted": None, **row}) for row in rows]
    (folder / "exposures-2024-05-01.jsonl").write_text("\n".join(written) + "\n")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE products AS SELECT unnest(['milk', 'bread', 'tea']) AS product_id")
    connection.execute(
        "CREATE TABLE lines (order_id VARCHAR, customer_id VARCHAR, product_id VARCHAR, ordered_at TIMESTAMP)"
    )
    connection.executemany("INSERT INTO lines VALUES (?, ?, ?, ?)", ORDERS)
    report = read_offers(connection, str(folder), {}, max_reject_share=0.0)
    return report, dict(connection.execute("SELECT product_id, accepted FROM offers").fetchall())


def test_accepted_is_what_was_bought_in_the_order_or_within_a_week(tmp_path: Path) -> None:
    report, accepted = read_record(tmp_path / "a", [{"product_id": name} for name in ("milk", "bread", "tea")])
    assert accepted == {"milk": 1, "bread": 1, "tea": 0}
    assert report.notes == ["accepted is empty: what was bought in the order, or within 7 days, counts as accepted"]


def test_what_was_just_paid_for_is_not_accepted_by_that(tmp_path: Path) -> None:
    rows = [{"product_id": name, "moment": "order-confirmation"} for name in ("milk", "bread")]
    assert read_record(tmp_path / "a", rows)[1] == {"milk": 0, "bread": 1}


def test_what_nobody_knows_yet_is_left_out(tmp_path: Path) -> None:
    new = {"customer_id": "bob", "order_id": "o3", "offered_at": "2024-05-20T10:00:00"}
    report, accepted = read_record(tmp_path / "a", [{"product_id": "bread", **new}, {"product_id": "tea", **new}])
    assert accepted == {"bread": 1}
    assert report.notes[-1] == "1 rows are so new that their days are not over, and are left out"


def test_a_log_that_says_what_was_accepted_is_believed(tmp_path: Path) -> None:
    rows = [{"product_id": "milk", "accepted": "0"}, {"product_id": "tea", "accepted": "1"}]
    report, accepted = read_record(tmp_path / "a", rows)
    assert (accepted, report.notes) == ({"milk": 0, "tea": 1}, [])
