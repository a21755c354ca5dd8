"""Java gives Python's offers, by nothing but its onnxruntime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from java.machine import JAR_VARIABLE, ask_java, find_jar
from web.parity import TOLERANCE
from web.programs import MissingError

if TYPE_CHECKING:
    from java.machine import Machine
    from web.conftest import Golden

SECONDS = 300.0


def test_java_gives_pythons_offers(machine: Machine, golden: Golden) -> None:
    found = ask_java(machine, golden.bundle, golden.corpus, SECONDS)
    assert not found.differences
    assert found.equal == found.requests == golden.here.requests
    assert found.largest <= TOLERANCE


def test_an_answer_that_is_another_is_found(machine: Machine, golden: Golden, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in golden.corpus.read_text(encoding="utf-8").splitlines()]
    whole = [line for line in lines if len(line["answer"]["offers"]) > 1][:3]
    swapped, _, shifted = (line["answer"]["offers"] for line in whole)
    swapped.reverse()
    shifted[0]["relevance"] += 0.001
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in whole), encoding="utf-8")
    found = ask_java(machine, golden.bundle, corpus, SECONDS)
    assert (found.requests, found.equal) == (3, 2)
    assert found.differences[0]["request_id"] == whole[0]["request"]["request_id"]
    assert found.largest == pytest.approx(0.001, abs=TOLERANCE)


def test_without_a_jar_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JAR_VARIABLE, "/no/such.jar")
    with pytest.raises(MissingError, match=f"set {JAR_VARIABLE} to its jar"):
        find_jar()
