"""The service put together: an ASGI app that loads its bundle when it starts."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

from fastapi import FastAPI, HTTPException, Request, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import compile_path
from starlette.types import ASGIApp, Scope

from mersalg.child import load_after_child
from mersalg.errors import MersalgError
from mersalg.recommender import AnswersRequests, Recommender
from mersalg_service.serve.customers import KeptCustomers
from mersalg_service.serve.deployment import FIRST, Deployment, Deployments, open_first
from mersalg_service.serve.guards import Guards, log, route_of
from mersalg_service.serve.inference_v2 import inference_routes
from mersalg_service.serve.interface.docs_page import POLICY, docs_page
from mersalg_service.serve.interface.playground_pages import playground_routes
from mersalg_service.serve.interface.schemas import OPEN_TO_ALL, all_schemas, ids_taken
from mersalg_service.serve.live_bundle import LiveBundle
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.policy_files import PolicyFiles
from mersalg_service.serve.problems import MEDIA_TYPE, CallError, document_of, headers_of, status_of
from mersalg_service.serve.recorded_answers import open_recorded
from mersalg_service.serve.routes import customer_routes, deployment_routes, offer_routes, state_routes
from mersalg_service.serve.service import Service
from mersalg_service.serve.settings import Keys, Settings, read_keys, settings_from_environment
from mersalg_service.serve.sources import source_of
from mersalg_service.tracing import open_tracing


def make_service(settings: Settings, open_bundle: Callable[[Path], AnswersRequests] | None = None) -> Service:
    """The parts of a service; nothing is loaded yet. `open_bundle` may put its own rules around a recommender.

    Without it a bundle is loaded, in a process of its own first, signed where the settings name a key, under the policy
    that they name.
    """
    metrics, tracing = Metrics(), open_tracing(settings.otel)
    opened = tracing.around_bundle(partial(load_after_child, public_key=settings.public_key or None), is_policy=False)
    policy = policy_files(settings, opened) if settings.policy else None
    recorded = open_recorded(settings, metrics) if settings.is_recorded else None
    around = opened if policy is None else tracing.around_bundle(policy.open, is_policy=True)
    opening = open_bundle or around
    live = LiveBundle(source_of(settings.bundle), opening if recorded is None else recorded.telling(opening))
    file = Path(settings.deployment_file) if settings.deployment_file else None
    deployments = Deployments(live, Deployment(FIRST, settings.bundle), file, metrics)
    threads: WeakSet[Thread] = WeakSet()
    answering = ThreadPoolExecutor(
        settings.threads, "mersalg-answer", initializer=lambda: threads.add(threading.current_thread())
    )
    customers = None
    if settings.customers:
        customers = KeptCustomers(settings.customers, settings.customer_seconds, metrics.count_customers)
    return Service(settings, live, deployments, metrics, answering, threads, policy, recorded, tracing, customers)


def policy_files(settings: Settings, opened: Callable[[Path], Recommender]) -> PolicyFiles:
    """The policy that the settings name, around what `opened` loads."""
    return PolicyFiles(Path(settings.policy), Path(settings.catalogue) if settings.catalogue else None, opened)


def make_app(service: Service, keys: Keys) -> ASGIApp:
    """The app around a service. It loads the bundle at its start, unless that has been done."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if service.live.served is None:
            with ended_at_once():
                await service.change(lambda: open_first(service.deployments))
        looking = asyncio.create_task(service.keep_looking())
        looking.add_done_callback(say_end)
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            service.close()

    app = FastAPI(
        title="mersalg",
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lead to whatever host the caller names
        lifespan=lifespan,
    )
    if service.customers is not None:
        app.include_router(customer_routes(service.customers))
    for router in (offer_routes(service), state_routes(service), inference_routes(service)):
        app.include_router(router)
    if keys.admin:
        app.include_router(deployment_routes(service))
        if service.settings.playground:
            app.include_router(playground_routes(service))
    app.add_exception_handler(MersalgError, refuse)
    app.add_exception_handler(StarletteHTTPException, refuse_route)
    app.add_exception_handler(Exception, refuse_unexpected)
    describe(app, keys, service)
    guards = Guards(app, service.settings, keys, service.metrics)
    guarded: ASGIApp = service.tracing.around_app(guards, route_of)
    return guarded


DESCRIPTION = "Follow-on selling, learned: the offers that are worth making, and none when none is."


def app_from_environment() -> ASGIApp:
    """The app of a worker process."""
    ignore_hang_up()
    end_with_parent()
    return make_app(make_service(settings_from_environment()), read_keys(os.environ))


def ignore_hang_up() -> None:
    """Go on when a terminal closes; with workers, SIGHUP to the first process replaces them one after another."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def end_with_parent() -> None:
    """Stop as by SIGTERM when the process that started this worker is gone: its port would stay taken."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        log.error("the first process is gone: this worker ends, too")
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, name="mersalg-parent", daemon=True).start()


@contextmanager
def ended_at_once() -> Iterator[None]:
    """While nobody is answered yet, let SIGTERM and SIGINT end the process on the spot, not after the loading."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(name, signal.SIG_DFL) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


async def refuse(_: Request, error: Exception) -> Response:
    """A MersalgError as a problem document."""
    assert isinstance(error, MersalgError)
    status = status_of(error)
    if status == 500:
        log.error("%s", error)
    return Response(document_of(error), status, headers=dict(headers_of(error)), media_type=MEDIA_TYPE)


async def refuse_unexpected(_: Request, __: Exception) -> Response:
    """An error of the service's own as a problem document; the server logs what it was."""
    refused = CallError(500, "the service failed; its log says why")
    return Response(document_of(refused), refused.status, media_type=MEDIA_TYPE)


async def refuse_route(call: Request, error: Exception) -> Response:
    """A path or a method that is not there, as a problem document; `Allow` names the methods of all its routes."""
    assert isinstance(error, StarletteHTTPException | HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(methods_of(call.app, call.scope)))
    refused = CallError(error.status_code, str(error.detail), headers=headers)
    return Response(document_of(refused), error.status_code, headers=refused.headers, media_type=MEDIA_TYPE)


def methods_of(app: FastAPI, scope: Scope) -> set[str]:
    """The methods of the routes that the path of a call fits."""
    document = app.openapi()
    result: set[str] = set()
    for path, operations in document["paths"].items():
        pattern, _, _ = compile_path(path)
        if pattern.match(scope["path"]):
            result |= {method.upper() for method in operations}
    return result


def say_end(looking: asyncio.Task[None]) -> None:
    """Say aloud when the look for newer bundles has ended by an error, since the service goes on without it."""
    if not looking.cancelled() and (error := looking.exception()) is not None:
        log.error("no further look for newer bundles: %s", error, exc_info=error)


def describe(app: FastAPI, keys: Keys, service: Service) -> None:
    """Put the schemas, and the key where one is needed, into the OpenAPI document."""
    made: Callable[[], dict[str, Any]] = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        parts = document.setdefault("components", {})
        taken = None if service.recorded is None else ids_taken(service.recorded.experiment)
        kept = service.customers is not None
        own = all_schemas(service.settings.most_requests, bool(service.settings.policy), taken, keeps_customers=kept)
        parts["schemas"] = {**parts.get("schemas", {}), **own}
        if keys.callers or keys.admin:
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"key": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]

    @app.get("/docs", tags=["state"], openapi_extra=OPEN_TO_ALL, responses=PAGE)
    def docs() -> Response:
        """This interface as a page; it loads nothing from elsewhere."""
        return Response(docs_page(openapi()), media_type="text/html", headers={"Content-Security-Policy": POLICY})


PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}
