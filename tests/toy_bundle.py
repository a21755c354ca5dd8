"""A small shop whose right answers are evident, as a whole bundle around a real graph.

Seven candidates with fixed relevance. A product of the cart is offered only as more-of-same; what was bought before is
more relevant by 0.01 for each piece; an upsell is not offered after payment; replacements are silent.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from mersalg.bundle.manifest import DIGEST, NO_DIGEST, with_digest

KINDS = ("cross-sell", "add-on", "upsell", "more-of-same", "replacement")
CANDIDATES = {
    # product: (kind, relevance)
    "milk": ("more-of-same", 0.50),
    "bread": ("cross-sell", 0.30),
    "butter": ("cross-sell", 0.20),
    "bag": ("add-on", 0.15),
    "wine": ("upsell", 0.10),
    "filter": ("replacement", 0.05),
    "honey": ("add-on", 0.02),
}
VALUES = {"milk": 0.1, "bread": 0.5, "butter": 2.0, "bag": 4.0, "wine": 9.0, "filter": 6.0, "honey": 1.0}
"""What a sale brings."""
LIFTS = {"bread": 6.2, "butter": 1.4, "bag": 25.0, "honey": 3.0}
"""Of new products, where milk is in the cart."""
DUE_IN_DAYS = {"filter": -12.0}
INTERVAL_DAYS = {"milk": 7.0, "filter": 30.0}
THRESHOLDS = {"cross-sell": 0.2, "add-on": 0.1, "upsell": 0.1, "more-of-same": 0.4, "replacement": None}


class Graph:
    """Nodes and constants under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, out: str | None = None, domain: str = "", **attributes: Any) -> str:
        name = out or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name


def build_scorer() -> Any:
    """The toy shop's graph, an onnx ModelProto with all inputs and outputs of format version 2."""
    g = Graph()
    n = len(CANDIDATES)
    kind_of = np.array([KINDS.index(kind) for kind, _ in CANDIDATES.values()], dtype=np.int64)
    base = np.array([relevance for _, relevance in CANDIDATES.values()], dtype=np.float32)
    least = np.array([2.0 if (t := THRESHOLDS[k]) is None else t for k in KINDS], dtype=np.float32)[kind_of]
    each = g.constant(np.arange(n, dtype=np.int64).reshape(1, 1, n))
    last_axis, middle_axis = g.constant(np.array([2], dtype=np.int64)), g.constant(np.array([1], dtype=np.int64))

    def hits(name: str) -> str:
        """(N, width, n) float32: 1 where a place of the input is the candidate."""
        code = g.add(
            "LabelEncoder", name, domain="ai.onnx.ml", keys_strings=list(CANDIDATES),
            values_int64s=list(range(n)), default_int64=-1,
        )  # fmt: skip
        same = g.add("Equal", g.add("Unsqueeze", code, last_axis), each)
        return g.add("Cast", same, to=TensorProto.FLOAT)

    def found(name: str) -> str:
        """(N, n) bool: whether the candidate stands in the input."""
        return g.add("Cast", g.add("ReduceMax", hits(name), middle_axis, keepdims=0), to=TensorProto.BOOL)

    past = g.add("GreaterOrEqual", "history_age_days", g.constant(np.float32(0)))
    pieces = g.add("Where", past, "history_quantity", g.constant(np.float32(0)))
    owned = g.add(
        "ReduceSum", g.add("Mul", hits("history"), g.add("Unsqueeze", pieces, last_axis)), middle_axis, keepdims=0
    )
    more = g.add("Mul", owned, g.constant(np.float32(0.01)))
    relevance = g.add("Min", g.add("Add", more, g.constant(base[None])), g.constant(np.float32(1)))

    asked = g.add("Gather", "kinds", g.constant(kind_of), axis=1)
    outside = g.add("Or", g.add("Not", found("cart")), g.constant(kind_of[None] == KINDS.index("more-of-same")))
    unpaid = g.add("Unsqueeze", g.add("Less", "moment", g.constant(np.int64(3))), middle_axis)
    timely = g.add("Or", unpaid, g.constant(kind_of[None] != KINDS.index("upsell")))
    wanted = g.add("And", g.add("And", asked, outside), g.add("And", timely, g.add("Not", found("exclude"))))
    wanted = g.add("And", wanted, listed(g, found("only"), middle_axis))
    g.add("ReduceSum", g.add("Cast", wanted, to=TensorProto.INT64), middle_axis, keepdims=0, out="retrieved")

    all_pass = g.add("Unsqueeze", g.add("Not", "apply_threshold"), middle_axis)
    passed = g.add("And", wanted, g.add("Or", all_pass, g.add("GreaterOrEqual", relevance, g.constant(least[None]))))
    values = g.constant(np.array([[VALUES[name] for name in CANDIDATES]], dtype=np.float32))
    by_value = g.add("Unsqueeze", "by_value", middle_axis)
    key = g.add(
        "Where",
        passed,
        g.add("Where", by_value, g.add("Mul", relevance, values), relevance),
        g.constant(np.float32(-1)),
    )
    most = g.add("Min", g.add("ReduceMax", "limit", keepdims=1), g.constant(np.array([n], dtype=np.int64)))
    g.nodes.append(helper.make_node("TopK", [key, most], ["top", "place"], axis=1))
    none = g.constant(np.array([0], dtype=np.int64))
    position = g.add("Slice", g.constant(np.arange(n, dtype=np.int64)), none, most, none)
    within = g.add("Less", position, g.add("Unsqueeze", "limit", middle_axis))
    shown = g.add("And", within, g.add("GreaterOrEqual", "top", g.constant(np.float32(0))))
    zero, empty = g.constant(np.float32(0)), g.constant(np.array("", dtype=object))
    ids = g.constant(np.array(list(CANDIDATES), dtype=object))
    g.add("Where", shown, g.add("Gather", ids, "place"), empty, out="product_id")
    g.add("Where", shown, g.add("Gather", g.constant(kind_of), "place"), g.constant(np.int64(-1)), out="kind")
    g.add("Where", shown, g.add("GatherElements", relevance, "place", axis=1), zero, out="relevance")
    g.add("Where", shown, g.add("Mul", "relevance", g.constant(np.float32(10))), zero, out="score")
    milk = g.add("Gather", found("cart"), g.constant(np.array([0], dtype=np.int64)), axis=1)
    g.add("Where", g.add("And", shown, milk), g.constant(np.array("milk", dtype=object)), empty, out="because")
    add_facts(g, shown, g.add("And", shown, milk))
    of_kind = g.constant((np.arange(5)[:, None] == kind_of[None])[None])
    spread = g.add("And", g.add("Unsqueeze", wanted, middle_axis), of_kind)
    best = g.add("Where", spread, g.add("Unsqueeze", relevance, middle_axis), g.constant(np.float32(-1)))
    g.add("ReduceMax", best, last_axis, keepdims=0, out="best_relevance")
    return wrap(g)


def add_facts(g: Graph, shown: str, of_milk: str) -> None:
    """The outputs lift, due_in_days and interval_days, NaN where nothing is known, and better, which is nothing."""
    nothing = g.constant(np.float32("nan"))
    g.add("Where", of_milk, facts(g, LIFTS), nothing, out="lift")
    g.add("Where", shown, facts(g, DUE_IN_DAYS), nothing, out="due_in_days")
    g.add("Where", shown, facts(g, INTERVAL_DAYS), nothing, out="interval_days")
    g.add("Mul", "kind", g.constant(np.int64(0)), out="better")


def facts(g: Graph, known: dict[str, float]) -> str:
    """(N, K) float32 by place: what is known of the candidate there, else NaN."""
    values = np.array([known.get(name, np.nan) for name in CANDIDATES], dtype=np.float32)
    return g.add("Gather", g.constant(values), "place")


def listed(g: Graph, in_only: str, axis: str) -> str:
    """(N, n) bool: whether the candidate stands in `only`, or `only` is empty."""
    named = g.add("LabelEncoder", "only", domain="ai.onnx.ml", keys_strings=[""], values_int64s=[0], default_int64=1)
    some = g.add("Cast", g.add("ReduceMax", named, axis, keepdims=1), to=TensorProto.BOOL)
    return g.add("Or", g.add("Not", some), in_only)


def wrap(g: Graph) -> Any:
    """The model around the nodes, with the inputs and outputs of the bundle format."""
    text, real, whole, truth = TensorProto.STRING, TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
    port = helper.make_tensor_value_info
    inputs = [
        port("cart", text, ["N", "B"]),
        port("history", text, ["N", "H"]),
        port("history_age_days", real, ["N", "H"]),
        port("history_quantity", real, ["N", "H"]),
        port("exclude", text, ["N", "X"]),
        port("only", text, ["N", "O"]),
        port("moment", whole, ["N"]),
        port("kinds", truth, ["N", 5]),
        port("limit", whole, ["N"]),
        port("apply_threshold", truth, ["N"]),
        port("by_value", truth, ["N"]),
        port("by_moment", truth, ["N"]),
    ]
    outputs = [
        port("product_id", text, ["N", "K"]),
        port("kind", whole, ["N", "K"]),
        port("relevance", real, ["N", "K"]),
        port("score", real, ["N", "K"]),
        port("because", text, ["N", "K"]),
        port("lift", real, ["N", "K"]),
        port("due_in_days", real, ["N", "K"]),
        port("interval_days", real, ["N", "K"]),
        port("better", whole, ["N", "K"]),
        port("retrieved", whole, ["N"]),
        port("best_relevance", real, ["N", 5]),
    ]
    graph = helper.make_graph(g.nodes, "toy", inputs, outputs, g.constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


GOLDEN: dict[str, Any] = {
    "requests": [
        {"request_id": "g1", "cart": ["milk"], "history": [], "at": "2017-06-01T12:00:00", "moment": "cart",
         "kinds": None, "limit": 3},
        {"request_id": "g2", "cart": ["bread"], "moment": "checkout", "kinds": ["replacement"], "limit": 2,
         "history": [{"product_id": "filter", "ordered_at": "2017-01-01T00:00:00", "quantity": 2}],
         "at": "2017-06-01T12:00:00", "exclude": ["bag"]},
        {"request_id": "g3", "cart": [], "moment": "cart", "limit": 2, "only": ["bread", "wine", "no such product"],
         "order": "value"},
    ],
    "answers": [
        [
            {"request_id": "g1", "rank": rank, "product_id": product_id, "kind": CANDIDATES[product_id][0],
             "relevance": CANDIDATES[product_id][1], "score": 10 * CANDIDATES[product_id][1], "because": "milk"}
            for rank, product_id in enumerate(("milk", "bread", "butter"), start=1)
        ],
        [],
        [
            {"request_id": "g3", "rank": rank, "product_id": product_id, "kind": CANDIDATES[product_id][0],
             "relevance": CANDIDATES[product_id][1], "score": 10 * CANDIDATES[product_id][1], "because": None}
            for rank, product_id in enumerate(("wine", "bread"), start=1)
        ],
    ],
}  # fmt: skip


def make_manifest(files: dict[str, bytes]) -> dict[str, Any]:
    """A manifest of format version 2 for these files."""
    return {
        "format": "mersalg-bundle",
        "format_version": 2,
        DIGEST: NO_DIGEST,
        "name": "toy",
        "created_at": "2017-06-02T00:00:00Z",
        "mersalg_version": "0.1.0",
        "run_id": None,
        "files": {name: entry(content) for name, content in files.items()},
        "graph": {"opset": 21, "ml_opset": 5, "candidates": len(CANDIDATES)},
        "vocabulary": {"products": len(CANDIDATES), "product_types": 3, "categories": 2, "brands": 0},
        "features": ["pieces_owned"],
        "kinds": {kind: {"threshold": THRESHOLDS[kind], "precision_wanted": 0.1} for kind in KINDS},
        "certificates": [
            {"kind": "cross-sell", "threshold": 0.2, "precision": 0.22, "confidence": 0.9, "n": 812,
             "from": "2017-05-01", "to": "2017-05-31"}
        ],
        "value": "margin",
        "metrics": {"test/recall@10": 0.31},
        "data": {"digest": "0" * 64, "lines": 1000, "orders": 200, "customers": 50, "products": 7, "from": "2017-01-01",
                 "to": "2017-05-31", "rejected": {"duplicate": 3}, "switched_off": ["brands"]},
        "windows": {"fit_from": "2017-01-01T00:00:00", "rank_from": "2017-04-01T00:00:00",
                    "calibrate_from": "2017-05-01T00:00:00", "test_from": "2017-05-15T00:00:00",
                    "to": "2017-05-31T00:00:00"},
        "config": {"name": "toy", "ranker": {"trees": 100}},
    }  # fmt: skip


def entry(content: bytes) -> dict[str, Any]:
    """What the manifest says of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def write_bundle(folder: Path, changes: dict[str, bytes] | None = None) -> Path:
    """Write the toy bundle, with some files changed and the manifest in agreement with them."""
    files = {
        "scorer.onnx": build_scorer().SerializeToString(),
        "products.json": json.dumps({name: f"Fresh {name}" for name in CANDIDATES if name != "honey"}).encode(),
        "golden.json": json.dumps(GOLDEN).encode(),
        "CARD.md": b"# toy\n\nA small shop.\n",
        **(changes or {}),
    }
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    write_manifest(folder, make_manifest(files))
    return folder


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest with its digest."""
    content = json.dumps({**manifest, DIGEST: NO_DIGEST}).encode()
    (folder / "manifest.json").write_bytes(with_digest(content))


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a file of a bundle and let the manifest agree with it."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = entry(content)
    write_manifest(folder, manifest)
