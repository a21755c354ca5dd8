"""Claims about the command as a process: start, stop, workers, and what it refuses to start with."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from serve.running import running, wait_until
from serve.test_guards import open_slowly, slow_one

SERVING = Path(__file__).parents[2] / "serving"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*arguments: str, **environment: str) -> dict[str, Any]:
    """What subprocess needs to run `mersalg serve`."""
    path = os.pathsep.join([str(SERVING), os.environ.get("PYTHONPATH", "")])
    return {
        "args": [sys.executable, "-m", "mersalg", "serve", *arguments],
        "env": {**os.environ, "PYTHONPATH": path, **environment},
        "stderr": subprocess.PIPE,
        "text": True,
    }


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, listening, and its address; it is gone after the block."""
    port = free_port()
    process = subprocess.Popen(**command(*arguments, "--port", str(port), **environment), start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or status(address + "/ready") == 200, seconds=60)
        assert process.poll() is None, process.communicate()[1]
        yield process, address
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def recommend(address: str) -> Any:
    with urllib.request.urlopen(address + "/v1/recommend", b'{"cart": ["milk"]}', timeout=10) as answer:
        return json.loads(answer.read())


def test_the_command_serves_and_ends_well_when_told_to(toy_folder: Path) -> None:
    with started(str(toy_folder)) as (process, address):
        process.send_signal(signal.SIGHUP)  # a terminal closes: nothing follows from it
        assert recommend(address)["offers"][0]["product_id"] == "milk"
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[1]
        assert process.returncode == 0
    assert "answering from" in said
    assert "Traceback" not in said


def test_no_answer_breaks_off_when_the_service_is_told_to_stop(toy_folder: Path) -> None:
    with started(str(toy_folder)) as (process, address):
        counted = {"answered": 0, "not begun": 0}

        def ask_on() -> None:
            while True:
                try:
                    assert recommend(address)["reason"] is None
                    counted["answered"] += 1
                except (urllib.error.URLError, ConnectionError) as error:
                    reason = getattr(error, "reason", error)  # half an answer is an IncompleteRead, and fails the test
                    assert isinstance(reason, ConnectionError), reason
                    counted["not begun"] += 1
                    return

        callers = [threading.Thread(target=ask_on) for _ in range(4)]
        for caller in callers:
            caller.start()
        wait_until(lambda: counted["answered"] > 20)
        process.send_signal(signal.SIGTERM)
        for caller in callers:
            caller.join(timeout=60)
        assert process.wait(timeout=20) == 0
    assert counted["not begun"] == 4


def test_what_is_in_flight_at_the_stop_is_answered(toy_folder: Path) -> None:
    with running(toy_folder, open_bundle=open_slowly) as service:
        slow, found = slow_one(service), []
        caller = threading.Thread(target=lambda: found.append(service.recommend()))
        caller.start()
        wait_until(lambda: slow.begun)
        service.server.should_exit = True
        time.sleep(0.3)
        slow.go.set()
        caller.join(timeout=20)
    assert [answered.status for answered in found] == [200]


def test_what_is_no_bundle_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = subprocess.run(**command(str(tmp_path / "nowhere")), timeout=60, check=False)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("mersalg: ")]
    assert "nowhere: expected a bundle folder" in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--host", "0.0.0.0"], {}, "others can reach this address; set MERSALG_API_KEYS"),
        (["--workers", "0"], {}, "workers: expected a whole number from 1"),
        ([], {"MERSALG_ADMIN_KEY": "short"}, "MERSALG_ADMIN_KEY: expected keys of at least"),
    ],
)
def test_what_makes_no_safe_service_is_refused(
    toy_folder: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    done = subprocess.run(**command(str(toy_folder), *arguments, **environment), timeout=60, check=False)
    assert (done.returncode, words in done.stderr) == (2, True)


@pytest.mark.slow
def test_several_workers_answer_and_put_their_figures_together(toy_folder: Path) -> None:
    with started(str(toy_folder), "--workers", "2", "--check-seconds", "0.2") as (process, address):
        for _ in range(40):
            recommend(address)
        with urllib.request.urlopen(address + "/metrics", timeout=10) as answer:
            figures = answer.read().decode().splitlines()
        assert 'mersalg_requests_total{moment="cart"} 40.0' in figures
        assert sum(line.startswith("mersalg_bundle_info{") for line in figures) == 1
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0


@contextmanager
def silent_registry() -> Iterator[tuple[str, list[socket.socket]]]:
    """The address of a server that takes every call and answers none, and its calls."""
    calls: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            with suppress(OSError):
                while True:
                    calls.append(listening.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", calls
        listening.shutdown(socket.SHUT_RDWR)
        for call in calls:
            call.close()


def seconds_to_end(process: subprocess.Popen[str]) -> float:
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    return time.monotonic() - start


def test_the_stop_does_not_wait_for_a_look_that_is_stuck(toy_folder: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "deployment.json"
    options = ["--check-seconds", "0.1", "--stop-seconds", "4", "--deployment-file", str(wanted)]
    with (
        silent_registry() as (uri, calls),
        started(str(toy_folder), *options, MLFLOW_TRACKING_URI=uri, MERSALG_CACHE=str(tmp_path)) as (process, address),
    ):
        wanted.write_text('{"name": "x", "bundle": "models:/shop@champion", "earlier": []}')
        wait_until(lambda: calls)
        assert recommend(address)["reason"] is None, "answers go on meanwhile"
        assert seconds_to_end(process) < 6
        assert process.returncode == 0


@pytest.mark.slow
def test_the_stop_does_not_wait_for_workers_that_still_look_for_their_first_bundle(tmp_path: Path) -> None:
    with silent_registry() as (uri, calls):
        told = ["models:/shop@champion", "--workers", "2", "--stop-seconds", "4", "--port", str(free_port())]
        environment = {"MLFLOW_TRACKING_URI": uri, "MERSALG_CACHE": str(tmp_path)}
        process = subprocess.Popen(**command(*told, **environment), start_new_session=True)
        try:
            wait_until(lambda: len(calls) >= 2)
            assert seconds_to_end(process) < 8
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_workers_end_when_the_first_process_is_killed(toy_folder: Path) -> None:
    with started(str(toy_folder), "--workers", "2") as (process, address):
        process.kill()
        process.wait(timeout=20)
        wait_until(lambda: status(address + "/ready") == 0, seconds=30)
