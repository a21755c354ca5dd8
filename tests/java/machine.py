"""A Java machine with an onnxruntime, and one corpus asked on it.

    MERSALG_ONNXRUNTIME_JAR=onnxruntime.jar PYTHONPATH=tests python -m java.machine models/demo corpus.jsonl

The jar is Maven's com.microsoft.onnxruntime:onnxruntime, or any that holds its classes and its library. Of one that is
too old for opset 21 the classes are taken, and the library of the Python package: its C interface knows older ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from web.programs import MissingError
from web.runtimes import Found, read_found

HERE = Path(__file__).parent
JAR_VARIABLE = "MERSALG_ONNXRUNTIME_JAR"
INSIDE = "ai/onnxruntime/native/linux-x64/libonnxruntime4j_jni.so"
VERSION = re.compile(rb"VERS_(\d+)\.(\d+)\.(\d+)\0")
MIN_RUNTIME = (1, 20)
"""Knows opset 21 and ai.onnx.ml 5."""
MIN_JAVA = 17


@dataclass(frozen=True)
class Machine:
    """A Java machine that has been made ready."""

    jar: Path
    classes: Path
    native: Path | None
    """A folder with a newer library; None where the jar's own is new enough."""
    runtime: str
    """Which onnxruntime it is."""


def find_jar() -> Path:
    """The jar with onnxruntime's Java classes."""
    named = os.environ.get(JAR_VARIABLE, "")
    if not named or not Path(named).is_file():
        raise MissingError(f"no onnxruntime for Java is named: set {JAR_VARIABLE} to its jar")
    return Path(named).resolve()


def find_program(name: str) -> str:
    """The path of java or javac, new enough."""
    path = shutil.which(name)
    if path is None:
        raise MissingError(f"{name} is not installed: on Debian, apt-get install default-jdk-headless")
    told = subprocess.run([path, "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+", told.stdout + told.stderr)
    if found is None or int(found[0]) < MIN_JAVA:
        raise MissingError(f"{path}: expected Java {MIN_JAVA} or newer, got {(told.stdout + told.stderr)[:80]!r}")
    return path


def make_ready(folder: Path) -> Machine:
    """Compile the programs, and lay a newer library beside the jar where its own is too old."""
    jar, compiler = find_jar(), find_program("javac")
    classes = folder / "classes"
    sources = [str(source) for source in sorted(HERE.glob("*.java"))]
    run([compiler, "-Xlint:all", "-Werror", "-cp", str(jar), "-d", str(classes), *sources])
    with zipfile.ZipFile(jar) as inside:
        bridge = inside.read(INSIDE)
    version = VERSION.search(bridge)
    if version is None:
        raise MissingError(f"{jar}: expected a library for Linux on x64 that tells its version")
    told = ".".join(number.decode() for number in version.groups())
    if tuple(map(int, version.groups()))[:2] >= MIN_RUNTIME:
        return Machine(jar, classes, None, told)
    native = folder / "native"
    native.mkdir()
    (native / "libonnxruntime4j_jni.so").write_bytes(bridge)
    newer = lay_newer(native, told)
    return Machine(jar, classes, native, f"{newer} under the classes of {told}")


def lay_newer(native: Path, older: str) -> str:
    """Put the Python package's library into a folder, and one before it under the older one's name; its version."""
    import onnxruntime

    libraries = sorted((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    compiler = shutil.which("cc")
    if not libraries or compiler is None:
        raise MissingError("the jar's library is too old, and there is no newer one: `pip install onnxruntime`, and cc")
    shutil.copy(libraries[0], native)
    names = native / "names.map"
    names.write_text(f"VERS_{older} {{ global: Ort*; local: *; }};")
    link = f"-Wl,-soname,libonnxruntime.so.{older},--version-script,{names},-rpath,$ORIGIN"
    newer = f'-DNEWER="{libraries[0].name}"'
    run([compiler, "-shared", "-fPIC", newer, "-o", str(native / "libonnxruntime.so"), str(HERE / "forward.c"), link])
    return str(onnxruntime.__version__)


def ask_java(machine: Machine, bundle: Path, corpus: Path, seconds: float, repeats: int = 1) -> Found:
    """The corpus in Java."""
    place = [f"-Donnxruntime.native.path={machine.native}"] if machine.native else []
    path = f"{machine.classes}{os.pathsep}{machine.jar}"
    command = [find_program("java"), "-Xmx2g", *place, "-cp", path, "Parity", str(bundle.resolve()), str(corpus)]
    found = read_found(json.loads(run([*command, str(repeats)], seconds)))
    return replace(found, runtime=f"{found.runtime} {machine.runtime}")


def run(command: list[str], seconds: float = 120.0) -> str:
    """What a program prints; RuntimeError with its words where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout


def main() -> int:
    from web.parity import SECONDS, conclude, told

    bundle, corpus = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        found = ask_java(make_ready(Path(folder)), bundle, corpus, SECONDS)
    print(told(found))
    return conclude(found, {"java": found})


if __name__ == "__main__":
    sys.exit(main())
