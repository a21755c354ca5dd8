"""Claims: the graph that a bundle holds gives, item by item, what the rules in plain numpy give."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mersalg.names import KINDS, MOMENTS
from mersalg.offers import ANSWER_OUTPUTS, advantages
from mersalg.session import Session, open_runtime
from mersalg_training.graph.scorer import featurise_model
from mersalg_training.tables.shop_tables import ShopTables
from parity.asks import UNKNOWN_ID, real_asks, strange_asks
from parity.conftest import Reference
from parity.reference import Ask, Asked, gather
from parity.reference_features import STATISTICS, STEPS, Answer, Ranked, answer, least, mannered

SCORE_TIE = 1e-5
"""Scores so close may change places, and fall on either side of a threshold."""
VALUE_TIE = 1e-4
"""The same for expected values, relative to the larger."""
RELEVANCE = 1e-4


@pytest.fixture(scope="module")
def asks(reference: Reference) -> list[Ask]:
    random = np.random.default_rng(11)
    tables = reference.learned.tables
    real = real_asks(reference.purchased.timeline, tables.vocabulary.item_of_code, 120, random)
    return [*real, *strange_asks(real, tables.n_items, random)]


@pytest.fixture(scope="module")
def answers(reference: Reference, asks: list[Ask]) -> list[Answer]:
    names = reference.learned.fitted.feature_names
    return [answer(reference.shop, reference.decider, names, ask) for ask in asks]


def row_of(values: list[Any], nothing: Any, dtype: Any) -> npt.NDArray[Any]:
    """(1, width) of at least one place."""
    return np.array([values or [nothing]], dtype=dtype)


def feeds(ask: Ask, name: Any, nothing: Any, dtype: Any) -> dict[str, npt.NDArray[Any]]:
    """The inputs that both graphs share; `name` makes of an item what the graph takes."""
    return {
        "cart": row_of([name(item) for item in ask.cart], nothing, dtype),
        "history": row_of([name(item) for item, _, _ in ask.history], nothing, dtype),
        "history_age_days": row_of([age for _, age, _ in ask.history], 0.0, np.float32),
        "history_quantity": row_of([quantity for _, _, quantity in ask.history], 0.0, np.float32),
        "exclude": row_of([name(item) for item in ask.exclude], nothing, dtype),
        "moment": np.array([MOMENTS.index(ask.moment)]),
        "kinds": np.array([[kind in ask.kinds for kind in KINDS]]),
    }


def item_feeds(ask: Ask, tables: ShopTables) -> dict[str, npt.NDArray[Any]]:
    """The inputs of the training graph."""
    return {
        name: values if name == "moment" else values[0]
        for name, values in feeds(ask, int, tables.n_items, np.int64).items()
    }


def scored(session: Session, reference: Reference, asks: list[Ask]) -> list[dict[str, Any]]:
    """The scorer's outputs for each request."""
    ids = [*reference.product_ids, UNKNOWN_ID]
    rows = []
    for ask in asks:
        found = session.run(
            feeds(ask, ids.__getitem__, "", object)
            | {
                "limit": np.array([ask.limit]),
                "apply_threshold": np.array([ask.threshold]),
                "only": row_of([ids[item] for item in ask.only], "", object),
                "by_value": np.array([ask.by_value]),
                "by_moment": np.array([ask.by_moment]),
            }
        )
        rows.append({name: values[0].tolist() for name, values in found.items()})
    return rows


@pytest.fixture(scope="module")
def session(trained_bundle: Path) -> Session:
    return Session((trained_bundle / "scorer.onnx").read_bytes(), "scorer.onnx")


@pytest.fixture(scope="module")
def outputs(session: Session, reference: Reference, asks: list[Ask]) -> list[dict[str, Any]]:
    return scored(session, reference, asks)


def undecided(ranked: Ranked, reference: Reference) -> bool:
    """Whether the last bits of the score decide if it passes."""
    kind = np.array([KINDS.index(ranked.candidate.kind)] * 2)
    beside = np.array([ranked.score - SCORE_TIE, ranked.score + SCORE_TIE], dtype=np.float32)
    low, high = reference.decider.calibration.apply(beside, kind) >= least(reference.decider, ranked)
    return bool(low != high)


def tied(one: Ranked, other: Ranked, ask: Ask) -> bool:
    """Whether the last bits decide which of the two comes first."""
    if ask.by_value:
        return one.expected == pytest.approx(other.expected, rel=VALUE_TIE)
    if ask.by_moment:
        return one.brought == pytest.approx(other.brought, rel=VALUE_TIE)
    return abs(one.score - other.score) < SCORE_TIE


def expected_offers(found: Answer, reference: Reference, ask: Ask, given: list[str]) -> list[Ranked]:
    """The reference's offers; a candidate whose relevance lies on its threshold passes where the graph lets it pass."""

    def passes(ranked: Ranked) -> bool:
        if undecided(ranked, reference):
            return reference.product_ids[ranked.candidate.item] in given
        return ranked.relevance >= least(reference.decider, ranked)

    passing = [ranked for ranked in found.ranked if not ask.threshold or passes(ranked)]
    return mannered(passing, ask)[: ask.limit]


def test_the_requests_cover_what_a_shop_sends(asks: list[Ask], answers: list[Answer], reference: Reference) -> None:
    assert len(asks) >= 200
    assert {ask.moment for ask in asks} == set(MOMENTS)
    assert {0, 50} <= {ask.limit for ask in asks}
    assert max(len(ask.cart) for ask in asks) == 1000
    kinds = Counter(r.candidate.kind for found in answers for r in found.ranked)
    assert kinds.keys() == set(KINDS), "a kind that never occurs is not compared"
    assert sum(len(found.left_out) > 0 for found in answers) > 20, "the first score must have something to leave out"
    shown = [found.offers(reference.decider, ask) for ask, found in zip(asks, answers, strict=True) if ask.threshold]
    assert sum(len(offers) > 0 for offers in shown) > 20
    assert sum(len(offers) == 0 for offers in shown) > 5
    upsells = [r.candidate for found in answers for r in found.ranked if r.candidate.kind == "upsell"]
    assert {len(candidate.better) for candidate in upsells} >= {0, 2}, "some must be better and some not"
    by_value = [found for ask, found in zip(asks, answers, strict=True) if ask.by_value]
    turned = [
        [r.score for r in found.ranked] != sorted((r.score for r in found.ranked), reverse=True) for found in by_value
    ]
    assert sum(turned) > 20, "value must change an order"
    only = [(ask, found) for ask, found in zip(asks, answers, strict=True) if ask.only]
    assert len(only) >= 28
    assert any(not found.ranked for _, found in only)
    assert max(len(found.ranked) for _, found in only) > 34, "all that are named are ranked, also beyond the places"
    pools = [gather(Asked(reference.shop, ask)) for ask, _ in only]
    alone = [
        [r for r in found.ranked if not pool[r.candidate.item].found]
        for pool, (_, found) in zip(pools, only, strict=True)
    ]
    assert sum(map(len, alone)) > 20, "`only` must bring what no other source brings"


def test_products_kinds_anchors_and_order_are_those_of_the_reference(
    reference: Reference, asks: list[Ask], answers: list[Answer], outputs: list[dict[str, Any]]
) -> None:
    ids = reference.product_ids
    for number, (ask, found, row) in enumerate(zip(asks, answers, outputs, strict=True)):
        given = [product for product in row["product_id"] if product]
        expected = expected_offers(found, reference, ask, given)
        assert len(given) == len(expected), f"request {number}: {ask}"
        of_product = {ids[r.candidate.item]: r for r in found.ranked}
        for place, wanted in enumerate(expected):
            got = of_product[given[place]]
            where = f"request {number}, rank {place + 1}: {given[place]} instead of {ids[wanted.candidate.item]}"
            assert got is wanted or tied(got, wanted, ask), where
            anchor = got.candidate.anchor
            assert KINDS[row["kind"][place]] == got.candidate.kind, where
            assert row["because"][place] == ("" if anchor is None else ids[anchor]), where
            assert row["score"][place] == pytest.approx(got.score, abs=SCORE_TIE), where
            assert row["relevance"][place] == pytest.approx(got.relevance, abs=RELEVANCE), where
            for name in ("lift", "due_in_days", "interval_days"):
                assert row[name][place] == pytest.approx(getattr(got, name), rel=1e-3, abs=1e-3, nan_ok=True), where
            assert advantages(row["better"][place]) == got.candidate.better, where
        assert len(set(given)) == len(given)


def test_an_answer_has_as_many_places_as_offers(asks: list[Ask], outputs: list[dict[str, Any]]) -> None:
    for ask, row in zip(asks, outputs, strict=True):
        offers = len(row["product_id"])
        assert offers <= ask.limit
        assert all(row["product_id"])
        assert {len(row[name]) for name in ANSWER_OUTPUTS} == {offers}
        assert all(0 <= kind < len(KINDS) for kind in row["kind"])


def test_counts_and_best_relevance_are_those_of_the_reference(
    answers: list[Answer], outputs: list[dict[str, Any]]
) -> None:
    for number, (found, row) in enumerate(zip(answers, outputs, strict=True)):
        assert row["retrieved"] == found.retrieved, f"request {number}"
        wanted = [found.best_relevance.get(kind, -1.0) for kind in KINDS]
        assert row["best_relevance"] == pytest.approx(wanted, abs=RELEVANCE), f"request {number}"


def test_a_relevance_on_its_threshold_is_rare(asks: list[Ask], answers: list[Answer], reference: Reference) -> None:
    ranked = [r for ask, found in zip(asks, answers, strict=True) if ask.threshold for r in found.ranked]
    close = sum(undecided(r, reference) for r in ranked)
    assert close <= 0.01 * len(ranked), f"{close} of {len(ranked)} are left to chance"


def test_features_and_signals_are_those_of_the_reference(
    reference: Reference, asks: list[Ask], answers: list[Answer]
) -> None:
    told = [(ask, found) for ask, found in zip(asks, answers, strict=True) if not ask.only]
    asks, answers = [ask for ask, _ in told], [found for _, found in told]
    tables, names = reference.learned.tables, reference.learned.fitted.feature_names
    model, graph_names = featurise_model(tables, reference.learned.fitted.first_weights)
    assert graph_names == names
    runtime = open_runtime(model.SerializeToString())
    in_steps = np.array([name not in STATISTICS for name in names])
    for number, (ask, found) in enumerate(zip(asks, answers, strict=True)):
        items, kinds, features, signals = runtime.run(["item", "kind", "features", "signals"], item_feeds(ask, tables))
        of_item = {r.candidate.item: r.candidate for r in found.ranked}
        assert sorted(items.tolist()) == sorted(of_item), f"request {number}"
        for place, item in enumerate(items.tolist()):
            candidate = of_item[item]
            assert KINDS[kinds[place]] == candidate.kind
            wanted = np.array([candidate.features[name] for name in names])
            given = features[place]
            close = np.isclose(given, wanted, rtol=1e-4, atol=1e-5 + in_steps * 0.5 / STEPS, equal_nan=True)
            whole = ~in_steps | np.isnan(given) | (given * STEPS == np.round(given * STEPS))
            told = [(names[i], given[i], wanted[i]) for i in np.flatnonzero(~(close & whole))]
            assert not told, f"request {number}, item {item}: {told}"
            known = np.array(list(candidate.signals.values()))
            np.testing.assert_allclose(np.sort(signals[place]), np.sort(known), rtol=1e-4, atol=1e-5)


def test_the_order_of_the_history_changes_no_offer(session: Session, reference: Reference, asks: list[Ask]) -> None:
    real = [replace(ask, threshold=False) for ask in asks[:60]]
    turned = [replace(ask, history=list(ask.history)[::-1]) for ask in real]
    for first, second in zip(scored(session, reference, real), scored(session, reference, turned), strict=True):
        assert set(first["product_id"]) == set(second["product_id"])
        assert first["score"] == pytest.approx(second["score"], abs=1e-4)


def test_nothing_of_a_cart_larger_than_is_looked_at_is_offered(
    reference: Reference, asks: list[Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mersalg_training.graph.request.MAX_CART", 4)
    tables = reference.learned.tables
    model, _ = featurise_model(tables, reference.learned.fitted.first_weights)
    runtime = open_runtime(model.SerializeToString())
    carts = [replace(ask, cart=list(range(0, tables.n_items, 2)), kinds=frozenset(KINDS)) for ask in asks[:20]]
    for ask in carts:
        offered, kind = runtime.run(["item", "kind"], item_feeds(ask, tables))
        of_cart = np.isin(offered, ask.cart)
        assert len(offered) or ask.moment == "order-confirmation"
        assert {KINDS[k] for k in kind[of_cart]} == ({"more-of-same"} if ask.moment == "follow-up" else set())
