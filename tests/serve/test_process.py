"""Claims about the command as a process: start, stop, workers, and what it refuses to start with."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from processes import DEADLINE, wait_until
from serve.running import running
from serve.test_guards import open_slowly, slow_one

SERVING = Path(__file__).parents[2] / "serving"
ADDRESS = re.compile(r"running on (http://\S+)")
AN_HOUR = "3600"
"""For what nobody is to wait for: a stop that does so is no slow one, it goes on long after DEADLINE."""


def command(*arguments: str, **environment: str) -> dict[str, Any]:
    """What subprocess needs to run `mersalg serve`."""
    path = os.pathsep.join([str(SERVING), os.environ.get("PYTHONPATH", "")])
    return {
        "args": [sys.executable, "-m", "mersalg", "serve", *arguments],
        "env": {**os.environ, "PYTHONPATH": path, **environment},
        "stderr": subprocess.PIPE,
        "text": True,
    }


class Started:
    """A command that runs; what it says on stderr is heard at once, until all its processes have ended."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        told = command(*arguments, "--port", "0", **environment)
        self.process: subprocess.Popen[str] = subprocess.Popen(**told, start_new_session=True)
        self.lines: list[str] = []
        self.hearing = threading.Thread(target=self.hear, daemon=True)
        self.hearing.start()

    def hear(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.lines.extend(lines)

    @property
    def said(self) -> str:
        return "".join(self.lines)

    @property
    def address(self) -> str:
        """Where it listens; empty before it does."""
        found = ADDRESS.search(self.said)
        return found[1] if found is not None else ""

    def ended(self) -> int:
        """The exit status, once no process of it is left to say anything."""
        self.hearing.join(DEADLINE)
        assert not self.hearing.is_alive(), f"it goes on: {self.said}"
        return self.process.wait(DEADLINE)

    def stopped(self) -> int:
        """The exit status when it is told to stop."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """End what is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.ended()


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[Started]:
    """The command, listening and ready; it is gone after the block."""
    service = Started(*arguments, **environment)
    try:
        wait_until(lambda: service.process.poll() is not None or is_ready(service.address))
        assert service.process.poll() is None, service.said
        yield service
    finally:
        service.kill()


def is_ready(address: str) -> bool:
    return bool(address) and status(address + "/ready") == 200


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def recommend(address: str) -> Any:
    with urllib.request.urlopen(address + "/v1/recommend", b'{"cart": ["milk"]}', timeout=DEADLINE) as answer:
        return json.loads(answer.read())


def test_the_command_serves_and_ends_well_when_told_to(toy_folder: Path) -> None:
    with started(str(toy_folder)) as service:
        service.process.send_signal(signal.SIGHUP)  # a terminal closes: nothing follows from it
        assert recommend(service.address)["offers"][0]["product_id"] == "milk"
        assert service.process.poll() is None
        assert service.stopped() == 0
    assert "answering from" in service.said
    assert "Traceback" not in service.said


def test_no_answer_breaks_off_when_the_service_is_told_to_stop(toy_folder: Path) -> None:
    with started(str(toy_folder)) as service:
        answered: list[str | None] = []
        not_begun: list[object] = []

        def ask_on() -> None:
            while not not_begun:
                try:
                    answered.append(recommend(service.address)["reason"])
                except (urllib.error.URLError, ConnectionError) as error:
                    not_begun.append(getattr(error, "reason", error))  # half an answer is an IncompleteRead, and raised

        with ThreadPoolExecutor(4) as callers:
            calls = [callers.submit(ask_on) for _ in range(4)]
            wait_until(lambda: len(answered) > 20 or any(call.done() for call in calls))
            assert service.stopped() == 0
        for call in calls:
            call.result()
    assert set(answered) == {None}
    assert not_begun
    assert all(isinstance(reason, ConnectionError) for reason in not_begun), not_begun


def test_what_is_in_flight_at_the_stop_is_answered(toy_folder: Path) -> None:
    with running(toy_folder, open_bundle=open_slowly) as service:
        slow, found = slow_one(service), []
        caller = threading.Thread(target=lambda: found.append(service.recommend()))
        caller.start()
        wait_until(lambda: slow.begun)
        service.server.should_exit = True
        wait_until(lambda: not service.server.servers[0].is_serving())
        assert not found
        slow.go.set()
        caller.join(DEADLINE)
    assert [answered.status for answered in found] == [200]


def test_what_is_no_bundle_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = subprocess.run(**command(str(tmp_path / "nowhere")), timeout=DEADLINE, check=False)
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
    done = subprocess.run(**command(str(toy_folder), *arguments, **environment), timeout=DEADLINE, check=False)
    assert (done.returncode, words in done.stderr) == (2, True)


@pytest.mark.slow
def test_several_workers_answer_and_put_their_figures_together(toy_folder: Path) -> None:
    with started(str(toy_folder), "--workers", "2", "--check-seconds", "0.2") as service:
        for _ in range(40):
            recommend(service.address)
        with urllib.request.urlopen(service.address + "/metrics", timeout=DEADLINE) as answer:
            figures = answer.read().decode().splitlines()
        assert 'mersalg_requests_total{moment="cart"} 40.0' in figures
        assert sum(line.startswith("mersalg_bundle_info{") for line in figures) == 1
        assert service.stopped() == 0


@contextmanager
def silent_registry() -> Iterator[tuple[dict[str, str], list[socket.socket]]]:
    """The environment of a service whose registry takes every call and answers none for an hour, and its calls."""
    calls: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            with suppress(OSError):
                while True:
                    calls.append(listening.accept()[0])

        taking = threading.Thread(target=take, daemon=True)
        taking.start()
        uri = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield {"MLFLOW_TRACKING_URI": uri, "MLFLOW_HTTP_REQUEST_TIMEOUT": AN_HOUR}, calls
        listening.shutdown(socket.SHUT_RDWR)
        taking.join()
        for call in calls:
            call.close()


def test_the_stop_does_not_wait_for_a_look_that_is_stuck(toy_folder: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "deployment.json"
    options = ["--check-seconds", "0.1", "--stop-seconds", AN_HOUR, "--deployment-file", str(wanted)]
    with (
        silent_registry() as (environment, calls),
        started(str(toy_folder), *options, **environment, MERSALG_CACHE=str(tmp_path)) as service,
    ):
        wanted.write_text('{"name": "x", "bundle": "models:/shop@champion", "earlier": []}')
        wait_until(lambda: calls)
        assert recommend(service.address)["reason"] is None, "answers go on meanwhile"
        assert service.stopped() == 0


@pytest.mark.slow
def test_the_stop_does_not_wait_for_workers_that_still_look_for_their_first_bundle(tmp_path: Path) -> None:
    with silent_registry() as (environment, calls):
        told = ["models:/shop@champion", "--workers", "2", "--stop-seconds", AN_HOUR]
        service = Started(*told, **environment, MERSALG_CACHE=str(tmp_path))
        try:
            wait_until(lambda: len(calls) >= 2)
            service.stopped()
        finally:
            service.kill()


@pytest.mark.slow
def test_workers_end_when_the_first_process_is_killed(toy_folder: Path) -> None:
    with started(str(toy_folder), "--workers", "2") as service:
        service.process.kill()
        assert service.ended() == -signal.SIGKILL  # and the workers have ended, too
        assert status(service.address + "/ready") == 0
