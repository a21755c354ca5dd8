"""Claims about a bundle that ends or fills the process that tries it: the one that asked for it goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

import mersalg.child
from mersalg import BundleError, MersalgError
from mersalg.bundle.manifest import DIGEST
from mersalg.child import load_after_child, load_in_child
from processes import DEADLINE, has_ended, wait_until
from toy_bundle import build_scorer, rewrite, write_bundle


def pretend(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A child that runs this instead."""
    monkeypatch.setattr(mersalg.child, "COMMAND", (sys.executable, "-c", code))


def test_a_whole_bundle_is_loaded_after_its_child(folder: Path) -> None:
    recommender = load_after_child(folder)
    assert recommender.manifest[DIGEST] == load_in_child(folder)
    assert recommender.recommend(["bread"]).reason is None


def test_what_a_child_refuses_is_refused_in_its_words(folder: Path) -> None:
    (folder / "CARD.md").write_bytes(b"changed")
    with pytest.raises(BundleError, match=r"CARD\.md: expected"):
        load_after_child(folder)
    signed = write_bundle(folder.parent / "signed")
    (signed / "model.sig").write_bytes(b"{}")
    with pytest.raises(MersalgError, match="public key cannot be read") as refusal:
        load_after_child(signed, folder / "no.pub")
    assert not isinstance(refusal.value, BundleError)


@pytest.mark.parametrize("signal", ["SIGFPE", "SIGSEGV", "SIGABRT", "SIGKILL", "SIGXCPU"])
def test_the_end_of_a_child_by_a_signal_is_a_refusal_that_names_it(
    folder: Path, signal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, f"import os, signal; os.kill(os.getpid(), signal.{signal})")
    with pytest.raises(BundleError, match=f"ended the process that tried it, by {signal}"):
        load_after_child(folder)


@pytest.mark.parametrize("code", ["raise SystemExit(7)", "print('{}')", "print('[1]')", "print('no JSON')"])
def test_a_child_that_says_nothing_of_the_sort_is_a_refusal(
    folder: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, code)
    with pytest.raises(BundleError, match="ended the process that tried it, with status"):
        load_after_child(folder)


def test_a_child_without_an_end_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "import time; time.sleep(600)")
    monkeypatch.setattr(mersalg.child, "MAX_SECONDS", 0.5)
    with pytest.raises(BundleError, match="expected to load within"):
        load_after_child(folder)


def test_a_bundle_that_took_its_place_meanwhile_is_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_in_child(folder)
    rewrite(folder, "CARD.md", b"# another\n")
    monkeypatch.setattr(mersalg.child, "load_in_child", lambda *_: loaded)
    with pytest.raises(BundleError, match="another bundle took its place"):
        load_after_child(folder)


def test_a_child_has_no_more_memory_than_its_bound(folder: Path) -> None:
    """A graph that asks for twelve gigabytes: the machine may have them, the child has not."""
    model = build_scorer()
    (last,) = (node for node in model.graph.node if node.output[0] == "retrieved")
    last.output[0] = "before"
    shape, axis = np.array([3 * 2**30]), np.array([0])
    model.graph.initializer.extend([numpy_helper.from_array(shape, "vast"), numpy_helper.from_array(axis, "axis")])
    model.graph.node.extend([
        helper.make_node("Cast", ["limit"], ["late"], to=1),
        helper.make_node("Expand", ["late", "vast"], ["wide"]),
        helper.make_node("ReduceMax", ["wide", "axis"], ["most"]),
        helper.make_node("Cast", ["most"], ["counted"], to=7),
        helper.make_node("Add", ["before", "counted"], ["retrieved"]),
    ])  # fmt: skip
    rewrite(folder, "scorer.onnx", model.SerializeToString())
    with pytest.raises(BundleError, match="the graph failed on a valid request"):
        load_in_child(folder)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_child_ends_with_who_started_it(folder: Path) -> None:
    started = (
        "import subprocess, sys, os, mersalg.child as child\n"
        "theirs, ours = os.pipe()\n"
        f"alone = subprocess.Popen([*child.COMMAND[:-2], '-c', {WAITS!r}], stdin=theirs)\n"
        "print(alone.pid, flush=True)\n"
        "os._exit(9)\n"
    )
    command = [sys.executable, "-c", started]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE)
    wait_until(lambda: has_ended(int(done.stdout)))


WAITS = """\
import threading, time, mersalg.child
threading.Thread(target=mersalg.child.end_with_parent, daemon=True).start()
time.sleep(600)
"""
