"""Real MLflow processes on this machine, started for a test and ended after it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mersalg_training.config import TrackingConfig
from mersalg_training.tracking.run import RegisteredBundle
from processes import DEADLINE

STARTS_WITHIN_SECONDS = 3 * DEADLINE
ADDRESS = re.compile(r"running on (http://\S+)")


@dataclass(frozen=True)
class Logged:
    """A bundle that was logged through the server."""

    bundle: Path
    tracking: TrackingConfig
    run_id: str
    registered: RegisteredBundle


@contextmanager
def listening(arguments: list[str], probe: str, log: Path, **extra: str) -> Iterator[str]:
    """Run `python -m mlflow ARGUMENTS` on a port that the system chooses until it answers the probe; gives its address.

    All that it started ends with the block.
    """
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "UVICORN_PORT": "0",  # `mlflow models serve` passes no 0 on
        **extra,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", "0"],
            env=environment, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield address_of(process, log, probe)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def address_of(process: subprocess.Popen[bytes], log: Path, probe: str) -> str:
    """The address that a log names, once it answers with 200; fail with the log's end when it does not."""
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        named = ADDRESS.search(log.read_text(errors="replace"))
        if named is not None and answers(named[1] + probe):
            return named[1]
        time.sleep(0.1)
    pytest.fail(f"mlflow did not answer; the end of its log:\n{log.read_text()[-3000:]}")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
