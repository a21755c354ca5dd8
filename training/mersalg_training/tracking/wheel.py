"""The wheel of an installed distribution, made anew from its files: what a logged model needs where no index has it.

It is written as the wheel format says (packaging.python.org, "Binary distribution format"), and does not need the
sources: the package and its metadata are read where Python finds them, also of an editable installation.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Final

from mersalg.errors import MersalgError

EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""Of every file, so that the same files give the same bytes."""
TAG: Final = "py3-none-any"
SUFFIXES: Final = (".py", ".typed")
"""What our packages hold; nothing is compiled."""
WHEEL: Final = f"Wheel-Version: 1.0\nGenerator: mersalg\nRoot-Is-Purelib: true\nTag: {TAG}\n"
METADATA_FILES: Final = ("METADATA", "entry_points.txt")


def write_wheel(name: str, folder: Path) -> Path:
    """Write the wheel of the installed pure Python distribution `name`, whose package has the same name."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise MersalgError(f"{name}: expected an installed distribution, got none; install it with pip") from None
    info = f"{name}-{installed.version}.dist-info"
    inside = {**package_files(name), **{f"{info}/{file}": text for file, text in metadata_files(installed).items()}}
    inside[f"{info}/WHEEL"] = WHEEL.encode()
    record = [f"{path},sha256={digest(content)},{len(content)}" for path, content in inside.items()]
    inside[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{name}-{installed.version}-{TAG}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, content in inside.items():
            wheel.writestr(zipfile.ZipInfo(file, EPOCH), content, zipfile.ZIP_DEFLATED)
    return path


def package_files(name: str) -> dict[str, bytes]:
    """Path in the wheel -> content, of the package that Python would import."""
    root = Path(str(files(name)))
    paths = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES)
    return {f"{name}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}


def metadata_files(installed: Distribution) -> dict[str, bytes]:
    """The files of its metadata that say what it is, what it requires, and which commands it brings."""
    texts = {name: installed.read_text(name) for name in METADATA_FILES}
    return {name: text.encode() for name, text in texts.items() if text is not None}


def digest(content: bytes) -> str:
    """A hash as RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
