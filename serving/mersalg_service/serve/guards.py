"""What stands before every call, as one ASGI middleware: key, rate, places, size, time, and the clock of the metrics.

A call is refused by its head where that suffices, so that its body is not read; a body is read whole, up to the cap
and the time, before anything of it is parsed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mersalg.errors import MersalgError
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.problems import MEDIA_TYPE, CallError, document_of, headers_of, status_of
from mersalg_service.serve.settings import Keys, Settings

OPEN: Final = frozenset({"/health", "/ready", "/v2/health/live", "/v2/health/ready", "/openapi.json", "/docs"})
"""Paths that need no key: probes, and the description of the interface."""
WATCHING: Final = OPEN | {"/version", "/metrics", "/v2"}
"""Paths that are answered also when all places are taken, and at any rate."""
PLAYGROUND: Final = "/playground"
ASKING: Final = {"WWW-Authenticate": 'Basic realm="mersalg playground", charset="UTF-8"'}
"""What makes a browser ask for a user and a password. No other path takes them, so no other site can have it send them
to where a bundle is changed."""
MAX_CALLERS: Final = 10_000
"""Callers whose rate is remembered; the one longest silent is forgotten first."""
log: Final = logging.getLogger("mersalg.serve")


class Rates:
    """A bucket of tokens for each caller: `rate` a second, and a second's worth, at least one, at once."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.most = max(1.0, rate)
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """Seconds until the caller may come again; 0 = now, and a token is gone."""
        tokens, then = self.buckets.pop(caller, (self.most, now))
        tokens = min(self.most, tokens + (now - then) * self.rate)
        allowed = tokens >= 1
        self.buckets[caller] = (tokens - 1 if allowed else tokens, now)
        if len(self.buckets) > MAX_CALLERS:
            self.buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self.rate


class Guards:
    """Middleware around the whole service."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.callers = tuple(hashed(key) for key in sorted(keys.callers))
        self.admin = hashed(keys.admin) if keys.admin else None
        self.rates = Rates(settings.rate / settings.workers) if settings.rate else None
        self.waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call through, or answer why not; in any case it is timed and counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def counted_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.waiting += 1
        self.metrics.waiting.inc()
        try:
            await self.guarded(scope, receive, counted_send)
        finally:
            self.waiting -= 1
            self.metrics.waiting.dec()
            self.metrics.seconds.labels(route_of(scope), status).observe(time.perf_counter() - start)

    async def guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The answer of the app, or a problem document where none has begun."""
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            headers = dict(scope["headers"])
            self.check_head(scope, headers)
            seconds = None if self.is_playground(scope["path"]) else self.settings.timeout_seconds
            async with asyncio.timeout(seconds):  # the holder of the admin key may fetch a bundle over a slow line
                body = await read_body(receive, headers, self.settings.largest_body)
                if body is not None:
                    await self.app(scope, replay(body, receive), watched_send)
        except TimeoutError:
            if not begun:  # a caller that does not read its answer: the server closes the connection
                await answer(send, CallError(503, f"no answer within {self.settings.timeout_seconds:g} s", after=1))
        except MersalgError as error:
            await answer(send, error)

    def check_head(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Refuse a call by its head: 401, 403, 429 and 503."""
        path = scope["path"]
        try:
            caller = self.caller(scope, headers, path)
        except CallError:  # a wrong key, or none: of the address alone, so that good keys behind it go on
            self.check_rate(f"unknown {address_of(scope)}")
            raise
        if path in WATCHING or self.is_playground(path):
            return
        self.check_rate(caller)
        if self.waiting > self.settings.most_waiting:
            raise CallError(503, f"{self.settings.most_waiting} calls wait already", after=1)

    def is_playground(self, path: str) -> bool:
        """Whether a path is of the playground, and there is one; its page asks for dozens of files at once."""
        return bool(self.settings.playground) and (path == PLAYGROUND or path.startswith(f"{PLAYGROUND}/"))

    def check_rate(self, caller: str) -> None:
        """Refuse (429) a caller who comes too often."""
        if self.rates is not None and (seconds := self.rates.take(caller, time.monotonic())) > 0:
            raise CallError(429, f"expected at most {self.settings.rate:g} calls a second", after=seconds)

    def caller(self, scope: Scope, headers: dict[bytes, bytes], path: str) -> str:
        """Who calls, for the rate: the key's hash, or the address where no keys are set."""
        given = key_of(headers)
        if self.is_playground(path):
            given = given or password_of(headers)
            if given is None or self.admin is None or not hmac.compare_digest(given, self.admin):
                raise CallError(401, "expected the admin key, as the password of any user", headers=ASKING)
        elif path.startswith("/v1/deployment"):
            if self.admin is None:
                raise CallError(
                    403, "the bundle of this service cannot be changed: it was started without an admin key"
                )
            if given is None or not hmac.compare_digest(given, self.admin):
                raise CallError(401, "expected the admin key", headers={"WWW-Authenticate": "Bearer"})
        elif self.callers and path not in OPEN:
            known = [given is not None and hmac.compare_digest(given, key) for key in self.callers]
            if not any(known):  # every key is compared, so that the time tells nothing about which one it was
                raise CallError(401, "expected an API key", headers={"WWW-Authenticate": "Bearer"})
        elif not self.callers:
            return address_of(scope)
        return given.hex() if given is not None else ""


def address_of(scope: Scope) -> str:
    """The address of the other end, or of whoever a proxy that is believed speaks for."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def key_of(headers: dict[bytes, bytes]) -> bytes | None:
    """The hash of the key in `Authorization: Bearer KEY` or `X-API-Key: KEY`; None when there is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    key = token.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"").strip()
    return hashlib.sha256(key).digest() if key else None


def password_of(headers: dict[bytes, bytes]) -> bytes | None:
    """The hash of the password that a browser sends (HTTP Basic, RFC 7617); None when there is none."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        _, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
    except binascii.Error:
        return None
    return hashlib.sha256(password).digest() if colon else None


def hashed(key: str) -> bytes:
    """The hash under which keys are compared: of one length, whatever was sent."""
    return hashlib.sha256(key.encode()).digest()


async def read_body(receive: Receive, headers: dict[bytes, bytes], largest: int) -> bytes | None:
    """The whole body; None when the caller has gone. CallError (413) as soon as it is known to be too large."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > largest:
        raise too_large(largest)
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        size += len(piece)
        if size > largest:
            raise too_large(largest)
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def too_large(largest: int) -> CallError:
    """The refusal of a body; the connection is closed, since the rest of it is still coming."""
    return CallError(413, f"expected a body of at most {largest} bytes", headers={"Connection": "close"})


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, and then what comes."""
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


async def answer(send: Send, error: MersalgError) -> None:
    """Send a problem document."""
    status, body = status_of(error), document_of(error)
    if status >= 500 and not isinstance(error, CallError):
        log.error("%s", error)
    headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), **headers_of(error)}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def route_of(scope: Scope) -> str:
    """The template of the route, never the path itself: a path is the caller's own text."""
    route: Any = scope.get("route")
    return getattr(route, "path", None) or (scope["path"] if scope["path"] in WATCHING else "other")
