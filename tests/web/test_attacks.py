"""Node refuses every attack that Python refuses, for the same reason, and passes what Python passes."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from attacks.folder_attacks import folder_attacks
from attacks.graph_attacks import chain, graph_attacks, trees
from attacks.test_signatures import write_keys
from mersalg import BundleError, load
from mersalg.bundle.files import parse_json
from mersalg.bundle.manifest import check_manifest
from mersalg.bundle.onnx.graph import check_graph
from mersalg.signing import sign_bundle
from toy_bundle import build_scorer, rewrite, write_bundle
from web.runtimes import HERE

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz"
SECONDS = 300.0
GOT = re.compile(r", got |; missing |: cannot be read|(?<=expected the offers) ")
"""After this a message tells what was found, which each language spells in its own way."""


def in_node(node: list[str], pieces: list[dict[str, str]]) -> list[str | None]:
    """What Node says of each piece; None where it passes."""
    lines = "".join(json.dumps(piece) + "\n" for piece in pieces)
    command = [*node, str(HERE / "refusals.mjs")]
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, encoding="utf-8", check=True, timeout=SECONDS
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(pieces)
    return found


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def graph_in_python(content: bytes) -> str | None:
    try:
        check_graph(content, "scorer.onnx")
    except BundleError as error:
        return str(error)
    return None


def manifest_in_python(content: bytes) -> str | None:
    try:
        check_manifest(parse_json(content, Path("manifest.json")), "manifest.json")
    except BundleError as error:
        return str(error)
    return None


def folder_in_python(folder: Path) -> str | None:
    try:
        load(folder)
    except BundleError as error:
        return str(error)
    return None


def reason(message: str | None) -> str | None:
    """Where and what was expected, without what was found instead."""
    return None if message is None else GOT.split(message)[0].replace('"', "'")


def assert_alike(names: list[str], here: list[str | None], there: list[str | None]) -> None:
    """Both pass, or both refuse for one reason."""
    for name, ours, theirs in zip(names, here, there, strict=True):
        assert reason(theirs) == reason(ours), f"{name}\nPython: {ours}\nNode:   {theirs}"


def test_every_attack_on_a_graph_is_refused_for_one_reason(node: list[str]) -> None:
    names, contents, _ = zip(*graph_attacks(), strict=True)
    here = [graph_in_python(content) for content in contents]
    there = in_node(node, [{"graph": coded(content)} for content in contents])
    assert len(names) > 100
    assert None not in there
    assert_alike(list(names), here, there)


def test_graphs_that_hold_pass_in_both(node: list[str], trained_bundle: Path) -> None:
    contents = [
        build_scorer().SerializeToString(), trees(), chain(1024), (trained_bundle / "scorer.onnx").read_bytes(),
    ]  # fmt: skip
    assert [graph_in_python(content) for content in contents] == [None] * 4
    assert in_node(node, [{"graph": coded(content)} for content in contents]) == [None] * 4


def test_every_attack_on_a_folder_is_refused_for_one_reason(node: list[str], tmp_path: Path) -> None:
    whole = write_bundle(tmp_path / "whole" / "toy")
    names, folders = ["a whole bundle"], [whole]
    for number, (name, attack, _) in enumerate(folder_attacks()):
        folders.append(write_bundle(tmp_path / str(number) / "toy"))
        names.append(name)
        attack(folders[-1])
    here = [folder_in_python(folder) for folder in folders]
    there = in_node(node, [{"folder": str(folder)} for folder in folders])
    assert here[0] is None
    assert None not in here[1:]
    assert_alike(names, here, there)


def test_paths_that_are_no_folder_are_refused_in_both(node: list[str], tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for message in in_node(node, [{"folder": p} for p in ("a\0b", "x" * 5000, "", "/dev/null", str(tmp_path / "a"))]):
        assert "expected a bundle folder" in str(message)


def signature_attacks(folder: Path, private: Path) -> Iterator[tuple[str, Path]]:
    """Name and folder of bundles that carry no signature of theirs by the key."""

    def signed(name: str, changes: dict[str, bytes] | None = None) -> Path:
        bundle = write_bundle(folder / name, changes)
        sign_bundle(bundle, private)
        return bundle

    bundle = signed("unsigned")
    (bundle / "model.sig").unlink()
    yield "no signature", bundle
    bundle = signed("changed")
    rewrite(bundle, "CARD.md", b"# changed\n")
    yield "a change with which the manifest agrees", bundle
    bundle = signed("more")
    rewrite(bundle, "more.bin", b"1")
    yield "a further file of the manifest", bundle
    bundle, other = signed("mine"), signed("other", {"CARD.md": b"# other\n"})
    (bundle / "model.sig").write_bytes((other / "model.sig").read_bytes())
    yield "a signature of another bundle", bundle
    bundle = signed("linked")
    (bundle / "model.sig").rename(folder / "elsewhere")
    (bundle / "model.sig").symlink_to(folder / "elsewhere")
    yield "a linked signature", bundle
    for number, content in enumerate((b"", b"{}", b"[]", b"null", b"\xff", b"[" * 1000, b" " * (2**20 + 1))):
        bundle = signed(f"none-{number}")
        (bundle / "model.sig").write_bytes(content)
        yield f"a signature of {content[:10]!r}", bundle
    whole = json.loads((other / "model.sig").read_text())
    envelope = whole["dsseEnvelope"]
    (one,) = envelope["signatures"]
    for number, changed in enumerate((
        {"payload": envelope["payload"][:-8] + "AAAAAAA="}, {"payloadType": "text/plain"}, {"signatures": []},
        {"signatures": [{**one, "sig": "AAAA"}]}, {"signatures": [{**one, "sig": one["sig"][:-8]}]},
        {"payload": "?"}, {"payload": None},
    )):  # fmt: skip
        bundle = signed(f"part-{number}", {"CARD.md": b"# other\n"})
        (bundle / "model.sig").write_text(json.dumps({**whole, "dsseEnvelope": {**envelope, **changed}}))
        yield f"a signature with {str(changed)[:40]}", bundle


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_signatures_are_required_as_in_python(node: list[str], tmp_path: Path) -> None:
    pieces, names = [], []
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        private, public = write_keys(tmp_path, curve.name, ec.generate_private_key(curve))
        bundle = write_bundle(tmp_path / f"good-{curve.name}")
        sign_bundle(bundle, private)
        pieces.append({"folder": str(bundle), "public_key": str(public)})
    for number in range(8):  # numbers of a signature that begin with zeros, and such that do not
        bundle = write_bundle(tmp_path / f"again-{number}")
        sign_bundle(bundle, private)
        pieces.append({"folder": str(bundle), "public_key": str(public)})
    assert in_node(node, pieces) == [None] * len(pieces)
    pieces = [{**pieces[0], "public_key": str(public)}, {**pieces[0], "public_key": str(tmp_path / "none")}]
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256K1())):
        pieces.append({**pieces[0], "public_key": str(write_keys(tmp_path, f"odd-{len(pieces)}", key)[1])})
    another, unread, *odd = in_node(node, pieces)
    assert "expected a signature of this bundle" in str(another)
    assert "the public key cannot be read" in str(unread)
    assert all("expected a public key in PEM on P-256, P-384 or P-521" in str(message) for message in odd)
    names, folders = zip(*signature_attacks(tmp_path, private), strict=True)
    here = []
    for folder in folders:
        with pytest.raises(BundleError) as refusal:
            load(folder, public_key=public)
        here.append(reason(str(refusal.value)))
    there = in_node(node, [{"folder": str(folder), "public_key": str(public)} for folder in folders])
    for name, ours, theirs in zip(names, here, there, strict=True):
        assert str(reason(theirs)).removesuffix("the public key") == re.sub("the key of .*", "", str(ours)), name


@pytest.fixture
def mutate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The fuzzer's mutations."""
    monkeypatch.syspath_prepend(str(FUZZ))
    return import_module("mutate")


def test_changed_graphs_are_read_alike(node: list[str], mutate: Any) -> None:
    rng, good = random.Random(17), import_module("seeds").small_scorer()
    contents = []
    for _ in range(4000):
        content = good
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            content = mutate.mutate_message(content, "model", rng)
        contents.append(content)
    here = [graph_in_python(content) for content in contents]
    there = in_node(node, [{"graph": coded(content)} for content in contents])
    assert_alike([content.hex() for content in contents], here, there)
    assert here.count(None) > 100
    assert len({reason(message) for message in here}) > 15


def test_changed_manifests_are_read_alike(node: list[str], mutate: Any) -> None:
    rng, (good,) = random.Random(18), import_module("seeds").manifests()
    contents = []
    for _ in range(3000):
        content = good
        for _ in range(rng.choice((1, 1, 2, 4))):
            content = mutate.mutate_json(content, rng)
        contents.append(content)
    here = [manifest_in_python(content) for content in contents]
    there = in_node(node, [{"manifest": coded(content)} for content in contents])
    assert_alike([content.decode("utf-8", "replace") for content in contents], here, there)
    assert here.count(None) > 100
    assert len({reason(message) for message in here}) > 30


def test_numbers_are_read_alike(node: list[str], tmp_path: Path) -> None:
    manifest = (write_bundle(tmp_path / "toy") / "manifest.json").read_text()
    holds = {"7.0": True, "7e0": True, "70e-1": True, "-0": True, "-0.0": True, "0": True, str(2**53 - 1): True,
             "7.5": False, "-1": False, "1e999": False, str(2**53): False, str(2**53 + 1): False, "9" * 400: False,
             "9007199254740992.0": False, "1e300": False}  # fmt: skip
    products, recall = '"products": {}, "product_types"', '"test/recall@10": {}'
    written = [manifest.replace(products.format(7), products.format(text)) for text in holds]
    written += [manifest.replace(recall.format(0.31), recall.format(text)) for text in ("1e300", "-0.0", "-7")]
    assert manifest not in written
    here = [manifest_in_python(text.encode()) for text in written]
    assert [message is None for message in here] == [*holds.values(), True, True, True]
    there = in_node(node, [{"manifest": coded(text.encode())} for text in written])
    assert [message is None for message in there] == [message is None for message in here]
