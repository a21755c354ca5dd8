"""Attacks on the folder and its JSON: places, kinds of files, sizes, numbers, depth."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mersalg.bundle.reading
import mersalg.recommender
from attacks.folder_attacks import Attack, change, folder_attacks
from mersalg import BundleError, load
from mersalg.bundle import read_bundle
from mersalg.bundle.files import parse_json
from mersalg.bundle.manifest import check_manifest, read_manifest
from toy_bundle import make_manifest, rewrite, write_bundle


def refuse(folder: Path | str, *words: str) -> None:
    with pytest.raises(BundleError) as refusal:
        load(folder)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(("attack", "words"), [pytest.param(a, w, id=name) for name, a, w in folder_attacks()])
def test_an_attack_on_a_folder_is_refused(folder: Path, attack: Attack, words: str) -> None:
    attack(folder)
    refuse(folder, words)


def test_a_file_of_which_the_manifest_says_nothing_is_refused(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    change(folder, files={**files, "x.bin": None})
    refuse(folder, "files.x.bin")


def test_refusals_leave_no_file_open(folder: Path) -> None:
    (folder / "CARD.md").unlink()
    (folder / "CARD.md").mkdir()
    refuse(folder)
    assert open_below(folder) == []
    with (folder / "manifest.json").open():
        assert open_below(folder) == [str(folder / "manifest.json")]


def open_below(folder: Path) -> list[str]:
    """The files of a folder, and itself, that this process has open; what other threads open elsewhere is not ours."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(link.readlink())
    return [str(path) for path in found if path.is_relative_to(folder)]


def test_a_file_is_not_read_when_its_size_is_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "scorer.onnx").open("ab") as file:
        file.truncate(2**30)  # sparse
    monkeypatch.setattr(os, "fdopen", lambda *_, **__: pytest.fail("it was read") if _[0] > 0 else None)
    monkeypatch.setattr(mersalg.bundle.reading, "read_regular_file", only_after_the_manifest(folder))
    refuse(folder, "scorer.onnx", f"got {2**30}")


def only_after_the_manifest(folder: Path) -> Any:
    """The reader, with the manifest's bytes known before."""
    real, manifest = mersalg.bundle.reading.read_regular_file, (folder / "manifest.json").read_bytes()
    return lambda where, *more: manifest if where.name == "manifest.json" else real(where, *more)


def test_what_a_bundle_allows_itself_is_not_heard(folder: Path) -> None:
    change(folder, allowed_operators=["Loop"], limits={"scorer.onnx": 10}, verify=False, signature="none", trusted=True)
    assert load(folder).recommend(["bread"]).reason is None
    (folder / "CARD.md").write_bytes(b"changed")
    refuse(folder, "CARD.md")


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**400])
def test_a_whole_number_that_not_every_language_holds_is_refused(folder: Path, number: int) -> None:
    change(folder, metrics={"a": number // abs(number) * (2**53 - 1)})
    load(folder)
    change(folder, metrics={"a": number})
    refuse(folder, "a whole number beyond 2^53")


def test_every_flipped_bit_of_a_manifest_is_noticed(tmp_path: Path) -> None:
    where, content = (
        str(tmp_path / "manifest.json"),
        write_bundle(tmp_path / "toy").joinpath("manifest.json").read_bytes(),
    )
    assert read_manifest(content, where)["name"] == "toy"
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(BundleError):
            read_manifest(bytes(changed), where)


def test_golden_requests_have_a_clock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mersalg.recommender, "MAX_GOLDEN_SECONDS", 0.0)
    refuse(folder, "golden.json: expected 3 answers within 0 s, got 1")


def test_names_are_known_when_the_folder_is_gone(folder: Path) -> None:
    recommender = load(folder)
    shutil.rmtree(folder)
    assert recommender.name("bread") == "Fresh bread"


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "", "/dev/null", "/dev/stdin"])
def test_a_path_that_is_no_folder_is_a_bundle_error(path: str) -> None:
    refuse(path)


def test_a_loop_of_links_is_a_bundle_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    refuse(tmp_path / "a")


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
DOCUMENTS = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
MANIFEST = make_manifest(dict.fromkeys(("scorer.onnx", "products.json", "golden.json", "CARD.md"), b""))


@given(st.sampled_from(sorted(MANIFEST)), DOCUMENTS)
def test_any_value_of_any_key_is_read_or_refused(key: str, value: Any) -> None:
    try:
        content = json.dumps({**MANIFEST, key: value}).encode()
        document = check_manifest(parse_json(content, Path("manifest.json")), "manifest.json")
    except BundleError:
        return
    assert key in document


@given(st.binary(max_size=200))
def test_any_bytes_of_a_document_are_read_or_refused(content: bytes) -> None:
    try:
        parse_json(content, Path("golden.json"))
    except BundleError:
        return
    content.decode()


def test_a_folder_that_is_exchanged_while_it_is_read_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = folder.parent / "newer"
    newer.mkdir()
    for path in folder.iterdir():
        (newer / path.name).write_bytes(path.read_bytes())
    rewrite(newer, "CARD.md", b"# newer\n")
    real, exchanged = mersalg.bundle.reading.read_file, []

    def exchange_first(place: Path, manifest: dict[str, Any], name: str) -> bytes:
        if not exchanged:
            exchanged.append(folder.rename(folder.parent / "older"))
            newer.rename(folder)
        return real(place, manifest, name)

    monkeypatch.setattr(mersalg.bundle.reading, "read_file", exchange_first)
    assert read_bundle(folder).manifest["files"]["CARD.md"]["size"] == len(b"# newer\n")
