"""Claims about the wheel that a logged model brings: pip installs it, and it is the package that was installed."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mersalg
from mersalg.errors import MersalgError
from mersalg_training.tracking.wheel import write_wheel
from toy_bundle import write_bundle


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheel("mersalg", tmp_path_factory.mktemp("wheel"))


def test_pip_installs_it_and_its_bundle_answers(wheel: Path, tmp_path: Path) -> None:
    """From the wheel alone: neither the sources nor an index are seen."""
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, "--disable-pip-version-check", str(wheel)], check=True)
    bundle = write_bundle(tmp_path / "toy")
    program = (
        f"import sys; sys.path.insert(0, {str(target)!r}); import mersalg\n"
        f"print(mersalg.__file__, mersalg.__version__)\n"
        f"print(mersalg.load({str(bundle)!r}).recommend(cart=['milk'])[0].product_id)\n"
    )
    # -I: neither PYTHONPATH nor the working folder is looked at
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    place, offered = done.stdout.splitlines()
    assert place == f"{target}/mersalg/__init__.py {mersalg.__version__}"
    assert offered


def test_it_holds_what_is_installed_with_a_true_record(wheel: Path) -> None:
    package = Path(mersalg.__file__).parent
    with zipfile.ZipFile(wheel) as archive:
        for path in package.rglob("*.py"):
            assert archive.read(f"mersalg/{path.relative_to(package).as_posix()}") == path.read_bytes()
        info = f"mersalg-{mersalg.__version__}.dist-info"
        record = {row[0]: row[1:] for row in csv.reader(archive.read(f"{info}/RECORD").decode().splitlines())}
        assert set(record) == set(archive.namelist())
        assert {"METADATA", "WHEEL", "RECORD"} <= {n.split("/")[1] for n in record if n.startswith(info)}
        content = archive.read("mersalg/pyfunc.py")
        name, _, encoded = record["mersalg/pyfunc.py"][0].partition("=")
        assert name == "sha256"
        assert int.from_bytes(hashlib.sha256(content).digest()) == decoded(encoded)
        assert record["mersalg/pyfunc.py"][1] == str(len(content))


def decoded(text: str) -> int:
    """The number that 43 characters of base64url stand for, by the alphabet of RFC 4648, section 5."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    number = 0
    for letter in text:
        number = number * 64 + alphabet.index(letter)
    return number >> 2  # 43 letters hold 258 bits


def test_the_same_files_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert write_wheel("mersalg", tmp_path).read_bytes() == wheel.read_bytes()


def test_what_is_not_installed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MersalgError, match="no-such: expected an installed distribution"):
        write_wheel("no-such", tmp_path)
