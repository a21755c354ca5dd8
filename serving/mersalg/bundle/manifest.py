"""The shape and the digest of manifest.json, format version 2, checked without a library.

models/bundle.schema.json says the same as a JSON Schema. Keys that are not named here are left alone: a later writer
of the same format version may add some.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from mersalg.bundle.files import parse_json
from mersalg.bundle.onnx.graph import ML_OPSET, OPSET
from mersalg.errors import BundleError, shown
from mersalg.names import KINDS

FORMAT: Final = "mersalg-bundle"
FORMAT_VERSION: Final = 2
DIGEST: Final = "manifest_sha256"
"""The key of the manifest's digest of itself."""
NO_DIGEST: Final = "0" * 64
"""What stands in its place while the digest is taken."""
FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
REQUIRED_FILES: Final = ("scorer.onnx", "products.json", "golden.json", "CARD.md")
RESERVED: Final = ("manifest.json", "model.sig")
"""No file that a manifest may list."""
MAX_FILES: Final = 64
VALUES: Final = ("margin", "price")
"""What the order by value takes for the worth of a sale."""
DATE_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME_FORM: Final = re.compile(
    DATE_FORM.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


@dataclass(frozen=True)
class ValueRule:
    """A plain value: what is expected, in words, and whether it holds."""

    expected: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class TableRule:
    """An object with these keys, maybe with the optional ones, and maybe more."""

    keys: Mapping[str, Rule]
    optional: Mapping[str, Rule] = field(default_factory=dict)


@dataclass(frozen=True)
class EachRule:
    """An object of any keys whose values follow one rule."""

    rule: Rule


@dataclass(frozen=True)
class ListRule:
    """A list whose items follow one rule."""

    rule: Rule


Rule = ValueRule | TableRule | EachRule | ListRule


def read_manifest(content: bytes, where: str) -> dict[str, Any]:
    """The manifest in these bytes, if they have its shape and are the bytes that were written.

    BundleError names the key that is wrong. The digest finds damage, as the digests of the other files do, not intent.
    """
    document = check_manifest(parse_json(content, Path(where)), where)
    digest = document[DIGEST]
    if content.count(digest.encode()) != 1 or digest_of(content.replace(digest.encode(), NO_DIGEST.encode())) != digest:
        raise BundleError(
            f"{where}: {DIGEST}: expected the SHA-256 of these bytes with {len(NO_DIGEST)} zeros in its place, got "
            "another; copy the whole bundle again"
        )
    return document


def with_digest(content: bytes) -> bytes:
    """The bytes of a manifest whose digest is NO_DIGEST, with its digest."""
    key = f'"{DIGEST}": "'.encode()
    empty = key + NO_DIGEST.encode()
    if content.count(empty) != 1:  # the key alone stands in the lineage too, with the digests of the parents
        raise ValueError(f"expected one key {DIGEST} whose value is {len(NO_DIGEST)} zeros")
    return content.replace(empty, key + digest_of(content).encode())


def digest_of(content: bytes) -> str:
    """The SHA-256 in 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def check_manifest(document: Any, where: str) -> dict[str, Any]:
    """The document itself, if it has the shape of a manifest. BundleError names the key that has not."""
    if not isinstance(document, dict):
        raise BundleError(f"{where}: expected a JSON object, got {shown(document)}")
    if document.get("format") != FORMAT:
        raise BundleError(
            f"{where}: format: expected {FORMAT!r}, got {shown(document.get('format'))}; is this a bundle?"
        )
    version = document.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise BundleError(
            f"{where}: format_version: expected {FORMAT_VERSION}, got {shown(version)}; "
            "train it again, or load it with the mersalg that wrote it (mersalg_version)"
        )
    check(document, MANIFEST, "", where)
    files = document["files"]
    if len(files) > MAX_FILES:
        raise BundleError(f"{where}: files: expected at most {MAX_FILES}, got {len(files)}")
    for name in files:
        if not FILE_NAME.fullmatch(name) or name in RESERVED:
            raise BundleError(
                f"{where}: files: expected plain file names other than {' and '.join(RESERVED)}, got {shown(name)}"
            )
        check(files[name], FILE, f"files.{name}", where)
    return document


def check(value: Any, rule: Rule, key: str, where: str) -> None:
    """Refuse a value that does not follow its rule."""
    if isinstance(rule, ValueRule):
        if not rule.holds(value):
            raise BundleError(f"{where}: {key}: expected {rule.expected}, got {shown(value)}; export the bundle again")
        return
    if isinstance(rule, ListRule):
        if not isinstance(value, list):
            raise BundleError(f"{where}: {key}: expected a list, got {shown(value)}; export the bundle again")
        for position, item in enumerate(value):
            check(item, rule.rule, f"{key}[{position}]", where)
        return
    if not isinstance(value, dict):
        raise BundleError(f"{where}: {key}: expected an object, got {shown(value)}; export the bundle again")
    if isinstance(rule, TableRule):
        for name in rule.keys:
            if name not in value:
                raise BundleError(f"{where}: {join(key, name)}: expected a value, got none; export the bundle again")
    for name, item in value.items():
        inner = rule.rule if isinstance(rule, EachRule) else {**rule.keys, **rule.optional}.get(name)
        if inner is not None:
            check(item, inner, join(key, name), where)


def join(key: str, name: str) -> str:
    """The dotted name of a nested key."""
    return f"{key}.{name}" if key else name


def is_number(value: Any) -> bool:
    """A finite JSON number; true and false are none."""
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def is_share(value: Any) -> bool:
    """A number from 0 to 1."""
    return is_number(value) and 0 <= value <= 1


def is_count(value: Any) -> bool:
    """A whole number from 0."""
    return type(value) is int and value >= 0


def is_time(value: Any) -> bool:
    """An ISO 8601 date and time."""
    return isinstance(value, str) and bool(TIME_FORM.fullmatch(value)) and is_in_calendar(value)


def is_utc(value: Any) -> bool:
    """An ISO 8601 time in UTC."""
    return is_time(value) and value.endswith(("Z", "+00:00"))


def is_date(value: Any) -> bool:
    """An ISO 8601 date."""
    return isinstance(value, str) and bool(DATE_FORM.fullmatch(value)) and is_in_calendar(value)


def is_in_calendar(text: str) -> bool:
    """Whether there is such a day and time of day."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


TEXT = ValueRule("a text", lambda v: isinstance(v, str) and bool(v))
LEFT_OUT = ("products", "pairs", "type_pairs", "follow_pairs", "switches", "intervals", "repeats")
COUNT = ValueRule("a whole number from 0", is_count)
SIZE = ValueRule("a whole number from 1", lambda v: is_count(v) and v > 0)
NUMBER = ValueRule("a finite number", is_number)
SHARE = ValueRule("a number from 0 to 1", is_share)
THRESHOLD = ValueRule("a number from 0 to 1, or null for a silent kind", lambda v: v is None or is_share(v))
KIND = ValueRule(f"one of {', '.join(KINDS)}", lambda v: isinstance(v, str) and v in KINDS)
TIME = ValueRule("an ISO 8601 date and time", is_time)
DATE = ValueRule("an ISO 8601 date", is_date)
MOMENT_OR_DATE = ValueRule("an ISO 8601 date, or date and time", lambda v: is_time(v) or is_date(v))
HASH = ValueRule("64 hexadecimal digits", lambda v: isinstance(v, str) and bool(re.fullmatch("[0-9a-f]{64}", v)))
FILE = TableRule({"sha256": HASH, "size": COUNT})

MANIFEST: Final = TableRule(
    {
        "format": TEXT,
        "format_version": COUNT,
        DIGEST: HASH,
        "name": TEXT,
        "created_at": ValueRule("an ISO 8601 time in UTC", is_utc),
        "mersalg_version": TEXT,
        "run_id": ValueRule("a text or null", lambda v: v is None or isinstance(v, str)),
        "files": TableRule(dict.fromkeys(REQUIRED_FILES, FILE)),
        "graph": TableRule(
            {
                "opset": ValueRule(str(OPSET), lambda v: v == OPSET),
                "ml_opset": ValueRule(str(ML_OPSET), lambda v: v == ML_OPSET),
                "candidates": SIZE,
            }
        ),
        "vocabulary": TableRule(dict.fromkeys(("products", "product_types", "categories", "brands"), COUNT)),
        "features": ListRule(TEXT),
        "kinds": TableRule(dict.fromkeys(KINDS, TableRule({"threshold": THRESHOLD, "precision_wanted": SHARE}))),
        "certificates": ListRule(
            TableRule(
                {
                    "kind": KIND,
                    "threshold": SHARE,
                    "precision": SHARE,
                    "confidence": SHARE,
                    "n": COUNT,
                    "from": MOMENT_OR_DATE,
                    "to": MOMENT_OR_DATE,
                }
            )
        ),
        "metrics": EachRule(NUMBER),
        "data": TableRule(
            {
                "digest": TEXT,
                **dict.fromkeys(("lines", "orders", "customers", "products"), COUNT),
                "from": DATE,
                "to": DATE,
                "rejected": EachRule(COUNT),
                "switched_off": ListRule(TEXT),
            }
        ),
        "windows": TableRule(dict.fromkeys(("fit_from", "rank_from", "calibrate_from", "test_from", "to"), TIME)),
        "config": TableRule({}),
    },
    optional={
        "value": ValueRule('"margin", "price" or null', lambda v: v is None or (isinstance(v, str) and v in VALUES)),
        "customers_return": ValueRule("true or false", lambda v: isinstance(v, bool)),
        "privacy": TableRule({"min_customers": SIZE, "left_out": TableRule(dict.fromkeys(LEFT_OUT, COUNT))}),
        "reference": TableRule({}),
        "lineage": TableRule({}),
    },
)
