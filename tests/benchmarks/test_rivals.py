"""A rival is worth measuring only if it gives the same offers with the same trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mersalg
from mersalg import BundleError
from mersalg.session import open_runtime
from mersalg_training.graph.trees import TreeTable, predict_raw, round_down, routed, tree_node


def two_trees() -> TreeTable:
    """A tree of two splits and a bare leaf, with a base score: -0.5 or 2 by x, 7 by y; 0.25 always; 1 to all."""
    return TreeTable(
        n_features=2,
        roots=np.array([0, ~3]),
        feature=np.array([0, 1]),
        threshold=np.array([0.1, 5.0]),
        default_left=np.array([False, True]),
        left=np.array([~0, ~1]),
        right=np.array([1, ~2]),
        leaf_value=np.array([-0.5, 2.0, 7.0, 0.25]),
        base_score=1.0,
    )


ROWS = np.array([[0.0, 9.0], [0.2, 1.0], [0.2, 9.0], [np.nan, np.nan], [np.nan, 6.0]], dtype=np.float32)
SCORES = np.array([0.75, 3.25, 8.25, 3.25, 8.25])


def test_an_ensemble_read_from_its_node_scores_as_before() -> None:
    from bundle_parts import table_of

    table = two_trees()
    found = table_of(tree_node(table, "x", "y"), 2, adds_to_start=True)
    assert found.n_trees == 3  # the base score became a tree of one leaf
    np.testing.assert_array_equal(found.threshold, round_down(table.threshold))
    np.testing.assert_allclose(predict_raw(found, ROWS), SCORES)


def test_the_two_sides_of_a_routed_ensemble_come_apart_again() -> None:
    from bundle_parts import below, table_of

    new, own = two_trees(), replace(two_trees(), leaf_value=np.array([10.0, 20.0, 70.0, 0.0]), base_score=0.0)
    both = table_of(tree_node(routed(new, own, 1, 5.0), "x", "y"), 2, adds_to_start=True)
    np.testing.assert_allclose(predict_raw(below(both, both.left[both.roots]), ROWS), SCORES)
    apart = below(both, both.right[both.roots])
    assert apart.n_trees == 3
    np.testing.assert_allclose(predict_raw(apart, ROWS), [10.0, 20.0, 70.0, 20.0, 70.0])


def test_lightgbm_scores_with_the_bundles_trees() -> None:
    import lightgbm
    from bundle_parts import as_lightgbm, table_of

    table = table_of(tree_node(two_trees(), "x", "y"), 2, adds_to_start=True)
    booster = lightgbm.Booster(model_str=as_lightgbm(table, ["x", "y"]))
    np.testing.assert_allclose(booster.predict(ROWS, raw_score=True), SCORES)


def test_the_trees_alone_score_in_onnxruntime() -> None:
    from bundle_parts import trees_alone

    session = open_runtime(trees_alone(two_trees()))
    np.testing.assert_allclose(session.run(None, {"features": ROWS})[0][:, 0], SCORES)


def test_a_graph_that_is_built_otherwise_is_refused_by_name() -> None:
    from bundle_parts import constants, tree_tables

    from toy_bundle import build_scorer

    with pytest.raises(BundleError, match="got none named standing_of_item"):
        constants(build_scorer(), ("standing_of_item",))
    with pytest.raises(BundleError, match="expected one tree node, raw_score, got none"):
        tree_tables(build_scorer(), 1, adds_to_start=True)


@pytest.mark.parametrize("rival", ["lightgbm", "onnx-trees"])
def test_a_numpy_rival_gives_the_bundles_offers(place: Any, rival: str) -> None:
    from contenders import CONTENDERS
    from request_file import read_requests

    requests = read_requests(place.work / "requests.jsonl")
    recommender = mersalg.load(place.bundle)
    ask = next(each for each in CONTENDERS if each.name == rival).open(place)
    assert sum(map(len, map(ask, requests))) > 50
    for request in requests:
        there = ask(request)
        assert [(o.product_id, o.kind, o.because) for o in recommender.recommend(**request)] == [
            (o["product_id"], o["kind"], o["because"]) for o in there
        ]
        for here, offer in zip(recommender.recommend(**request), there, strict=True):
            assert offer["relevance"] == pytest.approx(here.relevance, abs=1e-5)


@pytest.mark.parametrize("lookup", ["item-item", "als", "scan"])
def test_a_lookup_gives_as_many_products_as_are_asked_for(place: Any, lookup: str) -> None:
    from contenders import CONTENDERS
    from request_file import read_requests

    ask = next(each for each in CONTENDERS if each.name == lookup).open(place)
    known = mersalg.load(place.bundle).names
    with_history = [r for r in read_requests(place.work / "requests.jsonl") if len(r["history"]) > 5]
    for request in with_history[:20]:
        found = ask(request)
        assert len(found) == request["limit"]
        assert len(set(found)) == len(found)
        assert set(found) <= set(known)


def test_requests_come_back_from_their_file(place: Any, tmp_path: Path) -> None:
    from request_file import read_requests, write_requests

    requests = read_requests(place.work / "requests.jsonl")
    write_requests(requests, tmp_path / "again.jsonl")
    assert read_requests(tmp_path / "again.jsonl") == requests
    assert {request["moment"] for request in requests} >= {"cart"}
