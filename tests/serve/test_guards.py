"""Claims about keys, rates, sizes, places and time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mersalg import ConfigError, Recommender, load
from mersalg.offers import Offers
from mersalg.requests import Request
from mersalg_service.serve import guards
from mersalg_service.serve.guards import MAX_CALLERS, Rates
from mersalg_service.serve.settings import Keys, Settings, read_keys
from processes import DEADLINE, wait_until
from serve.running import Running, running

KEY, OTHER, ADMIN = "k" * 20, "o" * 20, "a" * 20


class Slow:
    """A recommender whose answers wait for a sign; it notes the cart of each request that it begins."""

    def __init__(self, folder: Path) -> None:
        self.recommender: Recommender = load(folder)
        self.manifest: Mapping[str, Any] = self.recommender.manifest
        self.begun: list[tuple[str, ...]] = []
        self.go = threading.Event()

    def name(self, product_id: str) -> str:
        return self.recommender.name(product_id)

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        self.begun += [tuple(request.cart) for request in requests]
        assert self.go.wait(DEADLINE)
        return self.recommender.answer(requests, threshold=threshold)


def slow_one(service: Running) -> Slow:
    """The slow recommender of a service."""
    slow = service.service.live.current.answerer
    assert isinstance(slow, Slow)
    return slow


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.perf_counter = time.perf_counter

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which rates are counted."""
    made = Clock()
    monkeypatch.setattr(guards, "time", made)
    return made


@pytest.fixture
def keyed(toy_folder: Path) -> Any:
    with running(toy_folder, Keys(frozenset({KEY, OTHER}), "")) as service:
        yield service


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer {OTHER}"}, 200),
        ({"X_API_Key": KEY}, 200),
    ],
)
def test_a_call_needs_one_of_the_keys(keyed: Running, header: dict[str, str], status: int) -> None:
    for method, path, body in (("POST", "/v1/recommend", {}), ("GET", "/metrics", None), ("GET", "/version", None)):
        answered = keyed.call(method, path, body, **header)
        assert answered.status == status
        if status == 401:
            assert answered.headers["www-authenticate"] == "Bearer"


def test_probes_and_the_description_need_no_key(keyed: Running) -> None:
    for path in ("/health", "/ready", "/v2/health/live", "/v2/health/ready", "/openapi.json"):
        assert keyed.call("GET", path).status == 200


def test_a_callers_key_changes_no_bundle(toy_folder: Path) -> None:
    with running(toy_folder, Keys(frozenset({KEY}), ADMIN)) as service:
        assert service.call("GET", "/v1/deployment", Authorization=f"Bearer {KEY}").status == 401
        assert service.call("GET", "/v1/deployment", Authorization=f"Bearer {ADMIN}").status == 200
    with running(toy_folder, Keys(frozenset({KEY}), "")) as service:
        assert service.call("GET", "/v1/deployment", Authorization=f"Bearer {KEY}").status == 403


@pytest.mark.parametrize("text", ["short", "with blanks between words", "ключключключключ"])
def test_a_key_that_is_guessed_soon_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="MERSALG_API_KEYS") as refused:
        read_keys({"MERSALG_API_KEYS": f"{KEY},{text}"})
    assert text not in str(refused.value)
    assert KEY not in repr(read_keys({"MERSALG_API_KEYS": KEY}))


def test_a_body_above_the_cap_is_refused_by_its_declared_length(toy_folder: Path) -> None:
    with running(toy_folder, largest_body=1000) as service:
        assert service.call("POST", "/v1/recommend", b" " * 1001).status == 413
        assert service.call("POST", "/v1/recommend", b"{}" + b" " * 998).status == 200


def test_a_body_without_a_length_is_cut_off_at_the_cap(toy_folder: Path) -> None:
    head = b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running(toy_folder, largest_body=1000) as service, socket.create_connection(("127.0.0.1", service.port)) as s:
        s.sendall(head + (b"100\r\n" + b" " * 256 + b"\r\n") * 5)
        assert s.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_not_waited_for(toy_folder: Path) -> None:
    head = b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    with (
        running(toy_folder, timeout_seconds=0.3) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE) as s,
    ):
        s.sendall(head)
        assert s.recv(100).startswith(b"HTTP/1.1 503")


def test_too_many_calls_of_a_caller_are_told_when_to_come_again(toy_folder: Path, clock: Clock) -> None:
    with running(toy_folder, Keys(frozenset({KEY, OTHER}), ""), rate=2) as service:
        first = [service.call("POST", "/v1/recommend", {}, X_API_Key=KEY) for _ in range(6)]
        assert [answered.status for answered in first] == [200] * 2 + [429] * 4
        assert int(first[-1].headers["retry-after"]) >= 1
        clock.now += 0.5
        again = [service.call("POST", "/v1/recommend", {}, X_API_Key=KEY).status for _ in range(2)]
        assert again == [200, 429]
        assert service.call("POST", "/v1/recommend", {}, X_API_Key=OTHER).status == 200
        assert service.call("GET", "/metrics", X_API_Key=KEY).status == 200


def test_a_rate_fills_up_again_and_forgets_the_longest_silent() -> None:
    rates = Rates(2.0)
    assert [rates.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert rates.take("a", 0.5) == 0.0
    assert rates.take("a", 100.0) == rates.take("a", 100.0) == 0.0
    assert rates.take("a", 100.0) > 0
    for caller in range(MAX_CALLERS):
        rates.take(str(caller), 100.0)
    assert len(rates.buckets) == MAX_CALLERS
    assert "a" not in rates.buckets


def test_a_call_too_many_is_turned_away_while_probes_are_answered(toy_folder: Path) -> None:
    with running(toy_folder, open_bundle=open_slowly, threads=1, most_waiting=3) as service:
        slow = slow_one(service)
        with ThreadPoolExecutor(3) as callers:
            waiting = [callers.submit(service.recommend) for _ in range(3)]
            wait_until(lambda: service.service.metrics.waiting._value.get() == 3)
            turned_away = service.recommend()
            assert (turned_away.status, turned_away.headers["retry-after"]) == (503, "1")
            assert service.call("GET", "/ready").status == 200
            slow.go.set()
            assert [answered.result().status for answered in waiting] == [200, 200, 200]


def open_slowly(folder: Path) -> Slow:
    """Load, and answer when told; golden requests are answered at once."""
    return Slow(folder)


def test_what_takes_too_long_is_given_up_and_what_waits_behind_it_is_never_begun(toy_folder: Path) -> None:
    with running(toy_folder, open_bundle=open_slowly, threads=1, timeout_seconds=0.3) as service:
        slow = slow_one(service)
        # On a slow machine the first may be given up before it is begun; then the next one hangs.
        wait_until(lambda: service.recommend(cart=["milk"]).status == 503 and slow.begun)
        with ThreadPoolExecutor(4) as callers:
            answered = [call.result() for call in [callers.submit(service.recommend, cart=["bread"]) for _ in range(4)]]
        assert [answer.status for answer in answered] == [503] * 4
        assert "0.3 s" in answered[0].json["detail"]
        slow.go.set()
        wait_until(lambda: service.recommend(cart=["wine"]).status == 200)
    assert ("bread",) not in slow.begun


@pytest.mark.parametrize(
    "wrong",
    [{"workers": 0}, {"rate": -1.0}, {"timeout_seconds": 0.0}, {"port": 70_000}, {"check_seconds": float("nan")}],
)
def test_settings_that_make_no_service_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Settings("models/demo", **wrong)


def test_wrong_keys_are_rated_by_their_address_and_good_ones_beside_them_are_not(
    toy_folder: Path, clock: Clock
) -> None:
    with running(toy_folder, Keys(frozenset({KEY}), ADMIN), rate=2) as service:
        for path in ("/v1/recommend", "/v1/deployment"):
            wrong = [service.call("POST", path, {}, X_API_Key=f"guess {number}").status for number in range(8)]
            assert wrong == [401] * 2 + [429] * 6
            clock.now += 1
        assert service.call("POST", "/v1/recommend", {}, X_API_Key=KEY).status == 200
        assert service.call("GET", "/v1/deployment", X_API_Key=ADMIN).status == 200


@pytest.mark.parametrize(("proxies", "is_rated"), [("", True), ("127.0.0.1", False)])
def test_only_a_proxy_that_is_named_tells_who_calls(
    toy_folder: Path, proxies: str, is_rated: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
    with running(toy_folder, rate=1) as service:
        calls = [service.call("POST", "/v1/recommend", {}, X_Forwarded_For=f"10.0.0.{n}").status for n in range(12)]
    assert calls == ([200] + [429] * 11 if is_rated else [200] * 12)
