"""A bundle loaded in a process of its own first, so that one which ends or fills a process does not end this one.

    python -m mersalg.child FOLDER [PUBLIC_KEY]

The child loads the folder as `mersalg.load` does, under limits of memory and processor time, and prints what came of it
as a line of JSON. It ends when whoever started it does.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from mersalg.bundle import read_bundle
from mersalg.bundle.manifest import DIGEST
from mersalg.errors import BundleError, MersalgError
from mersalg.recommender import Recommender, open_recommender

COMMAND: Final = (sys.executable, "-P", "-m", "mersalg.child")
MAX_MEMORY_BYTES: Final = 4 * 2**30
"""Of the child's address space, beside MEMORY_OF_A_BYTE for each byte of the scorer."""
MEMORY_OF_A_BYTE: Final = 8
MAX_CPU_SECONDS: Final = 300
MAX_SECONDS: Final = 600.0
"""By the clock, on a machine that does other things, too."""


def load_after_child(folder: str | Path, public_key: str | Path | None = None) -> Recommender:
    """What `mersalg.load` gives for a folder, which a child has loaded before any of its bytes is opened here.

    BundleError also when the child does not come to its end, or the folder was exchanged meanwhile.
    """
    loaded = load_in_child(folder, public_key)
    bundle = read_bundle(folder, public_key)
    if bundle.manifest[DIGEST] != loaded:
        raise BundleError(f"{folder}: another bundle took its place while it was tried; it is tried again later")
    return open_recommender(bundle)


def load_in_child(folder: str | Path, public_key: str | Path | None = None) -> str:
    """Load a folder in a child, and give the digest of the manifest that it loaded. BundleError where it does not."""
    arguments = [str(folder), *([] if public_key is None else [str(public_key)])]
    theirs, ours = os.pipe()
    try:
        done = subprocess.run(
            [*COMMAND, *arguments], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            check=False, timeout=MAX_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BundleError(f"{folder}: expected to load within {MAX_SECONDS:.0f} s, got no end") from None
    finally:
        os.close(theirs)
        os.close(ours)
    return read_report(done.stdout, done.returncode, str(folder))


def read_report(printed: str, status: int, where: str) -> str:
    """The digest that a child printed; its refusal, or what its end says, as an error."""
    if status < 0:
        name = signal.Signals(-status).name
        raise BundleError(f"{where}: it ended the process that tried it, by {name}; do not use it, ask who made it")
    try:
        report = json.loads(printed)
        kind, text = str(report["came"]), str(report["text"])
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"{where}: it ended the process that tried it, with status {status}") from None
    if kind == "loaded":
        return text
    raise (BundleError if kind == "BundleError" else MersalgError)(text)


def main(arguments: list[str]) -> None:
    """Load a folder under limits and print what came of it."""
    folder, public_key = arguments[0], arguments[1] if len(arguments) > 1 else None
    threading.Thread(target=end_with_parent, daemon=True).start()
    limit(Path(folder) / "scorer.onnx")
    try:
        recommender = open_recommender(read_bundle(folder, public_key))
        report = {"came": "loaded", "text": recommender.manifest[DIGEST]}
    except MersalgError as error:
        kind = "BundleError" if isinstance(error, BundleError) else "MersalgError"
        report = {"came": kind, "text": str(error)}
    except MemoryError:
        report = {"came": "BundleError", "text": f"{folder}: it needs more memory than a trial has"}
    print(json.dumps(report), flush=True)


def limit(scorer: Path) -> None:
    """Bound memory and processor time, and be the first to go where a machine runs out of memory; Linux and macOS."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return  # Windows has the clock alone
    size = scorer.stat().st_size if scorer.is_file() else 0
    bounds = {"RLIMIT_AS": MAX_MEMORY_BYTES + MEMORY_OF_A_BYTE * size, "RLIMIT_CPU": MAX_CPU_SECONDS, "RLIMIT_CORE": 0}
    for name, most in bounds.items():
        with suppress(ValueError, OSError):  # one that is lower already stays
            resource.setrlimit(getattr(resource, name), (most, most))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def end_with_parent() -> None:
    """End when the parent's end of the pipe is closed: nothing is ever written to it."""
    os.read(0, 1)  # a buffer would be locked, also at the end of this process
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
