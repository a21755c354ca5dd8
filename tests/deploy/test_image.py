"""The image without Docker: the Dockerfile's steps by hand, in their order, and what it starts, as it starts it."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from serve.running import wait_until
from toy_bundle import write_bundle

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
OPT = "/opt/mersalg"
MAX_BYTES = 250_000_000
"""Of what is installed beside Python."""
KEY = "only-for-these-tests"
SECONDS = 300.0
LISTENS = re.compile(r"running on http://127\.0\.0\.1:(\d+)")


def steps() -> list[tuple[str, str]]:
    """Instruction and the rest of its line, continued lines put together."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def the_one(name: str) -> str:
    (rest,) = [rest for instruction, rest in steps() if instruction == name]
    return rest


def test_the_image_is_small_and_not_root_and_says_how_it_is() -> None:
    bases = [rest.split(" AS ", maxsplit=1)[0] for name, rest in steps() if name == "FROM"]
    assert set(bases) == {"python:${PYTHON}"}
    assert the_one("ARG").endswith("-slim")
    assert the_one("USER") == "10001:10001"
    order = [name for name, _ in steps()]
    last_copy = len(order) - 1 - order[::-1].index("COPY")
    assert last_copy < order.index("USER") < order.index("ENTRYPOINT"), "what is installed belongs to root"
    assert "/health" in the_one("HEALTHCHECK")
    assert {rest for name, rest in steps() if name == "RUN" and "training" in rest} == set()
    copied = " ".join(rest for name, rest in steps() if name == "COPY" and "--from" not in rest)
    let_in = set(re.findall(r"^!(\S+)", (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert let_in == {word for word in copied.split() if word != "./"}, "the context holds what is copied"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for /opt/mersalg, after the steps of the first stage."""
    place = tmp_path_factory.mktemp("image")
    context, opt = place / "src", place / "opt"
    context.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    for name, rest in steps():
        if name == "FROM" and " AS " not in rest:
            break
        if name == "COPY":
            *sources, target = rest.split()
            command = ["cp", "-r", *(str(ROOT / source) for source in sources), str(context / target)]
        elif name == "RUN":
            command = ["sh", "-ec", rest.replace("python -m venv", f"{sys.executable} -m venv").replace(OPT, str(opt))]
        else:
            continue
        done = subprocess.run(command, cwd=context, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name} {rest}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return opt


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> dict[str, str]:
    """What the image sets, and the key that it needs."""
    told = dict(part.split("=", 1) for part in shlex.split(the_one("ENV")))
    told["PATH"] = told["PATH"].replace(OPT, str(installed)).replace("$PATH", os.environ["PATH"])
    return {**told, "MERSALG_CACHE": str(tmp_path / "cache"), "HOME": "/nowhere", "MERSALG_API_KEYS": KEY}


@pytest.mark.long
def test_what_is_installed_is_the_loader_and_the_service_and_is_small(installed: Path) -> None:
    done = subprocess.run(
        [installed / "bin" / "python", "-m", "pip", "list", "--format", "json"], capture_output=True, check=True
    )
    names = {entry["name"].replace("_", "-") for entry in json.loads(done.stdout)}
    assert names >= {"mersalg", "mersalg-service", "fastapi", "onnxruntime", "uvicorn"}
    assert not names & {"mersalg-training", "duckdb", "lightgbm", "mlflow", "scikit-learn", "pandas", "pytest"}
    size = sum(path.stat().st_size for path in installed.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{size:,} bytes in {len(names)} distributions")
    assert size < MAX_BYTES


@pytest.mark.long
def test_the_image_starts_answers_is_healthy_and_stops(
    installed: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "toy")
    command = [*json.loads(the_one("ENTRYPOINT")), *json.loads(the_one("CMD"))]
    assert command[-1] == "/bundle"
    command = [*command[:-1], str(bundle), "--port", "0"]
    command[command.index("0.0.0.0")] = "127.0.0.1"
    check = json.loads(the_one("HEALTHCHECK").split("CMD ", 1)[1])
    empty = tmp_path / "empty"
    empty.mkdir()

    def is_healthy(port: int) -> bool:
        here = [part.replace(":8000/", f":{port}/") for part in check]
        return subprocess.run(here, env=environment, cwd=empty, capture_output=True, check=False).returncode == 0

    def read_log() -> str:
        return (tmp_path / "log").read_text()

    with (tmp_path / "log").open("w") as log:
        service = subprocess.Popen(command, env=environment, cwd=empty, stdout=log, stderr=log)
        try:
            wait_until(lambda: LISTENS.search(read_log()) or service.poll() is not None, SECONDS)
            found = LISTENS.search(read_log())
            assert found is not None, read_log()
            port = int(found[1])
            assert is_healthy(port)
            assert "Fresh milk" in ask(f"http://127.0.0.1:{port}/v1/recommend")
        finally:
            service.terminate()
            status = service.wait(SECONDS)
    assert status == 0
    with socket.socket() as nobody:  # a port that is taken, and at which nobody listens
        nobody.bind(("127.0.0.1", 0))
        assert not is_healthy(nobody.getsockname()[1])
    assert list(empty.iterdir()) == [], "it writes nothing where it runs"


def ask(address: str) -> str:
    """The answer to a cart with milk."""
    request = Request(address, b'{"cart": ["milk"]}', {"X-API-Key": KEY})
    with urlopen(request, timeout=SECONDS) as response:
        return str(response.read().decode())
