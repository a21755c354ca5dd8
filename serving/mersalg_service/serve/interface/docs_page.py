"""The interface as a page that a person reads, made of the OpenAPI document: no script, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mersalg_service.serve.interface.schemas import Schema

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h2, h3 { margin: 2rem 0 .5rem; overflow-wrap: anywhere; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #8886; }
code { overflow-wrap: anywhere; }
"""
HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy that the page is sent with."""
LIMITS: Final = {
    "minimum": "from", "maximum": "to", "exclusiveMinimum": "above", "exclusiveMaximum": "below",
    "minLength": "length from", "maxLength": "length to", "minItems": "items from",
    "maxItems": "items to", "format": "as", "default": "default",
}  # fmt: skip
"""What a schema says of a value -> the word before it."""


def docs_page(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document: each path with its request and answers, and each schema with its fields."""
    info = document["info"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>{text(info['title'])}</title><style>{STYLE}</style>",
            f"<h1>{text(info['title'])}</h1><p>{text(info.get('description', ''))}</p>",
            '<p>For programs: <a href="openapi.json">openapi.json</a></p>',
            *operations(document["paths"]),
            "<h2>Schemas</h2>",
            *schemas(document["components"]["schemas"]),
            "</html>",
        ]
    )


def text(value: object) -> str:
    """A value as text of HTML."""
    return html.escape(str(value))


def operations(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A heading, a sentence and the answers of each method of each path."""
    for path, methods in paths.items():
        for method, told in methods.items():
            yield f"<h2><code>{text(method.upper())} {text(path)}</code></h2><p>{text(told.get('description', ''))}</p>"
            if body := told.get("requestBody"):
                yield f"<p>Body: {content(body)}</p>"
            rows = [
                (f"<code>{text(status)}</code>", text(answer.get("description", "")), content(answer))
                for status, answer in told["responses"].items()
            ]
            yield table(("status", "when", "what"), rows)


def content(told: Mapping[str, Any]) -> str:
    """The schema of a body, by its first media type."""
    return next((type_of(of.get("schema", {})) for of in told.get("content", {}).values()), "")


def schemas(known: Mapping[str, Schema]) -> Iterator[str]:
    """A heading and the fields of each schema."""
    for name, schema in known.items():
        yield f'<h3 id="{text(name)}">{text(name)}</h3>'
        required = schema.get("required", ())
        rows = [
            (
                f"<code>{text(field)}</code>{' (required)' if field in required else ''}",
                type_of(of) + limits_of(of),
                text(of.get("description", "")),
            )
            for field, of in schema.get("properties", {}).items()
        ]
        yield table(("field", "type", "what it is"), rows) if rows else f"<p>{type_of(schema)}</p>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    titles = "".join(f"<th>{title}</th>" for title in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="table"><table><tr>{titles}</tr>{body}</table></div>'


def type_of(schema: Schema) -> str:
    """The type of a value, with a link where it is another schema."""
    if reference := schema.get("$ref"):
        name = text(reference.rsplit("/", maxsplit=1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return ", ".join(f"<code>{text(json.dumps(value))}</code>" for value in schema["enum"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(type_of, choices))
    named = schema.get("type", "anything")
    types = " or ".join(named) if isinstance(named, list) else named
    inner = schema.get("items")
    return f"{text(types)} of {type_of(inner)}" if inner else text(types)


def limits_of(schema: Schema) -> str:
    """The limits of a value, and its default."""
    told = [f"{word} {text(json.dumps(schema[key]))}" for key, word in LIMITS.items() if key in schema]
    return "".join(f", {limit}" for limit in told)
