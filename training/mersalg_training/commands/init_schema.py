"""The JSON Schema of a training job's configuration, by which an editor completes its keys and says what they mean."""

from __future__ import annotations

import json
from typing import Any, Final

from mersalg_training.config import Config

FILE: Final = "job.schema.json"
LINE: Final = f"#:schema ./{FILE}"
"""The first line of a configuration that lies beside the schema, as Taplo and Even Better TOML read it."""
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """The schema as JSON, a line for each value; types, limits, defaults and descriptions are those of `Config`."""
    schema: dict[str, Any] = {"$schema": DIALECT, **without_noise(Config.model_json_schema())}
    schema["title"] = "A training job of mersalg"
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def without_noise(schema: Any) -> Any:
    """Without the titles, which repeat the keys, and the defaults of sections, which their keys have."""
    if isinstance(schema, list):
        return [without_noise(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    own = {"title"} if isinstance(schema.get("title"), str) else set()
    own |= {"default"} if "$ref" in schema or schema.get("default", 0) is None else set()
    return {key: without_noise(value) for key, value in schema.items() if key not in own}
