"""The files of the playground: its page, the client, onnxruntime-web and verified bundles, each under its address."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mersalg.bundle import Bundle
from mersalg.bundle.manifest import DIGEST
from mersalg.errors import MersalgError
from mersalg.registry.opening import open_bundle

HERE: Final = Path(__file__).parent
CHECKOUT: Final = HERE.parents[2]
RUNTIME: Final = {"ort.js": "ort.wasm.bundle.min.mjs", "ort.wasm": "ort-wasm-simd-threaded.wasm"}
"""Name in the playground -> name in onnxruntime-web's `dist`. A server knows the type of .js, not always of .mjs."""
RUNTIME_VERSION: Final = "1.30.0"
"""Of onnxruntime-web, as clients/node has it in its package.json."""
MAX_BUNDLES: Final = 2
MANIFEST: Final = "manifest.json"
MARK: Final = "playground.json"
"""What the page shows; also tells a folder of the playground from another."""
START: Final = "index.html"
CODE: Final = "code/"
"""What begins an address that holds a digest of the page's code: a browser may keep what it gives, compiled."""
DIGITS: Final = 12

Site = Mapping[str, Path | bytes]
"""Address without the first slash -> a file, or what it holds."""


def make_site(bundles: Sequence[str], runtime: Path | None) -> Site:
    """The whole playground of verified bundles. MersalgError where something of it is not here.

    bundles: folders or addresses in MLflow's registry, at most MAX_BUNDLES. runtime: onnxruntime-web's `dist`, or None
    to look for it.
    """
    if len(bundles) > MAX_BUNDLES:
        raise MersalgError(f"expected at most {MAX_BUNDLES} bundles, got {len(bundles)}")
    return site_of([open_bundle(place) for place in bundles], find_runtime(runtime))


def site_of(bundles: Sequence[Bundle], dist: Path) -> Site:
    """The playground of these bundles, on onnxruntime-web's files in `dist`."""
    code = files_below(HERE / "page", "page") | files_below(find_client(), "client")
    code |= {f"ort/{name}": dist / original for name, original in RUNTIME.items()}
    digest = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in code.values()))
    folder = f"{CODE}{digest.hexdigest()[:DIGITS]}"
    start = code.pop(f"page/{START}").read_text(encoding="utf-8").replace('="page/', f'="{folder}/page/')
    site: dict[str, Path | bytes] = {START: start.encode()}
    site |= {f"{folder}/{address}": path for address, path in code.items()}
    for bundle in bundles:
        site |= {f"{address_of(bundle)}{name}": bundle.folder / name for name in [MANIFEST, *bundle.manifest["files"]]}
    return site | {MARK: json.dumps({"bundles": [told(bundle) for bundle in bundles]}, ensure_ascii=False).encode()}


def address_of(bundle: Bundle) -> str:
    """Where the page finds a bundle."""
    return f"bundles/{bundle.manifest[DIGEST][:DIGITS]}/"


def told(bundle: Bundle) -> dict[str, object]:
    """What the page knows of a bundle before it has loaded it."""
    return {
        "address": address_of(bundle),
        "name": bundle.manifest["name"],
        "folder": bundle.folder.name,
        "created_at": bundle.manifest["created_at"],
        "patterns": "patterns.json" in bundle.manifest["files"],
    }


def files_below(folder: Path, address: str) -> dict[str, Path]:
    """The files of a folder and of those in it, under an address."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"{address}/{path.relative_to(folder).as_posix()}": path for path in paths}


def find_client() -> Path:
    """The modules of the npm package: beside this file in an installed package, else in the checkout."""
    for folder in (HERE / "client", CHECKOUT / "clients" / "node" / "lib"):
        if (folder / "web.js").is_file():
            return folder
    raise MersalgError(f"{HERE}: holds no client; install mersalg-service from a wheel or a whole checkout")


def find_runtime(given: Path | None) -> Path:
    """The folder of onnxruntime-web's files: the one given, else npm's, here or in the checkout."""
    below = Path("node_modules", "onnxruntime-web", "dist")
    places = [Path.cwd() / below, CHECKOUT / "clients" / "node" / below] if given is None else [given]
    for folder in places:
        if all((folder / name).is_file() for name in RUNTIME.values()):
            return folder
    files = " and ".join(RUNTIME.values())
    raise MersalgError(
        f"the playground needs {files}: expected them in {' or '.join(str(folder) for folder in places)}, got none; "
        f"`npm install onnxruntime-web@{RUNTIME_VERSION}` here, or name the folder that has them with --runtime"
    )


def write_site(site: Site, folder: Path) -> int:
    """Write the files into a folder, in the place of an earlier playground; the bytes written.

    MersalgError where the folder holds something else.
    """
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / MARK).is_file())):
        raise MersalgError(f"--static {folder}: holds something else than a playground; name a new or an empty folder")
    fresh = folder.absolute().with_name(f".{folder.absolute().name}.{os.getpid()}")
    try:
        size = sum(write_file(content, fresh / address) for address, content in site.items())
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    except OSError as error:
        raise MersalgError(f"--static {folder}: cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return size


def write_file(content: Path | bytes, path: Path) -> int:
    """Write one file and make its folders; its size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        shutil.copyfile(content, path)
    return path.stat().st_size
