"""Services as real processes on this machine, asked over one connection that is kept open."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from request_file import Request

STARTS_WITHIN_SECONDS = 180.0


@dataclass(frozen=True)
class Running:
    """A service that has given its first answer."""

    ask: Callable[[Request], Any]
    pid: int
    first_answer_seconds: float
    """From the start of the process."""


@contextmanager
def mersalg_serve(bundle: Path, log: Path, first: Request, *options: str) -> Iterator[Running]:
    """`mersalg serve`, one worker thread."""
    port = free_port()
    command = [sys.executable, "-m", "mersalg", "serve", str(bundle), "--port", str(port), "--threads", "1", *options]
    with running(command, port, "/v1/recommend", plain_body, log, first) as found:
        yield found


@contextmanager
def mlflow_serve(model: Path, log: Path, first: Request) -> Iterator[Running]:
    """`mlflow models serve` of the bundle that MLflow saved in `model`."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model)]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, port, "/invocations", record_body, log, first) as found:
        yield found


def plain_body(request: Request) -> str:
    """The request as `mersalg serve` takes it."""
    return json.dumps(request, default=datetime.isoformat)


def record_body(request: Request) -> str:
    """The request as a frame of one row, as MLflow takes it."""
    row = {"request_id": "1"} | {name: value for name, value in request.items() if value is not None}
    return json.dumps({"dataframe_records": [row]}, default=datetime.isoformat)


@contextmanager
def running(
    command: list[str], port: int, path: str, body_of: Callable[[Request], str], log: Path, first: Request
) -> Iterator[Running]:
    """Start a service in a group of its own, wait for its first answer, end the group after the body."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=output, stderr=output, start_new_session=True
        )
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        ask = asker(connection, path, body_of)
        wait_for(connection, ask, first, process, log)
        yield Running(ask, process.pid, time.perf_counter() - start)
        connection.close()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


def asker(
    connection: http.client.HTTPConnection, path: str, body_of: Callable[[Request], str]
) -> Callable[[Request], Any]:
    """Writes a request as JSON, posts it, and reads the JSON of the answer.

    Where the service has closed the connection, as it does after some idle seconds, it is opened once again.
    """

    def post(body: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer, answer.read()

    def ask(request: Request) -> Any:
        body = body_of(request)
        try:
            answer, content = post(body)
        except ConnectionError:
            connection.close()
            answer, content = post(body)
        if answer.status != 200:
            raise RuntimeError(f"{path}: expected status 200, got {answer.status}: {content[:500]!r}")
        return json.loads(content)

    return ask


def wait_for(
    connection: http.client.HTTPConnection,
    ask: Callable[[Request], Any],
    first: Request,
    process: subprocess.Popen[bytes],
    log: Path,
) -> None:
    """Ask until there is an answer; the end of the log where there is none."""
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            ask(first)
        except (ConnectionError, TimeoutError, http.client.HTTPException):
            connection.close()
            time.sleep(0.05)
        else:
            return
    sys.exit(f"the service did not answer; the end of its log:\n{log.read_text(errors='replace')[-3000:]}")


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
