"""The loader allows the operators that the exporter writes, and no others.

A new operator of the graph: add it to OPERATORS in mersalg/bundle/onnx/graph.py and in graph.js of clients/node, to
the list in models/README.md, and hostile uses of it to tests/attacks/operator_attacks.py. One that divides or
indexes whole numbers is not for a graph. One that no option writes any more goes from these places.
"""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

from mersalg.bundle.onnx.graph import ML_OPERATORS, OPERATORS
from mersalg_training.graph.builder import ML

ROOT = Path(__file__).parents[2]
WRITTEN = re.compile(r"\b(?:op|node|make_node)\(\s*\"([A-Z][A-Za-z]+)\"")
"""How a module of the exporter names an operator."""


@pytest.fixture(scope="module")
def exporter() -> set[str]:
    """Every operator that a module of the exporter can write, with all options."""
    folder = ROOT / "training" / "mersalg_training" / "graph"
    named = {name for path in folder.glob("*.py") for name in WRITTEN.findall(path.read_text())}
    assert len(named) > 30
    return named


def test_what_a_trained_scorer_holds_is_what_the_exporter_names(trained_bundle: Path, exporter: set[str]) -> None:
    model = onnx.load(str(trained_bundle / "scorer.onnx"))
    held = {(node.domain, node.op_type) for node in model.graph.node}
    assert {name for _, name in held} <= exporter
    assert {name for domain, name in held if domain == ML} == ML_OPERATORS


def test_the_loader_allows_what_the_exporter_writes_and_no_more(exporter: set[str]) -> None:
    assert exporter == OPERATORS | ML_OPERATORS


def test_node_allows_the_same() -> None:
    text = (ROOT / "clients" / "node" / "lib" / "bundle" / "onnx" / "graph.js").read_text()
    plain, learned = re.findall(r"OPERATORS = new Set\((.*?)\);", text, re.DOTALL)
    assert set(re.findall(r"[A-Z][A-Za-z]+", plain)) == OPERATORS
    assert set(re.findall(r"\"(\w+)\"", learned)) == ML_OPERATORS
