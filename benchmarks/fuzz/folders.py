"""Bundle folders whose files are changed and exchanged for links, pipes and folders, as two targets of the fuzzer."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import random
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from mutate import mutate_json

import mersalg
from mersalg import MersalgError
from mersalg.bundle import read_bundle
from mersalg.bundle.manifest import DIGEST, NO_DIGEST, with_digest
from toy_bundle import write_bundle, write_manifest

NAMES = (
    "more.bin", "../secret", "/etc/passwd", "a/b", "..", ".", "", "manifest.json", "model.sig", "CARD.md\n", "x" * 200,
)  # fmt: skip


class Folder:
    """A folder in memory. Whoever opens a file outside it while it is read fails the run."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.place = Path(tempfile.mkdtemp(prefix="mersalg-fuzz-", dir=memory if memory.is_dir() else None)).resolve()
        atexit.register(shutil.rmtree, self.place, ignore_errors=True)
        self.folder = write_bundle(self.place / "toy")
        self.files = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        (self.place / "secret").write_bytes(self.files["CARD.md"])
        self.digest = json.loads(self.files["manifest.json"])[DIGEST].encode()
        self.watches = False
        sys.addaudithook(self.watch)

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Fail where a path outside the folder is opened; a number is a file that is open already.

        The folder itself may be opened as a folder, which reads nothing of a file.
        """
        if self.watches and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            opened = Path(os.fsdecode(arguments[0]))
            is_held = opened == self.folder and bool(arguments[2] & os.O_DIRECTORY)
            if opened.parent != self.folder and not is_held:
                self.watches = False
                raise AssertionError(f"{opened} was opened")

    def read(self, content: bytes) -> bool:
        """Read a folder with one to three attacks, drawn from the bytes; what passes has to be whole."""
        rng = random.Random(content)
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for name, original in self.files.items():
            (self.folder / name).write_bytes(original)
        for _ in range(rng.choice((1, 1, 2, 3))):
            self.attack(rng.choice(list(self.files)), content, rng)
        self.watches = True
        try:
            bundle = read_bundle(self.folder)
        except MersalgError:
            return False
        finally:
            self.watches = False
        for name, entry in bundle.manifest["files"].items():
            path = self.folder / name
            assert path.parent.resolve() == self.folder, name
            assert stat.S_ISREG(path.lstat().st_mode), name
            assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"], name
        return True

    def attack(self, name: str, content: bytes, rng: random.Random) -> None:
        """Change a file, what the manifest says, or what kind of file it is."""
        path = self.folder / name
        choice = rng.randrange(9)
        if choice < 3:
            self.put(path, rng.choice((content, content + b" ", self.files[name][:-1])), agrees=rng.random() < 0.5)
        elif choice == 3:
            changed = mutate_json(self.files["manifest.json"], rng)
            with suppress(ValueError):  # some keep a digest that is right
                changed = with_digest(changed.replace(self.digest, NO_DIGEST.encode()))
            self.put(self.folder / "manifest.json", changed, agrees=False)
        elif choice == 4:
            document = json.loads(self.files["manifest.json"])
            document["files"][rng.choice(NAMES)] = rng.choice((document["files"]["CARD.md"], 5, None, {}))
            self.put(self.folder / "manifest.json", json.dumps(document).encode(), agrees=False)
        else:
            clear(path)
            if choice == 5:
                path.symlink_to(rng.choice(("../secret", "/etc/passwd", name, "/dev/zero", "/nowhere")))
            elif choice == 6:
                os.mkfifo(path)
            elif choice == 7:
                path.mkdir()

    def put(self, path: Path, content: bytes, *, agrees: bool) -> None:
        """Write a file; the manifest agrees with it, if it still is one."""
        clear(path)
        path.write_bytes(content)
        listed = self.folder / "manifest.json"
        if agrees and path != listed and listed.is_file() and not listed.is_symlink():
            document = json.loads(self.files["manifest.json"])
            document["files"][path.name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            write_manifest(self.folder, document)


class Loading:
    """The slow target: a changed scorer in a whole bundle, opened by the runtime and asked its golden requests."""

    def __init__(self) -> None:
        place = tempfile.mkdtemp(prefix="mersalg-fuzz-")
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        self.folder = Path(place) / "toy"

    def load(self, content: bytes) -> bool:
        """Load the bundle."""
        shutil.rmtree(self.folder, ignore_errors=True)
        write_bundle(self.folder, {"scorer.onnx": content})
        try:
            mersalg.load(self.folder)
        except MersalgError:
            return False
        return True


def clear(path: Path) -> None:
    """Remove whatever stands there."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
