"""Claims about heads that do not end: cut by size and by time, and nothing else is."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse
from pathlib import Path

import pytest

from mersalg_service.serve import heads
from mersalg_service.serve.heads import MAX_HEAD_BYTES
from processes import DEADLINE
from serve.running import Running, running

BEGUN = b"GET /ready HTTP/1.1\r\nHost: x\r\nX-More: "


def connected(service: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE)


def is_closed(connection: socket.socket) -> bool:
    """Whether the other end closes it, rather than answers."""
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def test_a_head_without_an_end_is_cut_at_its_size(service: Running) -> None:
    with connected(service) as connection:
        with pytest.raises(ConnectionError):
            connection.sendall(BEGUN + b"a" * 256 * MAX_HEAD_BYTES)
        assert is_closed(connection)
    assert service.call("GET", "/ready").status == 200


@pytest.mark.parametrize("endless", [b"GET /" + b"a" * 2**20, BEGUN + b"a" * 2**20, BEGUN + b"a\r\nB: b" * 2**17])
def test_a_head_too_large_is_not_answered_however_it_is_cut(service: Running, endless: bytes) -> None:
    with connected(service) as connection:
        try:
            connection.sendall(endless + b"\r\n\r\n")
        except ConnectionError:
            return
        assert is_closed(connection)


def test_heads_within_the_bound_are_answered_one_after_another(service: Running) -> None:
    with connected(service) as connection:
        for size in (60_000, *[3000] * 40, 60_000):
            connection.sendall(BEGUN + b"a" * size + b"\r\n\r\n")
            with HTTPResponse(connection) as answer:  # head and body come by themselves
                answer.begin()
                assert (answer.status, json.loads(answer.read())["ready"]) == (200, True)


def test_a_body_counts_to_no_head(service: Running) -> None:
    cart = [f"product {number}" for number in range(20_000)]
    assert service.recommend(cart=cart).status == 200


@pytest.mark.parametrize("begun", [b"G", BEGUN])
def test_a_head_that_does_not_come_is_not_waited_for(
    toy_folder: Path, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "MAX_HEAD_SECONDS", 0.3)
    with running(toy_folder) as service, connected(service) as connection:
        connection.sendall(begun)
        assert is_closed(connection)
