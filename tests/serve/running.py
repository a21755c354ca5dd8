"""A service that really listens, in a thread of the test, and calls to it over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

import toy_bundle
from mersalg.recommender import AnswersRequests
from mersalg_service.serve.app import make_app, make_service
from mersalg_service.serve.command import for_uvicorn
from mersalg_service.serve.service import Service
from mersalg_service.serve.settings import Keys, Settings
from processes import DEADLINE, wait_until

NOBODY = Keys(frozenset(), "")
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A service that listens."""

    service: Service
    server: uvicorn.Server
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One call on a connection of its own; a body that is no bytes is sent as JSON."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, content, {**JSON, **self.headers, **named})
            response = connection.getresponse()
            return Answered(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def recommend(self, **request: Any) -> Answered:
        return self.call("POST", "/v1/recommend", request)


@contextmanager
def running(
    bundle: Path | str,
    keys: Keys = NOBODY,
    open_bundle: Callable[[Path], AnswersRequests] | None = None,
    **settings: Any,
) -> Iterator[Running]:
    """Serve a bundle on a free port until the block ends; unless it is told otherwise, no call is given up as slow."""
    usual = {"check_seconds": 0.1, "threads": 2, "timeout_seconds": DEADLINE}
    told = Settings(str(bundle), port=0, **{**usual, **settings})
    service = make_service(told, open_bundle)
    server = uvicorn.Server(uvicorn.Config(make_app(service, keys), **for_uvicorn(told)))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started, "the service did not start"
        yield Running(service, server, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=DEADLINE)
        assert not thread.is_alive(), "the service did not stop"


def write_honey_bundle(folder: Path, relevance: float) -> Path:
    """A toy bundle in which honey has this relevance, so that an answer tells which bundle it is from."""
    kept = toy_bundle.CANDIDATES["honey"]
    toy_bundle.CANDIDATES["honey"] = ("add-on", relevance)
    try:
        return toy_bundle.write_bundle(folder)
    finally:
        toy_bundle.CANDIDATES["honey"] = kept


def move_link(link: Path, target: Path) -> None:
    """Let a link name another folder, at one stroke."""
    part = link.with_name(link.name + ".new")
    part.symlink_to(target)
    os.replace(part, link)  # noqa: PTH105  # of the link itself


HONEY = {"requests": [{"only": ["honey"]}], "threshold": False}
"""What `/v1/score` is asked for the relevance of honey."""


def honey_of(answered: Answered) -> float:
    """The relevance of honey in an answer to HONEY."""
    assert answered.status == 200, answered.body
    (offer,) = answered.json["answers"][0]["offers"]
    return round(float(offer["relevance"]), 4)
