"""What is fuzzed: a function of bytes that tells whether they were accepted, and fails where they must not be.

Each target takes bytes to a reader of the loader. A MersalgError is a refusal; anything else that leaves, and anything
accepted that an independent judge (onnx, the JSON Schema, the rules of the format) would not accept, ends the run.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from folders import Folder, Loading
from google.protobuf.message import DecodeError
from jsonschema import Draft202012Validator
from mutate import mutate_json, mutate_message
from operators import ask
from seeds import manifests, requests, small_scorer

from mersalg import MersalgError
from mersalg.bundle.files import parse_json
from mersalg.bundle.manifest import check_manifest
from mersalg.bundle.onnx.graph import ML_OPERATORS, OPERATORS, check_graph
from mersalg.requests import HISTORY_LINES, encode, read_mapping
from toy_bundle import build_scorer

Mutate = Callable[[bytes, random.Random], bytes]
ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "models" / "bundle.schema.json").read_text()))


@dataclass(frozen=True)
class Target:
    """What to run, from which seeds, and how to change them."""

    run: Callable[[bytes], bool]
    seeds: list[bytes]
    mutate: Mutate


def model_changed(content: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = mutate_message(content, "model", rng)
    return content


def graph(content: bytes) -> bool:
    """The walk over the bytes of a scorer."""
    try:
        check_graph(content, "scorer.onnx")
    except MersalgError:
        return False
    judge_model(content)
    return True


def judge_model(content: bytes) -> None:
    """Fail for a model that, as protobuf's own library reads it, holds what a scorer may not."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        return  # no runtime will read it either
    assert not model.functions, "a function passed"
    assert not model.training_info, "a training graph passed"
    assert {o.domain for o in model.opset_import} <= {"", "ai.onnx.ml"}, "a domain passed"
    assert not model.graph.sparse_initializer, "a sparse tensor passed"
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        assert node.op_type in {"": OPERATORS, "ai.onnx.ml": ML_OPERATORS}[node.domain], "an operator passed"
        for attribute in node.attribute:
            assert not attribute.HasField("g"), "a subgraph passed"
            assert not attribute.graphs, "subgraphs passed"
            tensors += [attribute.t, *attribute.tensors] if attribute.HasField("t") else list(attribute.tensors)
    for tensor in tensors:
        assert not tensor.external_data, "external data passed"
        assert tensor.data_location == 0, "a data location passed"
        assert math.prod(tensor.dims) < 2**31, "an oversize tensor passed"
        if tensor.HasField("raw_data"):
            numbers = onnx.numpy_helper.to_array(tensor)
            assert list(numbers.shape) == list(tensor.dims)
    names = [port.name for port in (*model.graph.input, *model.graph.output)]
    assert len(names) == len(set(names)) == 18, "a port passed"


def manifest(content: bytes) -> bool:
    """The reader of manifest.json."""
    where = Path("manifest.json")
    try:
        document = check_manifest(parse_json(content, where), str(where))
    except MersalgError:
        return False
    for error in SCHEMA.iter_errors(document):
        raise AssertionError(f"passed, but the schema says {error.message[:200]}")
    for name, entry in document["files"].items():
        assert "/" not in name
        assert not name.startswith(".")
        assert type(entry["size"]) is int
        assert len(bytes.fromhex(entry["sha256"])) == 32
    return True


def request(content: bytes) -> bool:
    """The reader of a request, as it comes out of JSON."""
    try:
        mapping = json.loads(content)
    except (ValueError, RecursionError):
        return False
    try:
        read = read_mapping(mapping)
    except MersalgError:
        return False
    feeds = encode(read)
    assert all(array.shape[0] == 1 for array in feeds.values())
    assert len(read.history) <= HISTORY_LINES
    assert np.isfinite(feeds["history_age_days"]).all()
    assert (feeds["history_age_days"] >= 0).all()
    assert (feeds["history_quantity"] >= 0).all()
    assert np.isfinite(feeds["history_quantity"]).all()
    for name in ("cart", "history", "exclude", "only"):
        for product_id in feeds[name].ravel():
            assert "\0" not in product_id
            product_id.encode()
    return True


def bytes_changed(content: bytes, rng: random.Random) -> bytes:
    """Other bytes, of which a folder's attacks are drawn."""
    return rng.randbytes(16) if len(content) < 64 else content[:48]


def make_target(name: str) -> Target:
    """The target of that name."""
    if name == "graph":
        return Target(graph, [small_scorer()], model_changed)
    if name == "manifest":
        return Target(manifest, manifests(), mutate_json)
    if name == "request":
        return Target(request, requests(), mutate_json)
    if name == "folder":
        return Target(Folder().read, [b"0", b"1"], bytes_changed)
    if name == "operator":
        return Target(ask, [b"0", b"1"], bytes_changed)
    return Target(Loading().load, [build_scorer().SerializeToString()], model_changed)


TARGETS = ("graph", "manifest", "request", "folder", "operator", "session")
