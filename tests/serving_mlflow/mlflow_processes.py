"""Real MLflow processes on this machine, started for a test and ended after it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.run import RegisteredBundle

STARTS_WITHIN_SECONDS = 120


@dataclass(frozen=True)
class Logged:
    """A bundle that was logged through the server."""

    bundle: Path
    tracking: TrackingConfig
    run_id: str
    registered: RegisteredBundle


@contextmanager
def listening(arguments: list[str], port: int, probe: str, log: Path, **extra: str) -> Iterator[str]:
    """Run `python -m mlflow ARGUMENTS` until it answers the probe; gives its address, and ends all it started."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **extra,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)],
            env=environment, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address + probe, process, log)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=20)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the address answers with 200; fail with the log's end when it does not."""
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    pytest.fail(f"{url} did not answer; the end of its log:\n{log.read_text()[-3000:]}")


def free_port() -> int:
    """Find a port of this machine on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
