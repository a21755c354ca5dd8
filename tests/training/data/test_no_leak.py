"""Claims: what lies after a cut has no influence on what is learned before it, down to the last byte."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mersalg_training.config import Config
from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.timeline import Int64
from mersalg_training.graph.decide import decision_of
from mersalg_training.graph.scorer import scorer_model
from mersalg_training.learn import learn, read_purchases
from mersalg_training.progress import Stages, quiet
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.counts import Counts, PairTable
from small_shop import CALIBRATE_FROM, RANK_FROM, TEST_FROM, SmallShop, another_future, write_shop

Scorer = tuple[bytes, dict[str, str]]
QUICK: dict[str, dict[str, Any]] = {"ranker": {"trees": 5, "requests": 400}}


def digest(value: object) -> str:
    """SHA-256 of all arrays and numbers of nested dataclasses and dictionaries."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        text = "|".join(f"{name}={digest(inner)}" for name, inner in value.items()).encode()
    else:
        text = value.tobytes() + str(value.dtype).encode() if isinstance(value, np.ndarray) else repr(value).encode()
    return hashlib.sha256(text).hexdigest()


def by_item(counts: Counts, item_of_code: Int64) -> dict[str, Any]:
    """The counts with products by item index; their codes are positions among all products, sold before or not."""
    found: dict[str, Any] = {field.name: getattr(counts, field.name) for field in dataclasses.fields(counts)}
    for name in ("products", "repeats", "intervals", "followed", "firsts"):
        product = item_of_code[np.asarray(found[name]["product"], dtype=np.int64)]
        order = np.argsort(product)
        found[name] = {column: values[order] for column, values in {**found[name], "product": product}.items()}
    for name, sides in {"basket": "ab", "by_type": "b", "follow": "ab", "switches": "ab"}.items():
        pairs = found[name].all() if isinstance(found[name], PairTable) else found[name]
        found[name] = vars(pairs) | {side: item_of_code[getattr(pairs, side)] for side in sides}
    return found


def tables_before(config: Config, cut: datetime) -> dict[str, str]:
    """Digests of all that a shop's tables hold, with products by id and not by code."""
    purchased = read_purchases(config, Stages(Console(file=io.StringIO())))
    tables = learn_shop(purchased.history, purchased.attributes, time_to_day(cut), config, quiet)
    vocabulary = tables.vocabulary
    ids = [purchased.timeline.product_ids[code] for code in vocabulary.code.tolist()]
    kept = {
        field.name: getattr(vocabulary, field.name)
        for field in dataclasses.fields(vocabulary)
        if field.name not in ("code", "item_of_code")  # positions among all products, sold before the cut or not
    }
    parts = {field.name: getattr(tables, field.name) for field in dataclasses.fields(tables)}
    del parts["config"]  # names the files
    parts["counts"] = by_item(tables.counts, vocabulary.item_of_code)
    return {name: digest(part) for name, part in {**parts, "vocabulary": kept, "ids": ids}.items()}


def scorer(config: Config) -> Scorer:
    """The scorer that a job on the files makes, and its windows."""
    stages = Stages(Console(file=io.StringIO()))
    purchased = read_purchases(config, stages)
    learned = learn(purchased, config, stages)
    thresholds = {kind: chosen.threshold for kind, chosen in learned.calibrated.thresholds.items()}
    decision = decision_of(learned.fitted.rankers.tables, learned.calibrated.calibration, thresholds)
    ids = [purchased.timeline.product_ids[code] for code in learned.tables.vocabulary.code.tolist()]
    model = scorer_model(learned.tables, learned.fitted.first_weights, decision, ids)
    return model.SerializeToString(), purchased.windows.to_json()


@pytest.fixture(scope="module")
def as_it_was(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return scorer(write_shop(small_shop, tmp_path_factory.mktemp("as-it-was"), **QUICK))


@pytest.mark.parametrize("cut", [RANK_FROM, CALIBRATE_FROM, TEST_FROM], ids=["rank", "calibrate", "test"])
def test_tables_do_not_know_what_comes_after_their_cut(cut: datetime, small_shop: SmallShop, tmp_path: Path) -> None:
    first = tables_before(write_shop(small_shop, tmp_path / "one"), cut)
    second = tables_before(write_shop(another_future(small_shop, cut), tmp_path / "two"), cut)
    assert first == second


def test_tables_know_what_comes_before_their_cut(small_shop: SmallShop, tmp_path: Path) -> None:
    first = tables_before(write_shop(small_shop, tmp_path / "one"), TEST_FROM)
    earlier = TEST_FROM - timedelta(days=5)
    second = tables_before(write_shop(another_future(small_shop, earlier), tmp_path / "two"), TEST_FROM)
    assert first["vocabulary"] != second["vocabulary"]
    assert first["neighbours"] != second["neighbours"]
    assert first["factors"] != second["factors"]


def test_the_whole_scorer_does_not_know_the_test_window(
    as_it_was: Scorer, small_shop: SmallShop, tmp_path: Path
) -> None:
    changed = scorer(write_shop(another_future(small_shop, TEST_FROM), tmp_path, **QUICK))
    assert changed[1] == as_it_was[1]
    assert changed[1]["test_from"] == TEST_FROM.isoformat()
    assert changed[0] == as_it_was[0]


def test_the_scorer_knows_the_window_that_calibrates(as_it_was: Scorer, small_shop: SmallShop, tmp_path: Path) -> None:
    changed = scorer(write_shop(another_future(small_shop, TEST_FROM - timedelta(days=10)), tmp_path, **QUICK))
    assert changed[1] == as_it_was[1]
    assert changed[0] != as_it_was[0]


Change = Callable[[SmallShop], SmallShop]


def dearer_later(shop: SmallShop) -> SmallShop:
    """Prices triple, and every name of a customer is new, from the test window on."""
    late = [
        line._replace(unit_price=3 * (line.unit_price or 1), customer_id=f"new {line.customer_id}")
        if line.ordered_at >= TEST_FROM
        else line
        for line in shop.lines
    ]
    return shop.with_lines(late)


def nothing_later(shop: SmallShop) -> SmallShop:
    """The shop sold one thing on its last day and nothing else since the test window began."""
    last = max(shop.lines, key=lambda line: line.ordered_at)
    return shop.with_lines([*(line for line in shop.lines if line.ordered_at < TEST_FROM), last])


@pytest.mark.slow
@pytest.mark.parametrize("change", [dearer_later, nothing_later])
def test_no_other_future_changes_the_scorer(
    change: Change, as_it_was: Scorer, small_shop: SmallShop, tmp_path: Path
) -> None:
    assert scorer(write_shop(change(small_shop), tmp_path, **QUICK))[0] == as_it_was[0]
