"""OpenTelemetry: spans of a call, its wait, the batch that answers it, policy and graph. The one module that knows it.

Names are those of the semantic conventions for HTTP servers where there are any. No attribute holds a word of a
request or an answer: routes, states and counts alone. What goes where is set by OpenTelemetry's own variables.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from mersalg.errors import MersalgError
from mersalg.offers import Offers
from mersalg.recommender import AnswersRequests
from mersalg.requests import Request
from mersalg_service.tracing import RouteOf

try:
    from opentelemetry import context, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise MersalgError(f"--otel needs {error.name}, which is not installed; `pip install 'mersalg[otel]'`") from None

T = TypeVar("T")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})
OTHER_METHOD: Final = "_OTHER"
PARENT: Final = "traceparent"
QUEUE, BATCH, POLICY, GRAPH = "mersalg.queue", "mersalg.batch", "mersalg.policy", "mersalg.graph"
REQUESTS: Final = "mersalg.requests"
OFFERS: Final = "mersalg.offers"
NAMED_BY: Final = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")
"""Variables by which the service may have another name."""


class WaitingCall(Future[bytes]):
    """A call that waits: its span ends when a thread takes it."""

    def __init__(self, tracer: trace.Tracer) -> None:
        super().__init__()
        self.context = context.get_current()
        self.span = tracer.start_span(QUEUE)

    def set_running_or_notify_cancel(self) -> bool:
        """As a future's; the wait is over in either case."""
        self.span.end()
        return super().set_running_or_notify_cancel()


class TracedAnswers:
    """What answers requests, with a span around each time that it is asked."""

    def __init__(self, by: Any, name: str, tracer: trace.Tracer) -> None:
        self.by = by
        self.span = partial(tracer.start_as_current_span, name)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """That of the bundle."""
        manifest: Mapping[str, Any] = self.by.manifest
        return manifest

    @property
    def folder(self) -> Path:
        """That of the bundle."""
        folder: Path = self.by.folder
        return folder

    def name(self, product_id: str) -> str:
        """The product's name, or its id when the bundle knows no name."""
        name: str = self.by.name(product_id)
        return name

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        """The offers for checked requests, in their order."""
        with self.span(attributes={REQUESTS: len(requests)}) as span:
            answers: list[Offers] = self.by.answer(requests, threshold=threshold)
            span.set_attribute(OFFERS, sum(map(len, answers)))
            return answers


class TracedApp:
    """ASGI middleware: the span of a call, below the caller's `traceparent`; the answer carries its own."""

    def __init__(self, app: Any, tracer: trace.Tracer, route_of: RouteOf) -> None:
        self.app = app
        self.tracer = tracer
        self.route_of = route_of
        self.propagator = TraceContextTextMapPropagator()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a call through within its span."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parent = self.propagator.extract({name: told[name] for name in (PARENT, "tracestate") if name in told})
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with self.tracer.start_as_current_span(
            method, parent, trace.SpanKind.SERVER, attributes, record_exception=False
        ) as span:
            carrier: dict[str, str] = {}
            self.propagator.inject(carrier)

            async def send_with_parent(message: Any) -> None:
                if message["type"] == "http.response.start":
                    note_status(span, message["status"])
                    headers = [*message["headers"], *((n.encode(), v.encode()) for n, v in carrier.items())]
                    message = {**message, "headers": headers}
                await send(message)

            try:
                await self.app(scope, receive, send_with_parent)
            finally:
                route = self.route_of(scope)
                span.set_attribute("http.route", route)
                span.update_name(f"{method} {route}")


def note_status(span: trace.Span, status: int) -> None:
    """The state of an answer; from 500 on it is an error of the service."""
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_attribute("error.type", str(status))
        span.set_status(trace.StatusCode.ERROR)


class Otel:
    """Tracing by OpenTelemetry, with a provider of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self.tracer = provider.get_tracer("mersalg")

    def around_app(self, app: Any, route_of: RouteOf) -> Any:
        """The app within a span for each call."""
        return TracedApp(app, self.tracer, route_of)

    def around_bundle(self, opened: Callable[[Path], AnswersRequests], is_policy: bool) -> Callable[[Path], Any]:
        """What opens the bundle, asked within spans."""
        name = POLICY if is_policy else GRAPH
        return lambda folder: TracedAnswers(opened(folder), name, self.tracer)

    def waiting(self) -> Future[bytes]:
        """A call whose wait is a span."""
        return WaitingCall(self.tracer)

    def batch(self, calls: Sequence[Future[bytes]]) -> AbstractContextManager[None]:
        """A span below the first call, linked with the others."""
        return self._batch([call.context for call in calls if isinstance(call, WaitingCall)])

    @contextmanager
    def _batch(self, contexts: Sequence[context.Context]) -> Iterator[None]:
        links = [trace.Link(trace.get_current_span(one).get_span_context()) for one in contexts[1:]]
        with self.tracer.start_as_current_span(
            BATCH, contexts[0] if contexts else None, attributes={REQUESTS: len(contexts)}, links=links
        ):
            yield

    def carried(self, work: Callable[[], T]) -> Callable[[], T]:
        """The work below the span of the present call."""
        present = context.get_current()

        def run() -> T:
            token = context.attach(present)
            try:
                return work()
            finally:
                context.detach(token)

        return run

    def close(self, seconds: float) -> None:
        """Send what is left; a receiver that is down is not waited for longer."""
        closing = threading.Thread(target=self.provider.shutdown, name="mersalg-otel", daemon=True)
        closing.start()
        closing.join(seconds)


def open_otel() -> Otel:
    """Spans go in the background by OTLP over HTTP; what the receiver does not take is dropped, and logged."""
    import mersalg  # noqa: PLC0415  # looks its version up at first use

    named = {} if any(map(os.environ.get, NAMED_BY)) else {SERVICE_NAME: "mersalg"}
    resource = Resource.create({**named, SERVICE_VERSION: mersalg.__version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Otel(provider)
