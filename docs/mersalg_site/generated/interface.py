"""The HTTP interface, from the OpenAPI document that the service makes of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from fastapi import FastAPI

from mersalg_service.serve.app import make_app, make_service
from mersalg_service.serve.guards import Guards
from mersalg_service.serve.settings import Keys, Settings
from mersalg_site.generated.tables import code, table, told_by


@cache
def openapi() -> Mapping[str, Any]:
    """The document of a service with keys that keeps customers, otherwise at default settings."""
    guards = cast(
        Guards, make_app(make_service(Settings("models/NAME", customers=1)), Keys(frozenset(), "no caller has it"))
    )
    return cast(FastAPI, guards.app).openapi()


def every_path() -> str:
    """The document itself, and a section for each method of each path."""
    paths = openapi()["paths"].items()
    parts = [
        part
        for path, methods in paths
        for method, told in methods.items()
        for part in operation(f"{method.upper()} {path}", told)
    ]
    return "\n\n".join(["[openapi.json](/files/openapi.json) is the document, for programs.", *parts])


def operation(title: str, told: Mapping[str, Any]) -> Iterator[str]:
    """What a method does, takes and answers."""
    yield f"## {title}"
    yield " ".join(told.get("description", "").split())
    if body := told.get("requestBody"):
        yield f"Body: {content(body)}."
    answers = [
        (code(status), answer.get("description", ""), content(answer)) for status, answer in told["responses"].items()
    ]
    yield table(("status", "when", "what"), answers)


def content(told: Mapping[str, Any]) -> str:
    """The schema of a body and its media type."""
    return next((f"{told_by(of.get('schema', {}))} ({media})" for media, of in told.get("content", {}).items()), "")


def every_schema() -> str:
    """A section for each schema with its fields."""
    return "\n\n".join(part for name, told in openapi()["components"]["schemas"].items() for part in schema(name, told))


def schema(name: str, told: Mapping[str, Any]) -> Iterator[str]:
    """The fields of a schema."""
    required = told.get("required", ())
    fields = [
        (code(field) + (", required" if field in required else ""), told_by(of), of.get("description", ""))
        for field, of in told.get("properties", {}).items()
    ]
    yield f"### {name}"
    yield table(("field", "type", "what it is"), fields) if fields else told_by(told)
