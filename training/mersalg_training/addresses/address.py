"""The address of a table that lies elsewhere than in files here, as a configuration holds it: without any password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal
from urllib.parse import unquote

Scheme = Literal["postgresql", "delta", "iceberg", "s3"]
PREFIXES: Final[dict[str, Scheme]] = {
    "postgresql://": "postgresql", "postgres://": "postgresql", "delta:": "delta", "iceberg:": "iceberg", "s3://": "s3",
}  # fmt: skip
SERVER_OPTIONS: Final = (
    "host", "port", "user", "dbname", "service", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout",
    "target_session_attrs",
)  # fmt: skip
"""What libpq itself may be told in a PostgreSQL address; never a password."""
OPTIONS: Final[dict[Scheme, tuple[str, ...]]] = {
    "postgresql": ("table", "query", "password_env", *SERVER_OPTIONS),
    "delta": ("version",),
    "iceberg": ("snapshot",),
    "s3": (),
}
EXAMPLES: Final[dict[Scheme, str]] = {
    "postgresql": "postgresql://HOST/DATABASE?table=SCHEMA.TABLE",
    "delta": "delta:FOLDER?version=12",
    "iceberg": "iceberg:CATALOG.NAMESPACE.TABLE?snapshot=ID",
    "s3": "s3://BUCKET/FOLDER/*.parquet",
}
WHOLE: Final = ("version", "snapshot")
"""Options whose value is a whole number."""
SECRET: Final = re.compile(r"://[^@?]*:[^@?]*@|[?&][a-z_]*(passw|secret|token|access_?key)[a-z_]*=", re.IGNORECASE)
"""A password before a host, or among the options."""
ENVIRONMENT: Final[dict[Scheme, str]] = {
    "postgresql": "PGPASSWORD, PGSERVICE or ~/.pgpass, or in a variable of your own that ?password_env=NAME names",
    "delta": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "iceberg": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
}


class SecretInAddressError(ValueError):
    """An address holds a password; nothing may show it."""


@dataclass(frozen=True)
class Address:
    """A table elsewhere."""

    scheme: Scheme
    path: str
    """What follows the scheme, without options: `USER@HOST:PORT/DATABASE`, a folder, a name, or `BUCKET/KEY`."""
    options: Mapping[str, str]


def read_address(text: str) -> Address | None:
    """A location as an address; None where it is one of files here.

    ValueError says what does not hold, SecretInAddressError that it has a password; neither shows a part of
    the text that may be one.
    """
    prefix = next((prefix for prefix in PREFIXES if text.startswith(prefix)), None)
    scheme = PREFIXES[prefix] if prefix is not None else None
    if ("://" in text or prefix) and SECRET.search(text.replace("?password_env=", "?").replace("&password_env=", "&")):
        raise SecretInAddressError(
            "expected an address without a password, which a configuration, a log and a bundle would hold; it belongs "
            f"into the environment, in {ENVIRONMENT[scheme or 's3']}"
        )
    if prefix is None or scheme is None:
        return None
    path, options = split_options(text.removeprefix(prefix), scheme)
    if not path and scheme != "postgresql":
        raise ValueError(f"expected an address as {EXAMPLES[scheme]}")
    if scheme == "postgresql" and ("table" in options) == ("query" in options):
        raise ValueError(f"expected one of ?table= and ?query=, as in {EXAMPLES[scheme]}")
    for name in WHOLE:
        if name in options and not re.fullmatch(r"[0-9]+", options[name]):
            raise ValueError(f"{name}: expected a whole number, as in {EXAMPLES[scheme]}")
    return Address(scheme, path, options)


def split_options(rest: str, scheme: Scheme) -> tuple[str, dict[str, str]]:
    """The path and the options behind its `?`, with `%` escapes resolved; an address that knows no option has none."""
    known = OPTIONS[scheme]
    if not known:
        return rest, {}
    path, _, text = rest.partition("?")
    options = {}
    for part in text.split("&") if text else []:
        name, is_set, value = part.partition("=")
        if name not in known or not is_set or not value:
            shown = repr(name) if re.fullmatch(r"[a-z_]{1,30}", name) else "another text"
            near = get_close_matches(name, known, n=1)
            mend = f"; did you mean {near[0]}?" if near and near[0] != name else ""
            raise ValueError(
                f"expected options NAME=VALUE out of {', '.join(known)} behind ?, got {shown}{mend} "
                "(an & in a value is written %26)"
            )
        options[name] = unquote(value)
    return path, options
