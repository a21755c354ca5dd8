"""Where a service may be watched from: what is called around its calls, and by default does nothing.

OpenTelemetry stands behind it where `mersalg serve --otel` says so (otel.py, extra `otel`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")
Opens = Callable[[Path], Any]
"""Opens the bundle of a folder."""
RouteOf = Callable[[Any], str]
"""The template of a call's route, of its ASGI scope."""


class Tracing(Protocol):
    """What a service calls, whether it is traced or not."""

    def around_app(self, app: Any, route_of: RouteOf) -> Any:
        """The ASGI app with a span for each call."""

    def around_bundle(self, opened: Opens, is_policy: bool) -> Opens:
        """What opens a bundle, with a span for each time that it is asked: the graph's, or the policy's around it."""

    def waiting(self) -> Future[bytes]:
        """The future of a call that waits for a thread."""

    def batch(self, calls: Sequence[Future[bytes]]) -> AbstractContextManager[None]:
        """Around the answer to calls that are answered together."""

    def carried(self, work: Callable[[], T]) -> Callable[[], T]:
        """The work as a part of the present call, whatever thread does it."""

    def close(self, seconds: float) -> None:
        """Send what is left, within so many seconds."""


class Untraced:
    """Nothing is recorded."""

    def around_app(self, app: Any, route_of: RouteOf) -> Any:
        """The app itself."""
        return app

    def around_bundle(self, opened: Opens, is_policy: bool) -> Opens:
        """What opens the bundle itself."""
        return opened

    def waiting(self) -> Future[bytes]:
        """A plain future."""
        return Future()

    def batch(self, calls: Sequence[Future[bytes]]) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def carried(self, work: Callable[[], T]) -> Callable[[], T]:
        """The work itself."""
        return work

    def close(self, seconds: float) -> None:
        """Nothing is left."""


UNTRACED: Final = Untraced()


def open_tracing(is_on: bool) -> Tracing:
    """OpenTelemetry's, or none. MersalgError where it is not installed."""
    if not is_on:
        return UNTRACED
    from mersalg_service.tracing.otel import open_otel  # noqa: PLC0415

    return open_otel()
