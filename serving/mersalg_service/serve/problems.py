"""Refusals as problem documents (RFC 9457), with the field of a request that is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from mersalg.errors import ConfigError, MersalgError, RegistryError, RequestError
from mersalg_service.serve.customers import UnknownCustomerError
from mersalg_service.serve.live_bundle import NoBundleError

MEDIA_TYPE: Final = "application/problem+json"
STATUS_OF: Final[tuple[tuple[type[MersalgError], int], ...]] = (
    (UnknownCustomerError, 409),
    (RequestError, 422),
    (NoBundleError, 503),
    (ConfigError, 400),
)
"""Any other MersalgError is the service's own trouble: 500."""


class CallError(MersalgError):
    """A call that is refused with a status, before or beside its requests."""

    def __init__(
        self, status: int, detail: str, *, after: float | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        if after is not None:
            self.headers["Retry-After"] = str(max(1, round(after)))


def status_of(error: MersalgError) -> int:
    """The HTTP status of a refusal."""
    if isinstance(error, CallError):
        return error.status
    if isinstance(error, RegistryError):
        return 503 if error.unreachable else 422
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)


def document_of(error: MersalgError) -> bytes:
    """The problem as JSON. `error` repeats the detail, as the Open Inference Protocol has it."""
    status = status_of(error)
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "error": str(error),
    }
    if isinstance(error, RequestError):
        document |= {"field": error.field, "expected": error.expected}
    return json.dumps(document).encode()


def headers_of(error: MersalgError) -> Mapping[str, str]:
    """The headers that go with a refusal."""
    if isinstance(error, CallError):
        return error.headers
    return {"Retry-After": "1"} if status_of(error) == 503 else {}
