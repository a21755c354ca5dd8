"""The Open Inference Protocol, version 2, over HTTP, for those who route through it.

https://github.com/kserve/open-inference-protocol (rest/inference_rest.yaml), without the binary extension. The tensors
are those of the bundle format (models/README.md), by the same names; all but `cart` may be left out. They become
requests like any other, so that what is put around a recommender holds here, too.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from mersalg.names import KINDS
from mersalg_service.serve import bodies
from mersalg_service.serve.interface.schemas import OPEN_TO_ALL
from mersalg_service.serve.problems import CallError
from mersalg_service.serve.service import Service
from mersalg_service.serve.tensors import INPUT_TYPES, OUTPUT_TYPES, read_tensors, tensors_of

JSON: Final = "application/json"
TENSOR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["name", "datatype", "shape", "data"],
    "properties": {
        "name": {"type": "string", "enum": list(INPUT_TYPES)},
        "datatype": {"type": "string", "enum": sorted({datatype for datatype, _ in INPUT_TYPES.values()})},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2},
        "data": {"type": "array", "description": "In row-major order, flat or in rows."},
        "parameters": {"type": "object"},
    },
}
INFERENCE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {"type": "array", "items": TENSOR, "minItems": 1},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "enum": list(OUTPUT_TYPES)}},
            },
        },
    },
    "examples": [{"inputs": [{"name": "cart", "datatype": "BYTES", "shape": [1, 1], "data": ["868075"]}]}],
}
ANY_OBJECT: Final[dict[str, Any]] = {"content": {JSON: {"schema": {"type": "object"}}}}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in {
        400: "no inference request", 401: "no valid key", 404: "another model", 413: "too large", 422: "a wrong tensor",
        429: "too many calls", 500: "the service's own trouble", 503: "not now",
    }.items()
}  # fmt: skip


def inference_routes(service: Service) -> APIRouter:
    """Health, metadata and inference."""
    router = APIRouter(tags=["open inference protocol"])
    described: dict[str, Any] = {"responses": {200: ANY_OBJECT, **PROBLEMS}}

    @router.get("/v2", **described)
    async def server() -> Response:
        """The server's name and version."""
        import mersalg  # noqa: PLC0415  # looks its version up at first use

        return answered({"name": "mersalg", "version": mersalg.__version__, "extensions": []})

    @router.get("/v2/health/live", openapi_extra=OPEN_TO_ALL, **described)
    async def live() -> Response:
        """Whether the process lives."""
        return answered({"live": True})

    @router.get("/v2/health/ready", openapi_extra=OPEN_TO_ALL, **described)
    async def ready() -> Response:
        """Whether there is a bundle that answers."""
        service.live.current  # noqa: B018  # NoBundleError is a 503
        return answered({"ready": True})

    @router.get("/v2/models/{model_name}", **described)
    async def metadata(model_name: str) -> Response:
        """The names, types and shapes of the tensors."""
        return answered(metadata_of(service, model_name, ""))

    @router.get("/v2/models/{model_name}/versions/{model_version}", **described)
    async def metadata_of_version(model_name: str, model_version: str) -> Response:
        """The names, types and shapes of the tensors of this version."""
        return answered(metadata_of(service, model_name, model_version))

    @router.get("/v2/models/{model_name}/ready", **described)
    async def model_ready(model_name: str) -> Response:
        """Whether this model answers."""
        check_model(service, model_name, "")
        return answered({"name": model_name, "ready": True})

    @router.get("/v2/models/{model_name}/versions/{model_version}/ready", **described)
    async def version_ready(model_name: str, model_version: str) -> Response:
        """Whether this version of the model answers."""
        check_model(service, model_name, model_version)
        return answered({"name": model_name, "ready": True})

    body = {"requestBody": {"required": True, "content": {JSON: {"schema": INFERENCE}}}}

    @router.post("/v2/models/{model_name}/infer", openapi_extra=body, **described)
    async def infer(call: Request, model_name: str) -> Response:
        """The output tensors for the input tensors."""
        return await inferred(service, model_name, "", await call.body())

    @router.post("/v2/models/{model_name}/versions/{model_version}/infer", openapi_extra=body, **described)
    async def infer_by_version(call: Request, model_name: str, model_version: str) -> Response:
        """The output tensors for the input tensors, from this version."""
        return await inferred(service, model_name, model_version, await call.body())

    return router


def metadata_of(service: Service, name: str, version: str) -> dict[str, Any]:
    """What a model says of its tensors."""
    check_model(service, name, version)
    served = service.live.current
    return {
        "name": served.name,
        "versions": [served.version],
        "platform": "onnx_onnxv1",
        "inputs": ports(INPUT_TYPES, {"kinds": len(KINDS)}),
        "outputs": ports(OUTPUT_TYPES, {"best_relevance": len(KINDS)}),
    }


async def inferred(service: Service, name: str, version: str, content: bytes) -> Response:
    """The answer to an inference request."""
    check_model(service, name, version)

    def work() -> bytes:
        asked = read_tensors(bodies.read_object(content), service.settings.most_requests)
        served, answers = service.answer(asked.requests, threshold=asked.threshold)
        told = {"model_name": served.name, "model_version": served.version}
        if asked.id is not None:
            told["id"] = asked.id
        return bodies.to_bytes({**told, "outputs": tensors_of(answers, asked.outputs)})

    return Response(await service.compute(work), media_type=JSON)


def check_model(service: Service, name: str, version: str) -> None:
    """Refuse (404) a model or a version that does not answer here."""
    served = service.live.current
    if name != served.name:
        raise CallError(404, f"no model of this name; {served.name!r} is served here")
    if version not in ("", served.version):
        raise CallError(404, f"no such version; {served.version!r} is served here")


def answered(document: dict[str, Any]) -> Response:
    """A JSON answer."""
    return Response(bodies.to_bytes(document), media_type=JSON)


def ports(types: dict[str, tuple[str, int]], widths: dict[str, int]) -> list[dict[str, Any]]:
    """Tensor metadata; -1 is a free dimension."""
    return [
        {"name": name, "datatype": datatype, "shape": [-1, widths.get(name, -1)][:rank]}
        for name, (datatype, rank) in types.items()
    ]
