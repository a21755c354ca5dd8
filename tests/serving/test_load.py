from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import mersalg.bundle.reading
from mersalg import BundleError, MersalgError, RegistryError, load
from mersalg.bundle.onnx.graph import OPERATORS, check_graph
from toy_bundle import GOLDEN, build_scorer, rewrite, write_bundle, write_manifest


def refuse(folder: Path | str, *words: str) -> None:
    """Loading fails and the message holds the words."""
    with pytest.raises(BundleError) as refusal:
        load(folder)
    for word in words:
        assert word in str(refusal.value)


def change_manifest(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {**manifest, **changes})


def test_a_whole_bundle_loads_from_a_text_a_path_and_a_link_to_its_folder(own_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(own_folder)
    for path in (own_folder, str(own_folder), tmp_path / "link"):
        assert load(path).manifest["name"] == "toy"


def test_a_file_that_the_manifest_does_not_list_is_not_read(own_folder: Path) -> None:
    (own_folder / "notes.txt").symlink_to("/nowhere")
    load(own_folder)


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "none", "expected a bundle folder, got nothing", "mersalg train")
    (tmp_path / "file").write_text("x")
    refuse(tmp_path / "file", "got a file")
    refuse(tmp_path, "manifest.json: expected a file, got nothing")


def test_a_registry_address_without_a_server_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    with pytest.raises(RegistryError, match="MLFLOW_TRACKING_URI"):
        load("models:/demo@champion")


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "1"])
def test_a_wrong_number_of_threads_is_refused(own_folder: Path, threads: Any) -> None:
    with pytest.raises(MersalgError, match="threads"):
        load(own_folder, threads=threads)


@pytest.mark.parametrize("name", ["scorer.onnx", "products.json", "golden.json", "CARD.md"])
def test_a_damaged_file_is_refused(own_folder: Path, name: str) -> None:
    path = own_folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refuse(own_folder, name, "sha256")
    path.write_bytes(content + b" ")
    refuse(own_folder, name, f"expected {len(content)} bytes, got {len(content) + 1}")
    path.unlink()
    refuse(own_folder, name, "got nothing", "not whole")


@pytest.mark.parametrize("name", ["manifest.json", "scorer.onnx", "products.json"])
def test_a_link_instead_of_a_file_is_refused(own_folder: Path, tmp_path: Path, name: str) -> None:
    (own_folder / name).rename(tmp_path / name)
    (own_folder / name).symlink_to(tmp_path / name)
    refuse(own_folder, name, "link")


def test_a_folder_instead_of_a_file_is_refused(own_folder: Path) -> None:
    (own_folder / "CARD.md").unlink()
    (own_folder / "CARD.md").mkdir()
    refuse(own_folder, "CARD.md")


def test_a_file_above_its_cap_is_refused_before_it_is_read(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mersalg.bundle.files.MAX_BYTES, "golden.json", 10)
    refuse(own_folder, "golden.json", "at most 10 bytes")


@pytest.mark.parametrize("name", ["../secret", "a/b", "a\\b", "..", ".hidden", "manifest.json", "", "/etc/passwd"])
def test_a_file_name_that_leaves_the_folder_is_refused(own_folder: Path, name: str) -> None:
    manifest = json.loads((own_folder / "manifest.json").read_text())
    change_manifest(own_folder, files={**manifest["files"], name: {"sha256": "0" * 64, "size": 0}})
    refuse(own_folder, "plain file names")


def test_another_format_version_is_refused_with_what_to_do(own_folder: Path) -> None:
    change_manifest(own_folder, format_version=1)
    refuse(own_folder, "format_version: expected 2, got 1", "train it again")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"a": NaN}', '{"a": 1, "a": 1}', "[" * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_a_manifest_that_is_no_plain_json_object_is_refused(own_folder: Path, text: str) -> None:
    (own_folder / "manifest.json").write_text(text)
    refuse(own_folder, "manifest.json")


def test_golden_requests_that_do_not_hold_are_refused(own_folder: Path) -> None:
    def golden(**changes: Any) -> None:
        rewrite(own_folder, "golden.json", json.dumps({**GOLDEN, **changes}).encode())

    first, *others = GOLDEN["answers"]
    golden(answers=[[first[1], first[0], first[2]], *others])
    refuse(own_folder, "request 0: expected the offers")
    golden(answers=[first[:2], *others])
    refuse(own_folder, "request 0: expected the offers")
    golden(answers=[[{**first[0], "relevance": 0.5002}, *first[1:]], *others])
    refuse(own_folder, "request 0, rank 1: expected relevance 0.5002")
    golden(answers=[[{**first[0], "relevance": 0.50005}, *first[1:]], *others])
    load(own_folder)
    golden(requests=[{**GOLDEN["requests"][0], "limit": -1}, *GOLDEN["requests"][1:]])
    refuse(own_folder, "limit")
    for answers in (None, [first], [first, [{"product_id": "milk"}], others[1]], [first, "none", others[1]]):
        golden(answers=answers)
        refuse(own_folder, "golden.json")
    golden(requests=[], answers=[])
    refuse(own_folder, "at least one")


def changed_scorer(**changes: Any) -> onnx.ModelProto:
    """The toy scorer with one thing that a scorer may not hold."""
    model = build_scorer()
    if "node" in changes:
        model.graph.node.append(changes["node"])
    if "domain" in changes:
        model.opset_import.append(helper.make_opsetid(changes["domain"], 1))
    if "opset" in changes:
        model.opset_import[0].version = changes["opset"]
    if "external" in changes:
        tensor = model.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../secret")
    return model


SUBGRAPH = helper.make_graph([], "inner", [], [])
OUTSIDE = numpy_helper.from_array(np.zeros(3, dtype=np.float32))
OUTSIDE.external_data.add(key="location", value="/etc/passwd")
FORBIDDEN = {
    "If": changed_scorer(node=helper.make_node("If", ["x"], ["y"])),
    "custom.Evil": changed_scorer(node=helper.make_node("Evil", ["x"], ["y"], domain="custom")),
    "RandomNormal": changed_scorer(node=helper.make_node("RandomNormal", [], ["y"], shape=[1])),
    "subgraphs": changed_scorer(node=helper.make_node("Identity", ["x"], ["y"], body=SUBGRAPH)),
    "external data": changed_scorer(external=True),
    "with external data": changed_scorer(node=helper.make_node("ConstantOfShape", ["x"], ["y"], value=OUTSIDE)),
    "opset 21": changed_scorer(opset=20),
    "opset": changed_scorer(domain="custom"),
}


@pytest.mark.parametrize("words", FORBIDDEN)
def test_a_scorer_that_is_more_than_a_pure_function_is_refused(own_folder: Path, words: str) -> None:
    rewrite(own_folder, "scorer.onnx", FORBIDDEN[words].SerializeToString())
    refuse(own_folder, "scorer.onnx", words)


def test_a_scorer_with_a_function_is_refused() -> None:
    model = build_scorer()
    node = helper.make_node("Identity", ["x"], ["y"])
    model.functions.append(helper.make_function("", "Mine", ["x"], ["y"], [node], model.opset_import))
    with pytest.raises(BundleError, match="functions"):
        check_graph(model.SerializeToString(), "scorer.onnx")


def test_no_allowed_operator_is_random_or_holds_a_graph() -> None:
    for name in OPERATORS:
        schema = onnx.defs.get_schema(name, 21)
        assert not schema.deprecated
        assert not any(a.type in (onnx.defs.OpSchema.AttrType.GRAPH, onnx.defs.OpSchema.AttrType.GRAPHS)
                       for a in schema.attributes.values())  # fmt: skip
        assert "seed" not in schema.attributes


def test_no_damage_to_a_scorer_is_anything_but_a_bundle_error() -> None:
    content = build_scorer().SerializeToString()
    rng = np.random.default_rng(7)
    for position in rng.integers(0, len(content), 400):
        for damaged in (content[:position], content[:position] + b"\xff" + content[position + 1 :]):
            with suppress(BundleError):  # anything else fails the test
                check_graph(damaged, "scorer.onnx")


def test_bytes_that_are_no_model_are_refused(own_folder: Path) -> None:
    for content in (b"", b"\x00" * 64, b"\x80" * 64, b"ORTM" * 16, b"not a model"):
        rewrite(own_folder, "scorer.onnx", content)
        refuse(own_folder, "scorer.onnx", "expected an ONNX model")


def test_a_graph_that_the_runtime_refuses_is_a_bundle_error(own_folder: Path) -> None:
    rewrite(
        own_folder, "scorer.onnx", changed_scorer(node=helper.make_node("Identity", ["no"], ["y"])).SerializeToString()
    )
    refuse(own_folder, "scorer.onnx", "onnxruntime", "cannot open it")


def test_a_folder_that_is_held_differs_from_the_next_of_its_name_and_time(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    for _ in range(50):
        folder.mkdir()
        os.utime(folder, (1, 1))
        with mersalg.bundle.reading.held(folder) as before:
            assert before == mersalg.bundle.reading.identity(folder)
            folder.rmdir()
            folder.mkdir()
            os.utime(folder, (1, 1))
            assert before != mersalg.bundle.reading.identity(folder)
        folder.rmdir()
        with mersalg.bundle.reading.held(folder) as nothing:
            assert nothing is None


def test_a_runtime_that_fails_is_not_tried_again_and_prints_nothing(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> None:
        tried.append(arguments)
        raise RuntimeError("no room")

    tried: list[tuple[object, ...]] = []
    monkeypatch.setattr(onnxruntime.InferenceSession, "_create_inference_session", fail)
    refuse(own_folder, "scorer.onnx", "cannot open it", "no room")
    assert len(tried) == 1
    assert capsys.readouterr().out == ""


def test_inputs_and_outputs_of_another_name_type_or_width_are_refused(own_folder: Path) -> None:
    def scorer_with(change: Any) -> None:
        model = build_scorer()
        change(model.graph)
        rewrite(own_folder, "scorer.onnx", model.SerializeToString())

    scorer_with(lambda graph: graph.output.pop())
    refuse(own_folder, "outputs", "missing ['best_relevance']")
    scorer_with(lambda graph: graph.input.append(helper.make_tensor_value_info("customer", TensorProto.FLOAT, ["N"])))
    refuse(own_folder, "inputs", "not known ['customer']")
    scorer_with(
        lambda graph: graph.input[0].CopyFrom(helper.make_tensor_value_info("cart", TensorProto.STRING, [2, "B"]))
    )
    refuse(own_folder, "cart", "axis 0")


def test_a_wrong_name_in_the_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="'milk': expected a name, got 7"):
        load(write_bundle(tmp_path / "toy", {"products.json": b'{"milk": 7}'}))


def test_a_live_recommender_knows_its_names_when_its_folder_is_another_or_gone(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "toy")
    recommender = load(folder)
    shutil.rmtree(folder)
    write_bundle(folder, {"products.json": b'{"milk": "another"}'})
    assert [recommender.name(product_id) for product_id in ("milk", "honey", "milk")] == [
        "Fresh milk",
        "honey",
        "Fresh milk",
    ]
