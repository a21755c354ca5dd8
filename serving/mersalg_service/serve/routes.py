"""What is asked of the service, and answered: offers, its own state, and the change of its bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from mersalg.errors import BundleError, RegistryError, RequestError
from mersalg.offers import Offers
from mersalg.registry.address import FORM
from mersalg.requests import Request as MersalgRequest
from mersalg_service.serve import bodies
from mersalg_service.serve.batching import Together
from mersalg_service.serve.customers import KeptCustomers
from mersalg_service.serve.interface.schemas import OPEN_TO_ALL, Schema, named
from mersalg_service.serve.live_bundle import Served
from mersalg_service.serve.problems import MEDIA_TYPE, CallError, status_of
from mersalg_service.serve.service import Service

JSON = "application/json"
TEXT: Schema = {"schema": {"type": "string"}}


def offer_routes(service: Service) -> APIRouter:
    """`/v1/recommend` and `/v1/score`."""
    router = APIRouter(tags=["offers"])

    def answer(requests: Sequence[MersalgRequest]) -> list[bytes]:
        served, answers = service.answer(requests, threshold=True)
        return [bodies.to_bytes({**one, "bundle": served.version}) for one in told(served, requests, answers)]

    read = service.read
    together = Together(
        service.answering,
        service.settings.threads,
        lambda body: read(bodies.read_object(body)),
        answer,
        service.tracing,
    )

    unknown = {409: "a customer whose history is not kept, and is not sent"} if service.customers is not None else {}

    @router.post("/v1/recommend", **described("Request", "Answer", unknown))
    async def recommend(call: Request) -> Response:
        """The offers for one request, best first, or none and the reason."""
        return Response(await together.ask(await call.body()), media_type=JSON)

    @router.post("/v1/score", **described("Requests", "Answers", unknown))
    async def score(call: Request) -> Response:
        """The answers for many requests, in their order, all from one bundle."""
        body = await call.body()

        def work() -> bytes:
            requests, threshold = bodies.read_many(bodies.read_object(body), service.settings.most_requests, read)
            served, answers = service.answer(requests, threshold=threshold)
            return bodies.to_bytes({"answers": told(served, requests, answers), "bundle": served.version})

        return Response(await service.compute(work), media_type=JSON)

    return router


def customer_routes(customers: KeptCustomers) -> APIRouter:
    """`/v1/customers`: to forget one."""
    router = APIRouter(tags=["customers"])

    @router.delete("/v1/customers/{customer:path}", **described(None, "Forgotten"))
    async def forget(customer: str) -> Response:
        """Keep nothing of a customer any longer; whether there was a history."""
        return Response(bodies.to_bytes({"forgotten": customers.forget(customer)}), media_type=JSON)

    return router


def told(served: Served, requests: Sequence[MersalgRequest], answers: Sequence[Offers]) -> list[dict[str, Any]]:
    """The answers, each in the language of its request."""
    name = served.answerer.name
    return [bodies.answer_of(offers, name, one.language) for one, offers in zip(requests, answers, strict=True)]


def state_routes(service: Service) -> APIRouter:
    """`/health`, `/ready`, `/version` and `/metrics`."""
    router = APIRouter(tags=["state"])

    @router.get(
        "/health", openapi_extra=OPEN_TO_ALL, responses={200: {"content": {JSON: {"schema": {"type": "object"}}}}}
    )
    async def health() -> Response:
        """Whether the process lives."""
        return Response(b'{"live":true}', media_type=JSON)

    states: dict[int | str, dict[str, Any]] = {200: answered("State"), 503: answered("State")}

    @router.get("/ready", openapi_extra=OPEN_TO_ALL, responses=states)
    async def ready() -> Response:
        """Whether there is a bundle that answers; `refused` says why it is not a newer one."""
        state = bodies.state_of(service.live)
        return Response(bodies.to_bytes(state), 200 if state["ready"] else 503, media_type=JSON)

    @router.get("/version", responses={200: {"content": {JSON: {"schema": {"type": "object"}}}}, **refusals(KEYED)})
    async def version() -> Response:
        """The versions of mersalg and of the bundle."""
        import mersalg  # noqa: PLC0415  # looks its version up at first use

        served = service.live.served
        bundle = None if served is None else bodies.bundle_of(served)
        return Response(bodies.to_bytes({"mersalg": mersalg.__version__, "bundle": bundle}), media_type=JSON)

    @router.get("/metrics", responses={200: {"content": {"text/plain": TEXT}}, **refusals(KEYED)})
    async def metrics() -> Response:
        """The figures in Prometheus' text format."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def deployment_routes(service: Service) -> APIRouter:
    """`/v1/deployment`: which bundle answers, and its change; with the admin key alone."""
    router = APIRouter(tags=["deployment"])

    def now() -> dict[str, Any]:
        wanted, served = service.deployments.now, service.live.served
        bundle = None if served is None else bodies.bundle_of(served)
        return {"name": wanted.name, "bundle": wanted.bundle, "earlier": list(wanted.earlier), "served": bundle}

    @router.get("/v1/deployment", **described(None, "Deployment"))
    async def get() -> Response:
        """What the service answers from, and what it can go back to."""
        return Response(bodies.to_bytes(now()), media_type=JSON)

    @router.put("/v1/deployment", **described("Wanted", "Deployment", DEPLOYED))
    async def put(call: Request) -> Response:
        """Answer from another bundle of the registry, if it is whole; otherwise nothing changes."""
        name, bundle = read_wanted(bodies.read_object(await call.body()))
        try:
            await service.change(lambda: service.deployments.deploy(name, bundle))
        except (BundleError, RegistryError) as error:  # of what the caller named, not of what answers
            raise CallError(503 if status_of(error) == 503 else 409, str(error)) from None
        return Response(bodies.to_bytes(now()), media_type=JSON)

    @router.delete("/v1/deployment", **described(None, "Deployment", DEPLOYED))
    async def delete() -> Response:
        """Answer again from what the service was started with."""
        await service.change(service.deployments.withdraw)
        return Response(bodies.to_bytes(now()), media_type=JSON)

    @router.post("/v1/deployment/rollback", **described(None, "Deployment", DEPLOYED))
    async def rollback() -> Response:
        """Go back to the bundle before, and stay there."""
        await service.change(service.deployments.roll_back)
        return Response(bodies.to_bytes(now()), media_type=JSON)

    return router


def read_wanted(document: dict[str, Any]) -> tuple[str, str]:
    """Name and address of a deployment."""
    for field in document:
        if field not in ("name", "bundle"):
            raise RequestError(field, "one of the fields name, bundle", field)
    name, bundle = document.get("name", "default"), document.get("bundle")
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise RequestError("name", "a text of 1 to 200 characters", name)
    if not isinstance(bundle, str) or FORM.fullmatch(bundle) is None:
        raise RequestError("bundle", "models:/NAME@ALIAS or models:/NAME/VERSION", bundle)
    return name, bundle


DEPLOYED = {409: "no such bundle, or not a whole one; nothing has changed"}


def described(request: str | None, answer: str, more: Mapping[int, str] | None = None) -> dict[str, Any]:
    """The words of a route for the OpenAPI document."""
    responses: dict[int | str, dict[str, Any]] = {200: answered(answer), **refusals(REFUSALS), **refusals(more or {})}
    body: Schema = {"required": True, "content": {JSON: {"schema": named(request)}}} if request is not None else {}
    return {"responses": responses, "openapi_extra": {"requestBody": body} if body else {}}


REFUSALS = {
    400: "no JSON",
    401: "no valid key",
    403: "not allowed",
    413: "too large",
    422: "a wrong field",
    429: "too many calls",
    500: "the service's own trouble",
    503: "not now",
}
KEYED = {401: "no valid key"}


def refusals(texts: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Refusals as problem documents."""
    content = {MEDIA_TYPE: {"schema": named("Problem")}}
    return {status: {"description": text, "content": content} for status, text in texts.items()}


def answered(schema: str) -> dict[str, Any]:
    """An answer in JSON."""
    return {"description": schema, "content": {JSON: {"schema": named(schema)}}}
