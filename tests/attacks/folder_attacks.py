"""Attacks on a bundle's folder and its JSON: places, kinds of files, sizes, names, numbers, depth.

One list, for every reader of bundles: what is done to a whole toy bundle, with words of the refusal that it has to
meet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from toy_bundle import GOLDEN, build_scorer, rewrite, write_manifest

Attack = Callable[[Path], None]

NAMES = (
    "../secret", "/etc/passwd", "a/b", "a\\b", "..", ".", ".hidden", "", "a\n", "a\0b", "a b", "é", "x" * 129, "C:a",
    "model.sig", "manifest.json",
)  # fmt: skip
"""Names that no listed file may have."""
ENTRIES: tuple[Any, ...] = (5, None, [], "x", {}, {"size": 1}, {"sha256": "0" * 64, "size": -1})
"""What no manifest may say of a file."""


def deep(levels: int) -> Any:
    """Lists inside each other."""
    document: Any = 1
    for _ in range(levels):
        document = [document]
    return document


ODD_VALUES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"format": deep(130)}, "too deep"),
    ({"config": {"a": deep(900)}}, "too deep"),
    ({"config": {"a": deep(127)}}, "too deep"),
    ({"name": "\ud800"}, "surrogates not allowed"),
    ({"metrics": {"\udfff": 1}}, "surrogates not allowed"),
    ({"metrics": {"a": 1e999}}, "JSON"),
    ({"metrics": {"a": True}}, "metrics.a"),
    ({"created_at": "9999-99-99T00:00:00Z"}, "created_at"),
    ({"created_at": "2017-06-02T00:00:00"}, "created_at"),
    ({"kinds": {}}, "kinds.cross-sell"),
    ({"format": "zip"}, "format"),
    ({"format_version": 1}, "format_version"),
    ({"format_version": True}, "format_version"),
    ({"name": ""}, "name"),
    ({"graph": {"opset": 20, "ml_opset": 5, "candidates": 3}}, "graph.opset"),
    ({"graph": {"opset": 21, "ml_opset": 5, "candidates": 0}}, "graph.candidates"),
    ({"vocabulary": []}, "vocabulary"),
    ({"features": [""]}, "features[0]"),
    ({"certificates": [{}]}, "certificates[0].kind"),
    ({"value": "fame"}, "value"),
    ({"reference": []}, "reference"),
    ({"lineage": "none"}, "lineage"),
    ({"files": {}}, "files.scorer.onnx"),
)
"""Keys of a manifest with a value that they may not have."""

ODD_TEXTS = (
    "br\0ead", "bread\n", "\x1b[31mbread", "\x7f", "\x85", "\u2028", "\u202ebread", "\u2066bread",
    "b" * 257, "\U0001f35e" * 257,
)  # fmt: skip
"""What no product is called."""
CHANGED_DIGITS = (
    (b'"precision": 0.22', b'"precision": 0.62'), (b'"n": 812', b'"n": 912'), (b'"toy"', b'"boy"'),
    (b'"threshold": 0.2', b'"threshold": 0.3'), (b'"config": {', b'"config":\t{'),
)  # fmt: skip
"""Damage that an eye would pass over."""

TEXTS = (
    b"", b"{", b"[]", b"null", b"5", b'"x"', b'{"a": NaN}', b'{"a": -Infinity}', b"\xef\xbb\xbf{}", b'{"a": 1, "a": 1}',
    b'{"a": {"b": 1, "\\u0062": 2}}', b'"\xff"', b"{} {}", b"{'a': 1}", b'{"a": 01}', b'{"a": 1,}', b'"\t"',
)  # fmt: skip
"""What is no manifest, and mostly no JSON."""


def change(folder: Path, **changes: Any) -> None:
    """Change keys of the manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    write_manifest(folder, {**manifest, **changes})


def link(name: str, target: str) -> Attack:
    def attack(folder: Path) -> None:
        (folder.parent / "secret").write_bytes((folder / name).read_bytes())
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return attack


def replace(name: str, make: Callable[[Path], object]) -> Attack:
    """Another kind of file in the place of one."""

    def attack(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return attack


def grow(name: str, size: int, *, agree: bool) -> Attack:
    """A file of that size; the manifest says so, or does not."""

    def attack(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.truncate(size)
        if agree:
            rewrite(folder, name, (folder / name).read_bytes())

    return attack


def listed(name: str, entry: Any = None) -> Attack:
    """One more file in the manifest."""

    def attack(folder: Path) -> None:
        files = json.loads((folder / "manifest.json").read_text())["files"]
        change(folder, files={**files, name: files["CARD.md"] if entry is None else entry})

    return attack


def golden(**changes: Any) -> Attack:
    return lambda folder: rewrite(folder, "golden.json", json.dumps({**GOLDEN, **changes}).encode())


def answered(**changes: Any) -> Attack:
    """The first golden offer with other fields."""
    first, *others = GOLDEN["answers"]
    return golden(answers=[[{**first[0], **changes}, *first[1:]], *others])


def unknown_kind(folder: Path) -> None:
    """A graph that gives a kind which there is not."""
    model = build_scorer()
    made_by = {node.output[0]: node for node in model.graph.node}
    (kinds,) = (t for t in model.graph.initializer if t.name == made_by[made_by["kind"].input[1]].input[0])
    kinds.raw_data = np.full(7, 2**32, dtype=np.int64).tobytes()
    rewrite(folder, "scorer.onnx", model.SerializeToString())


def added_to(name: str, number: float) -> Attack:
    """A graph that adds a number to an output, which nothing else of it reads."""

    def attack(folder: Path) -> None:
        model = build_scorer()
        node = next(node for node in model.graph.node if name in node.output)
        node.output[0] = "attacked"
        for other in model.graph.node:
            other.input[:] = ["attacked" if value == name else value for value in other.input]
        model.graph.initializer.append(numpy_helper.from_array(np.array(number, dtype=np.float32), "attack"))
        model.graph.node.append(helper.make_node("Add", ["attacked", "attack"], [name]))
        rewrite(folder, "scorer.onnx", model.SerializeToString())

    return attack


def product_called(text: str) -> Attack:
    """A graph that offers a product of this id instead of bread."""

    def attack(folder: Path) -> None:
        model = build_scorer()
        for tensor in model.graph.initializer:
            texts = [text.encode("utf-8", "surrogateescape") if t == b"bread" else t for t in tensor.string_data]
            tensor.string_data[:] = texts
        rewrite(folder, "scorer.onnx", model.SerializeToString())

    return attack


def named(names: dict[str, str]) -> Attack:
    return lambda folder: rewrite(folder, "products.json", json.dumps(names).encode())


def one_character(old: bytes, new: bytes) -> Attack:
    """Damage to the manifest that leaves it a manifest."""

    def attack(folder: Path) -> None:
        content = (folder / "manifest.json").read_bytes()
        assert old in content
        (folder / "manifest.json").write_bytes(content.replace(old, new, 1))

    return attack


def manifest_of(content: bytes) -> Attack:
    return lambda folder: (folder / "manifest.json").write_bytes(content) and None


def folder_attacks() -> Iterator[tuple[str, Attack, str]]:
    """Name, attack and words of the refusal of every attack on a folder."""
    for name in ("manifest.json", "scorer.onnx", "golden.json", "CARD.md"):
        for target in ("/etc/passwd", "../secret", "/dev/zero", "/nowhere"):
            yield f"{name} is a link to {target}", link(name, target), "got a link"
        yield f"{name} is a pipe", replace(name, os.mkfifo), "another kind of file"
        yield f"{name} is a folder", replace(name, Path.mkdir), "another kind of file"
        yield f"{name} is not there", replace(name, lambda _: None), "got nothing"
    yield "a file of another size than the manifest's", grow("scorer.onnx", 2**30, agree=False), f"got {2**30}"
    yield "a file above its cap", grow("golden.json", 5 * 2**20, agree=True), "at most 4194304 bytes"
    yield "more names than are allowed", grow("products.json", 65 * 2**20, agree=False), "at most 67108864 bytes"
    yield "a manifest above its cap", grow("manifest.json", 5 * 2**20, agree=False), "at most 4194304 bytes"
    for name in NAMES:
        yield f"a file named {name[:20]!r}", listed(name), "plain file names"
    for entry in ENTRIES[:1] + ENTRIES[2:]:
        yield f"a file of which the manifest says {entry!r}", listed("x.bin", entry), "files.x.bin"
    yield "more files than are allowed", lambda f: [listed(f"x{n}")(f) for n in range(61)] and None, "at most 64"
    for changes, words in ODD_VALUES:
        yield f"a manifest with {str(changes)[:60].encode('ascii', 'replace').decode()}", odd(changes), words
    for content in TEXTS:
        yield f"a manifest of {content!r}", manifest_of(content), "expected"
    for name, words in (("products.json", "sha256"), ("golden.json", "sha256"), ("CARD.md", "sha256")):
        yield f"{name} with other bytes", replace_bytes(name), words
    yield "golden requests without answers", golden(answers=[]), "as many answers"
    yield "no golden request", golden(requests=[], answers=[]), "at least one"
    yield "more golden requests than are allowed", golden(requests=[{}] * 257, answers=[[]] * 257), "at most 256"
    yield "golden requests that are none", golden(requests=[1, 2, 3]), "requests: expected objects"
    yield "a golden request that does not hold", golden(requests=[{"limit": -1}] * 3), "limit"
    yield "a golden offer without a kind", answered(kind=None), "answers[0]"
    yield "a golden relevance above 1", answered(relevance=1.5), "answers[0]"
    yield "a golden relevance of hundreds of digits", answered(relevance=10**400), "JSON"
    yield "a golden relevance that is another", answered(relevance=0.4), "rank 1: expected relevance 0.4"
    yield "another golden offer", answered(product_id="wine"), "request 0: expected the offers"
    yield "a graph that gives a kind which there is not", unknown_kind, "kinds from -1 to 4"
    for number in (np.nan, np.inf, -np.inf):
        for name in ("relevance", "score", "best_relevance"):
            yield f"a graph that gives {number} as {name}", added_to(name, number), f"{name}: expected finite numbers"
    for text in ODD_TEXTS:
        told = text[:20].encode("unicode_escape").decode()
        yield f"a product {told}", product_called(text), "scorer.onnx: expected texts of at most 256"
        yield f"a named product {told}", named({text: "Bread"}), "products.json: expected texts of at most 256"
        yield f"a name {told}", named({"bread": text * 4}), "products.json: expected texts of at most 1000"
    yield "a product that is no UTF-8", product_called("\udcff"), "not one"
    for place, (old, new) in enumerate(CHANGED_DIGITS):
        yield f"a manifest of which one character changed, {place}", one_character(old, new), "manifest_sha256"


def odd(changes: dict[str, Any]) -> Attack:
    return lambda folder: change(folder, **changes)


def replace_bytes(name: str) -> Attack:
    """As many other bytes."""

    def attack(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-1] + b"!")

    return attack
