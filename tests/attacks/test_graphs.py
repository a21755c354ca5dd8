"""The attacks on ONNX files that are publicly known, and those that a reader of protobuf invites."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks.graph_attacks import (
    LOCATIONS,
    MORE_THAN_A_FUNCTION,
    NO_TREES,
    OVERSIZE,
    behind_a_fixed_width,
    chain,
    changed,
    number,
    places,
    read_differently,
    size_without_a_text,
    trees,
)
from mersalg import BundleError, load
from mersalg.bundle.onnx.graph import check_graph
from toy_bundle import build_scorer, rewrite


def refuse(content: bytes, *words: str) -> None:
    with pytest.raises(BundleError) as refusal:
        check_graph(content, "scorer.onnx")
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.usefixtures("no_runtime")
def test_no_tensor_names_a_place_outside_the_file(folder: Path, location: str) -> None:
    (folder / "weights.bin").symlink_to("/etc/passwd")
    for attack in places(location):
        rewrite(folder, "scorer.onnx", changed(attack))
        with pytest.raises(BundleError, match="external data"):
            load(folder)


@pytest.mark.parametrize("attack", OVERSIZE)
def test_a_tensor_has_as_much_data_as_its_shape_says(attack: str) -> None:
    refuse(changed(OVERSIZE[attack]))


@pytest.mark.parametrize("attack", MORE_THAN_A_FUNCTION)
@pytest.mark.usefixtures("no_runtime")
def test_a_scorer_that_is_more_than_a_function_is_refused_before_a_runtime_sees_it(folder: Path, attack: str) -> None:
    change, words = MORE_THAN_A_FUNCTION[attack]
    rewrite(folder, "scorer.onnx", changed(change))
    with pytest.raises(BundleError) as refusal:
        load(folder)
    assert words in str(refusal.value)


def test_bytes_that_readers_of_protobuf_read_differently_are_refused() -> None:
    good = build_scorer().SerializeToString()
    check_graph(good, "scorer.onnx")
    for content in read_differently():
        refuse(content, "not one")
        refuse(content[len(good) :] + good)
    refuse(good + number(26 << 3 | 2) + b"\0", "field 26 of the model")
    refuse(good + number(7 << 3 | 2) + b"\0", "inputs")  # a second graph, which some would merge with the first


def test_an_operator_does_not_hide_behind_a_number_of_fixed_width() -> None:
    for model in behind_a_fixed_width():
        assert onnx.ModelProto.FromString(model).graph.node[-1].op_type == "Loop"
        refuse(model, "not one")


@pytest.mark.parametrize("field", ["dim_param", "denotation"])
@pytest.mark.usefixtures("no_runtime")
def test_a_size_is_called_by_a_text(folder: Path, field: str) -> None:
    rewrite(folder, "scorer.onnx", size_without_a_text(field))
    with pytest.raises(BundleError, match="not one"):
        load(folder)


def test_trees_that_are_trees_pass_up_to_the_greatest_depth() -> None:
    check_graph(trees(), "scorer.onnx")
    check_graph(chain(1024), "scorer.onnx")
    refuse(chain(1025), "at most 1024 levels")


@pytest.mark.parametrize("attack", NO_TREES)
def test_trees_that_are_none_are_refused(attack: str) -> None:
    refuse(trees(**NO_TREES[attack]))


GOOD = build_scorer().SerializeToString()


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=12), st.integers(0, 12))
def test_no_change_of_bytes_is_anything_but_read_or_refused(place: int, written: bytes, dropped: int) -> None:
    content = GOOD[:place] + written + GOOD[place + dropped :]
    try:
        check_graph(content, "scorer.onnx")
    except BundleError:
        return
    model = onnx.ModelProto.FromString(content)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
