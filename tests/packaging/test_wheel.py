from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of the loader, built from this tree without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_loader_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"mersalg", f"{Path(str(wheel.filename)).name.rsplit('-', 3)[0]}.dist-info"}
    assert not [name for name in wheel.namelist() if "training" in name or "test" in name]
    suffixes = {Path(name).suffix for name in wheel.namelist() if name.startswith("mersalg/")}
    assert suffixes == {".py", ".typed"}
    assert "mersalg/py.typed" in wheel.namelist()


def test_the_loader_is_small_and_its_plugs_are_not_large(wheel: zipfile.ZipFile) -> None:
    """The plugs are the folders: policy, ledger, service and the like, which an import of the loader does not load."""
    loader = [info.compress_size for info in wheel.infolist() if info.filename.count("/") == 1]
    assert sum(loader) < 60_000
    assert Path(str(wheel.filename)).stat().st_size < 200_000


def test_the_wheel_requires_numpy_and_onnxruntime_alone(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    required = message_from_bytes(wheel.read(name)).get_all("Requires-Dist") or []
    plain = {text.split(">")[0].split("=")[0].strip() for text in required if "extra ==" not in text}
    assert plain == {"numpy", "onnxruntime"}


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "mersalg = mersalg.cli:main" in wheel.read(name).decode()


def test_the_wheel_of_training_brings_the_parts_of_a_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "training", check=True, capture_output=True)
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as training:
        names = set(training.namelist())
        (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        required = message_from_bytes(training.read(metadata)).get_all("Requires-Dist") or []
    assert {f"mersalg_training/report/{name}" for name in ("page.html.jinja", "page.css", "page.py")} <= names
    assert any(text.startswith("jinja2") for text in required)
