"""The playground in a real browser: a scenario of scenarios.mjs, and what the page was like in it."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from mersalg.bundle import read_bundle
from mersalg.recommender import Recommender
from mersalg.session import Session
from web.programs import MissingError, find_browser, find_client, find_node

HERE = Path(__file__).parent
SECONDS = 600.0


def has_runtime() -> Path:
    """The folder of onnxruntime-web in the npm package's development packages."""
    find_node()
    return find_client() / "node_modules" / "onnxruntime-web" / "dist"


def find_playwright() -> str:
    """The path of Chromium, if the packages that drive and judge it are here."""
    packages = find_client() / "node_modules"
    for name in ("playwright-core", "axe-core"):
        if not (packages / name).is_dir():
            raise MissingError(
                f"the package {name} is not installed: rm {packages}/ready; make clients/node/node_modules/ready"
            )
    return find_browser()


def in_browser(scenario: str, address: str, **argument: Any) -> dict[str, Any]:
    """What a scenario gives; its failure is this one's."""
    command = [*find_node(), str(HERE / "scenarios.mjs"), find_playwright(), address, scenario, json.dumps(argument)]
    return printed_json(command)


def in_node(program: str, *arguments: str) -> Any:
    """What a program of this folder prints as JSON under Node."""
    return printed_json([*find_node(), str(HERE / program), *arguments])


def printed_json(command: list[str]) -> Any:
    """The last line that a command prints, as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=SECONDS)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def request_in(curl: str) -> dict[str, Any]:
    """The request in the page's curl command, read as a shell reads it."""
    words = shlex.split(curl, comments=True)
    request: dict[str, Any] = json.loads(words[words.index("--data") + 1])
    return request


def with_floors(bundle: Path, floors: Sequence[float]) -> Recommender:
    """The bundle as training would have made it with these thresholds."""
    read = read_bundle(bundle)
    model = onnx.load_from_string(read.scorer)
    (constant,) = [tensor for tensor in model.graph.initializer if tensor.name == "thresholds"]
    constant.CopyFrom(numpy_helper.from_array(np.array(floors, dtype=np.float32), "thresholds"))
    scorer = model.SerializeToString()
    return Recommender(replace(read, scorer=scorer), Session(scorer, str(bundle)))
