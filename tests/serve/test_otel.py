"""Claims: --otel sends the spans of a call, no word of it; without it nothing goes; a dead receiver costs no call."""

from __future__ import annotations

import asyncio
import http.server
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import toy_bundle
from mersalg import MersalgError
from mersalg.requests import Request, read_request
from mersalg_service.serve.batching import Together
from mersalg_service.serve.settings import Settings
from mersalg_service.tracing import UNTRACED, open_tracing
from mersalg_service.tracing.otel import Otel, TracedApp
from processes import DEADLINE
from serve.running import Running, running

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
POLICY = "[moments.cart]\nlimit = 1\n"


@dataclass
class Receiver:
    """What came in."""

    port: int
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> dict[str, Any]:
        """Name -> span; the last one of a name stays."""
        return {span.name: span for span in self.all}

    @property
    def all(self) -> list[Any]:
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found += list(scope.spans)
        return found


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """An OTLP receiver over HTTP on a free port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join(DEADLINE)
        server.server_close()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return toy_bundle.write_bundle(tmp_path / "toy")


@contextmanager
def traced(bundle: Path, port: int, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[Running]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    with running(bundle, otel=True, **settings) as service:
        yield service


def flush(service: Running) -> None:
    """Send what is there."""
    tracing = service.service.tracing
    assert isinstance(tracing, Otel)
    assert tracing.provider.force_flush(int(DEADLINE * 1000))


def attributes_of(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def test_a_call_is_a_span_below_the_callers_with_wait_batch_policy_and_graph_below_it(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    with receiving() as receiver, traced(bundle, receiver.port, monkeypatch, policy=str(policy)) as service:
        answered = service.call("POST", "/v1/recommend", {"cart": ["tea"]}, traceparent=f"00-{TRACE}-{PARENT}-01")
        assert answered.status == 200, answered.body
        flush(service)
        spans = receiver.spans
    server = spans["POST /v1/recommend"]
    assert server.trace_id.hex() == TRACE
    assert server.parent_span_id.hex() == PARENT
    assert answered.headers["traceparent"] == f"00-{TRACE}-{server.span_id.hex()}-01"
    assert attributes_of(server) == {
        "http.request.method": "POST", "url.scheme": "http", "http.route": "/v1/recommend",
        "http.response.status_code": 200,
    }  # fmt: skip
    parents = {name: span.parent_span_id for name, span in spans.items()}
    assert parents["mersalg.queue"] == parents["mersalg.batch"] == server.span_id
    assert parents["mersalg.policy"] == spans["mersalg.batch"].span_id
    assert parents["mersalg.graph"] == spans["mersalg.policy"].span_id
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    assert attributes_of(spans["mersalg.policy"]) == {"mersalg.requests": 1, "mersalg.offers": 1}
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans.values())


def test_many_requests_in_one_call_are_one_run_of_the_graph_below_it(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver, traced(bundle, receiver.port, monkeypatch) as service:
        assert service.call("POST", "/v1/score", {"requests": [{"cart": ["tea"]}] * 3}).status == 200
        flush(service)
        spans = receiver.spans
    assert spans["mersalg.graph"].parent_span_id == spans["POST /v1/score"].span_id
    assert attributes_of(spans["mersalg.graph"])["mersalg.requests"] == 3


def test_no_word_of_a_request_or_an_answer_goes_out(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, traced(bundle, receiver.port, monkeypatch) as service:
        asked = {
            "cart": ["tea"],
            "request_id": "of-alice",
            "history": [{"product_id": "milk", "ordered_at": "2024-01-01"}],
        }
        answer = service.call("POST", "/v1/recommend", asked | {"at": "2024-02-01"})
        assert answer.status == 200, answer.body
        assert service.call("GET", "/v1/recommend/of-alice?customer=alice").status == 404
        assert service.recommend(cart=["tea"], customer_id="alice").status == 422
        assert service.call("BREW-alice", "/v1/recommend").status in (400, 404, 405)
        flush(service)
        sent = b"".join(receiver.bodies)
        names = {span.name for span in receiver.all}
    offered = [offer["product_id"] for offer in answer.json["offers"]]
    assert offered
    for word in ("tea", "milk", "alice", *offered):
        assert word.encode() not in sent, word
    assert {"GET other", "POST /v1/recommend"} <= names


def test_calls_that_are_answered_together_are_linked() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing, free, begun = Otel(provider), threading.Event(), threading.Event()

    def busy() -> None:
        begun.set()
        assert free.wait(DEADLINE)

    def answer(requests: Any) -> list[bytes]:
        return [b"answer"] * len(requests)

    def read(body: bytes) -> Request:
        return read_request()

    async def two_calls(threads: ThreadPoolExecutor) -> None:
        together = Together(threads, 1, read, answer, tracing)

        async def call() -> None:
            with tracing.tracer.start_as_current_span("call"):
                await together.ask(b"{}")

        both = [asyncio.ensure_future(call()) for _ in range(2)]
        while len(together.waiting) < 2:
            await asyncio.sleep(0)
        free.set()
        await asyncio.wait_for(asyncio.gather(*both), DEADLINE)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(busy)
        assert begun.wait(DEADLINE)
        asyncio.run(two_calls(threads))
    spans = kept.get_finished_spans()
    (batch,) = (span for span in spans if span.name == "mersalg.batch")
    calls = [span.context.span_id for span in spans if span.name == "call"]
    assert batch.parent is not None
    assert {batch.parent.span_id, *(link.context.span_id for link in batch.links)} == set(calls)
    assert batch.attributes == {"mersalg.requests": 2}
    assert sum(span.name == "mersalg.queue" for span in spans) == 2


def test_a_receiver_that_is_down_or_refuses_costs_no_request_and_no_stop(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with traced(bundle, taken.getsockname()[1], monkeypatch) as service:
            assert [service.recommend(cart=["tea"]).status for _ in range(3)] == [200] * 3
    with receiving(status=400) as refusing, traced(bundle, refusing.port, monkeypatch) as service:
        assert service.recommend(cart=["tea"]).status == 200


def test_a_wrong_traceparent_begins_a_trace_of_its_own(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, traced(bundle, receiver.port, monkeypatch) as service:
        answered = service.call("GET", "/health", traceparent="00-alice-1-01")
        flush(service)
        (span,) = receiver.all
    assert answered.status == 200
    assert span.parent_span_id == b""
    assert answered.headers["traceparent"].split("-")[1] == span.trace_id.hex()


def test_nothing_is_sent_without_the_flag_whatever_the_environment_says(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings("models/shop").otel is False
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
        with running(bundle) as service:
            assert service.service.tracing is UNTRACED
            answered = service.recommend(cart=["tea"])
        assert receiver.bodies == []
    assert answered.status == 200
    assert "traceparent" not in answered.headers


def test_an_answer_from_500_on_is_an_error_of_the_service() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def sent(message: Any) -> None:
        pass

    app = TracedApp(broken, provider.get_tracer("test"), lambda scope: "/ready")
    scope = {"type": "http", "method": "GET", "scheme": "http", "headers": []}
    asyncio.run(app(scope, None, sent))
    (span,) = kept.get_finished_spans()
    assert span.name == "GET /ready"
    assert span.attributes is not None
    assert span.attributes["error.type"] == "503"
    assert not span.status.is_ok


def test_where_it_is_not_installed_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mersalg_service.tracing.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MersalgError, match=r"pip install 'mersalg\[otel\]'"):
        open_tracing(True)
