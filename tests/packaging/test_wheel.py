from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_bytes
from pathlib import Path

import pytest

import mersalg
from toy_bundle import write_bundle

ROOT = Path(__file__).parents[2]
VERSION = mersalg.__version__
PLAYGROUND = ("mersalg_service/playground/page/", "mersalg_service/playground/client/")


def build(project: Path, out: Path) -> zipfile.ZipFile:
    """The wheel of a project of this tree, built without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of the loader."""
    return build(ROOT, tmp_path_factory.mktemp("loader"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of what a shop runs beside it."""
    return build(ROOT / "serving", tmp_path_factory.mktemp("service"))


def text_of(wheel: zipfile.ZipFile, name: str) -> bytes:
    """A file of the wheel's .dist-info."""
    (path,) = [path for path in wheel.namelist() if path.endswith(f".dist-info/{name}")]
    return wheel.read(path)


def required_by(wheel: zipfile.ZipFile) -> dict[str, set[str]]:
    """Extra, or "" for none -> names of the distributions that it requires."""
    found: dict[str, set[str]] = {}
    for text in message_from_bytes(text_of(wheel, "METADATA")).get_all("Requires-Dist") or []:
        name = re.split(r"[ >=<;]", text)[0]
        extra = re.search(r"extra == '([a-z]+)'", text)
        found.setdefault(extra[1] if extra is not None else "", set()).add(name)
    return found


@pytest.mark.parametrize(("project", "package"), [("wheel", "mersalg"), ("service", "mersalg_service")])
def test_a_wheel_holds_its_own_package_and_nothing_else(
    project: str, package: str, request: pytest.FixtureRequest
) -> None:
    built: zipfile.ZipFile = request.getfixturevalue(project)
    names = built.namelist()
    assert {name.split("/")[0] for name in names} == {package, f"{package}-{VERSION}.dist-info"}
    assert not [name for name in names if "training" in name or "test" in name]
    outside = [name for name in names if name.startswith(f"{package}/") and not name.startswith(PLAYGROUND)]
    assert {Path(name).suffix for name in outside} == {".py", ".typed"}
    assert f"{package}/py.typed" in names


def test_the_wheel_of_the_service_brings_the_page_and_the_client_that_it_loads(
    service: zipfile.ZipFile, tmp_path: Path
) -> None:
    page, client = (ROOT / place for place in ("serving/mersalg_service/playground/page", "clients/node/lib"))
    for source, place in zip((page, client), PLAYGROUND, strict=True):
        wanted = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
        assert wanted == {name.removeprefix(place) for name in service.namelist() if name.startswith(place)}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "serving", check=True, capture_output=True)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(tmp_path, filter="data")
    wheel = build(path.with_name(path.name.removesuffix(".tar.gz")), tmp_path / "again")
    assert set(wheel.namelist()) == set(service.namelist())


def test_the_loader_is_small_enough_to_be_read(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Beside what reads bundles and answers it holds the policy, the registry and the command, which come on demand."""
    assert Path(str(wheel.filename)).stat().st_size < 120_000
    wheel.extractall(tmp_path / "unpacked")
    bundle = write_bundle(tmp_path / "toy")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "unpacked")!r})
from mersalg import load
offers = load({str(bundle)!r}).recommend(cart=["milk"])
print(offers[0].reason.text(str), file=sys.stderr)
print(*(name for name in sys.modules if name.split(".")[0] == "mersalg"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    size = {info.filename: info.compress_size for info in wheel.infolist()}
    module = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): of for name, of in size.items()}
    assert "mersalg.reasons" in loaded, "an offer says why it is made"
    assert sum(module[name] for name in loaded) < 48_000


def test_the_loader_requires_numpy_and_onnxruntime_alone(wheel: zipfile.ZipFile) -> None:
    assert required_by(wheel)[""] == {"numpy", "onnxruntime"}


def test_the_service_requires_the_loader_alone_and_comes_by_the_extras_of_the_loader(
    wheel: zipfile.ZipFile, service: zipfile.ZipFile
) -> None:
    assert required_by(service)[""] == {"mersalg"}
    for extra in ("serve", "ledger", "mlflow"):
        assert required_by(wheel)[extra] == {f"mersalg-service[{extra}]"}
        assert required_by(service)[extra]


def test_the_wheels_bring_the_command_and_what_is_added_to_it(wheel: zipfile.ZipFile, service: zipfile.ZipFile) -> None:
    assert "mersalg = mersalg.cli:main" in text_of(wheel, "entry_points.txt").decode()
    added = ConfigParser()
    added.read_string(text_of(service, "entry_points.txt").decode())
    assert dict(added["mersalg.commands"]) == {"service": "mersalg_service.commands:add_commands"}
    assert dict(added["mlflow.deployments"]) == {"mersalg": "mersalg_service.deployments"}


@pytest.mark.parametrize(
    ("command", "extra"), [("serve", "serve"), ("follow-up", "ledger"), ("ledger", "ledger"), ("playground", "serve")]
)
def test_without_the_service_and_without_training_their_commands_say_what_to_install(
    command: str, extra: str, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    wheel.extractall(tmp_path)
    alone = [sys.executable, "-I", "-S", "-c"]  # the standard library, and the wheel
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from mersalg.cli import main; sys.exit(main())"
    done = subprocess.run([*alone, program, command, "models/demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"mersalg: {command}: needs mersalg-service, which is not installed; `pip install 'mersalg[{extra}]'`"
    ]
    done = subprocess.run([*alone, program, "train", "shop.toml"], capture_output=True, text=True, check=False)
    told = "mersalg: train: needs mersalg-training, which is not installed; `pip install mersalg-training`"
    assert (done.returncode, done.stderr.splitlines()) == (2, [told])
    done = subprocess.run([*alone, program, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "recommend" in done.stdout


def check_metadata(wheel: zipfile.ZipFile, project: Path) -> None:
    """A wheel says on an index what it is, whose, under which license, and shows its own page."""
    told = message_from_bytes(text_of(wheel, "METADATA"))
    assert told["License-Expression"] == "Apache-2.0"
    assert told.get_all("License-File") == ["LICENSE"]
    assert text_of(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert told["Author"]
    assert told["Requires-Python"] == ">=3.11"
    assert told["Description-Content-Type"] == "text/markdown"
    assert str(told.get_payload()).strip() == (project / "README.md").read_text(encoding="utf-8").strip()
    classifiers = told.get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert not [one for one in classifiers if one.startswith("License ::")], "the expression says it"


def test_an_index_can_say_what_each_wheel_is(wheel: zipfile.ZipFile, service: zipfile.ZipFile) -> None:
    check_metadata(wheel, ROOT)
    check_metadata(service, ROOT / "serving")


def test_the_npm_package_says_the_same(wheel: zipfile.ZipFile) -> None:
    client = ROOT / "clients" / "node"
    package = json.loads((client / "package.json").read_text(encoding="utf-8"))
    told = message_from_bytes(text_of(wheel, "METADATA"))
    assert (package["name"], package["version"]) == (told["Name"], told["Version"])
    assert (package["license"], package["author"]) == (told["License-Expression"], told["Author"])
    assert (client / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_wheel_of_training_brings_the_parts_of_a_report(tmp_path: Path) -> None:
    training = build(ROOT / "training", tmp_path)
    check_metadata(training, ROOT / "training")
    parts = {f"mersalg_training/report/{name}" for name in ("page.html.jinja", "page.css", "page.py")}
    assert parts <= set(training.namelist())
    assert {"jinja2", "mersalg", "mersalg-service"} <= required_by(training)[""]
