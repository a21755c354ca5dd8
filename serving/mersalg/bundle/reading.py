"""A bundle folder, read and verified before anything of it is used.

Each file is read once, with a size cap, and hashed; what is verified is what is used. A file has to be a regular file
in the folder itself: no link, no separator in its name. What the manifest does not list is not read. No policy is
read from the bundle: the caps and the checks are constants of this code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mersalg.bundle.files import MAX_BYTES, MAX_OTHER_BYTES, SIGNATURE, digests_of, parse_json, read_regular_file
from mersalg.bundle.manifest import is_share, read_manifest
from mersalg.bundle.onnx.graph import check_graph
from mersalg.bundle.signature import check_signature
from mersalg.bundle.texts import check_names
from mersalg.errors import BundleError, shown

MAX_GOLDEN_REQUESTS: Final = 256
TRIES: Final = 50
"""A folder may be exchanged for a newer bundle while it is read; then the newer one is read from its beginning."""


@dataclass(frozen=True)
class Bundle:
    """A verified bundle."""

    folder: Path
    manifest: dict[str, Any]
    scorer: bytes = field(repr=False)
    golden: list[tuple[dict[str, Any], list[dict[str, Any]]]] = field(repr=False)
    """Golden requests and the offers that they must give."""
    names: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Product id -> name."""


def read_bundle(path: str | Path, public_key: str | Path | None = None) -> Bundle:
    """Read and verify every file that the manifest lists. BundleError says what is wrong and what to do.

    With a public key the bundle has to carry a signature of these very bytes by its private key.
    """
    for _ in range(TRIES - 1):
        with held(path) as before:
            try:
                return read_once(path, public_key)
            except BundleError:
                if identity(path) == before:
                    raise
    return read_once(path, public_key)


@contextmanager
def held(path: str | Path) -> Iterator[tuple[int, ...] | None]:
    """The identity of a folder. Where the system lets folders be opened it stays open, and its number with it.

    A folder that is gone leaves its number to the next, and both may have been made within one tick of the clock.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except (OSError, ValueError):
        yield identity(path)
        return
    try:
        yield identity(descriptor)
    finally:
        os.close(descriptor)


def read_once(path: str | Path, public_key: str | Path | None) -> Bundle:
    """The bundle, if nobody exchanges the folder meanwhile."""
    folder = find_folder(path)
    where = folder / "manifest.json"
    content = read_regular_file(where, MAX_BYTES["manifest.json"])
    manifest = read_manifest(content, str(where))
    if public_key is not None:
        if not (folder / SIGNATURE).exists():
            raise BundleError(
                f"{folder / SIGNATURE}: expected the bundle's signature, got nothing; `mersalg sign {folder}` makes one"
            )
        signature = read_regular_file(folder / SIGNATURE, MAX_BYTES[SIGNATURE])
        check_signature(signature, digests_of(manifest, content), Path(public_key), str(folder / SIGNATURE))
    scorer = read_file(folder, manifest, "scorer.onnx")
    check_graph(scorer, str(folder / "scorer.onnx"))
    golden = read_golden(folder, manifest)
    names = read_names(folder, manifest)
    for name in manifest["files"]:
        if name not in ("scorer.onnx", "golden.json", "products.json"):
            read_file(folder, manifest, name)
    return Bundle(folder, manifest, scorer, golden, names)


def identity(folder: str | Path | int) -> tuple[int, ...] | None:
    """What tells a folder, by its path or open, from one that takes its place; None where there is none."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - an open one, too
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def find_folder(path: str | Path) -> Path:
    """The bundle's folder, which itself may be a link."""
    folder = Path(path)
    try:
        is_folder = folder.is_dir()
    except OSError as error:
        raise BundleError(f"{folder}: cannot be read: {error.strerror or error}") from None
    if not is_folder:
        result = "a file" if folder.exists() else "nothing"
        raise BundleError(
            f"{folder}: expected a bundle folder, got {result}; `mersalg train CONFIG --out {folder}` makes one"
        )
    return folder.resolve()


def read_file(folder: Path, manifest: dict[str, Any], name: str) -> bytes:
    """The bytes of a listed file, of the size and hash that the manifest says."""
    where = folder / name
    entry = manifest["files"][name]
    content = read_regular_file(where, MAX_BYTES.get(name, MAX_OTHER_BYTES), entry["size"])
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        raise BundleError(f"{where}: expected sha256 {entry['sha256']}, got {digest}; copy the whole bundle again")
    return content


def is_whole(folder: Path) -> bool:
    """Whether manifest and files have their sizes and hashes; what they hold is not looked at."""
    where = folder / "manifest.json"
    try:
        manifest = read_manifest(read_regular_file(where, MAX_BYTES["manifest.json"]), str(where))
        for name in manifest["files"]:
            read_file(folder, manifest, name)
    except BundleError:
        return False
    return True


def read_golden(folder: Path, manifest: dict[str, Any]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Pairs of golden request and its offers; at least one."""
    where = folder / "golden.json"
    document = parse_json(read_file(folder, manifest, "golden.json"), where)
    requests = document.get("requests") if isinstance(document, dict) else None
    answers = document.get("answers") if isinstance(document, dict) else None
    if not isinstance(requests, list) or not isinstance(answers, list) or len(requests) != len(answers) or not requests:
        raise BundleError(f"{where}: expected as many answers as requests, and at least one; export the bundle again")
    if len(requests) > MAX_GOLDEN_REQUESTS:
        raise BundleError(f"{where}: expected at most {MAX_GOLDEN_REQUESTS} requests, got {len(requests)}")
    if not all(isinstance(request, dict) for request in requests):
        raise BundleError(f"{where}: requests: expected objects; export the bundle again")
    for position, answer in enumerate(answers):
        if not isinstance(answer, list) or not all(is_golden_offer(offer) for offer in answer):
            raise BundleError(
                f"{where}: answers[{position}]: expected a list of offers with product_id, kind and relevance; "
                "export the bundle again"
            )
    return list(zip(requests, answers, strict=True))


def is_golden_offer(offer: Any) -> bool:
    """An object with the fields of an offer that are compared."""
    return (
        isinstance(offer, dict)
        and isinstance(offer.get("product_id"), str)
        and isinstance(offer.get("kind"), str)
        and is_share(offer.get("relevance"))
    )


def read_names(folder: Path, manifest: dict[str, Any]) -> dict[str, str]:
    """Product id -> name."""
    where = folder / "products.json"
    names = parse_json(read_file(folder, manifest, "products.json"), where)
    if not isinstance(names, dict):
        raise BundleError(f"{where}: expected an object of product id and name, got {shown(names)}")
    check_names(names, str(where))
    return names


def read_card(folder: Path, manifest: dict[str, Any]) -> str:
    """The text of the model's card."""
    try:
        return read_file(folder, manifest, "CARD.md").decode("utf-8")
    except UnicodeDecodeError:
        raise BundleError(f"{folder / 'CARD.md'}: expected text in UTF-8; export the bundle again") from None
