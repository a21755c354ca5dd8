"""What is fuzzed: a function of bytes that tells whether they were accepted, and fails where they must not be.

Each target takes bytes to a reader of the loader. A MersalgError is a refusal; anything else that leaves, and anything
accepted that an independent judge (onnx, the JSON Schema, the rules of the format) would not accept, ends the run.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from folders import Folder, Loading
from google.protobuf.message import DecodeError
from hostile_operators import ask
from jsonschema import Draft202012Validator
from mutate import mutate_json, mutate_message
from seeds import manifests, requests, small_scorer

from mersalg import MersalgError
from mersalg.bundle.files import parse_json
from mersalg.bundle.manifest import check_manifest
from mersalg.bundle.onnx.graph import ML_OPERATORS, OPERATORS, check_graph
from mersalg.customer import HISTORY_LINES
from mersalg.requests import Request, encode
from mersalg_service.serve.batching import Together
from mersalg_service.serve.bodies import read_many, read_object, read_one, to_bytes
from mersalg_service.serve.problems import document_of
from mersalg_service.serve.tensors import read_tensors
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
    assert len(names) == len(set(names)) == 23, "a port passed"


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


class Calls:
    """Bodies of calls on their way through the service's batching, each between two that hold."""

    def __init__(self) -> None:
        self.together = Together(ThreadPoolExecutor(1), 1, lambda body: read_one(read_object(body)), self.answer)

    def answer(self, requests: Sequence[Request]) -> list[bytes]:
        for request in requests:
            judge_request(request)
        return [to_bytes(request.request_id) for request in requests]

    def call(self, body: bytes) -> bool:
        """The readers of the three paths; whatever the body is, the calls beside it get their answers."""
        calls = [(one, Future[bytes]()) for one in (b'{"request_id": "a"}', body, b'{"request_id": "b"}')]
        self.together.waiting.extend(calls)
        self.together.take()
        first, asked, last = (future for _, future in calls)
        assert (first.result(0), last.result(0)) == (b'"a"', b'"b"'), "a call beside it was lost"
        passed = not isinstance(refusal_of(asked), MersalgError)
        return passed | self.read_many(body)

    def read_many(self, body: bytes) -> bool:
        """The readers of /v1/score and of the Open Inference Protocol."""
        try:
            document = read_object(body)
        except MersalgError as error:
            judge_refusal(error)
            return False
        passed = False
        for read in (lambda: read_many(document, 256)[0], lambda: read_tensors(document, 256).requests):
            try:
                requests = read()
            except MersalgError as error:
                judge_refusal(error)
                continue
            assert len(requests) <= 256
            for request in requests:
                judge_request(request)
            passed = True
        return passed


def refusal_of(asked: Future[bytes]) -> BaseException | None:
    """Why a call was refused, which has to be a refusal of ours."""
    error = asked.exception(0)
    if error is not None:
        judge_refusal(error)
    return error


def judge_refusal(error: BaseException) -> None:
    """Fail for what is no refusal of ours, or a long one."""
    if not isinstance(error, MersalgError):
        raise error
    assert len(str(error)) < 600, "a long refusal passed"
    assert len(document_of(error)) < 6000, "a long problem document passed"


def judge_request(read: Request) -> None:
    """Fail for a request that passed and that the graph must not be given."""
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


def deepened(content: bytes, rng: random.Random) -> bytes:
    """The document with some values changed, and now and then one of them within many lists or objects."""
    content = mutate_json(content, rng)
    if rng.random() > 0.1:
        return content
    depth = min(rng.choice((1, 8, 30, 31, 32, 33, 100, 500, 900, 960, 980, 1000, 3000)) + rng.randrange(40), 3000)
    opened, closed = rng.choice(((b"[", b"]"), (b'{"x":', b"}"), (b'[{"at":', b"}]")))
    place = content.find(rng.choice((b":", b"[")), rng.randrange(len(content) + 1)) + 1
    end = min((found for sign in (b",", b"]", b"}") if (found := content.find(sign, place)) >= 0), default=place)
    return content[:place] + opened * depth + (content[place:end] or b"1") + closed * depth + content[end:]


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
        return Target(Calls().call, requests(), deepened)
    if name == "folder":
        return Target(Folder().read, [b"0", b"1"], bytes_changed)
    if name == "operator":
        return Target(ask, [b"0", b"1"], bytes_changed)
    return Target(Loading().load, [build_scorer().SerializeToString()], model_changed)


TARGETS = ("graph", "manifest", "request", "folder", "operator", "session")
