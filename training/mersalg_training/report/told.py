"""The keys of a manifest that only a report reads, checked before it does: the format leaves them to the writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mersalg.manifest import Each, ListOf, Table, Value, check, is_count, is_number, is_share

OR_NULL = "or null"
NUMBER = Value("a finite number", is_number)
NUMBER_OR_NULL = Value(f"a finite number {OR_NULL}", lambda v: v is None or is_number(v))
SHARE_OR_NULL = Value(f"a number from 0 to 1 {OR_NULL}", lambda v: v is None or is_share(v))
COUNT = Value("a whole number from 0", is_count)
TEXT = Value("a text", lambda v: isinstance(v, str))
TEXT_OR_NULL = Value(f"a text {OR_NULL}", lambda v: v is None or isinstance(v, str))

TRADEOFF: Final = Table(
    {
        "threshold": NUMBER,
        "offers": COUNT,
        "precision": SHARE_OR_NULL,
        "coverage": Value("a number from 0 to 1", is_share),
        "recall": SHARE_OR_NULL,
        "worth": NUMBER_OR_NULL,
    }
)
KIND: Final = Table(
    {},
    optional={
        "target": Each(NUMBER),
        "silent_because": TEXT_OR_NULL,
        "precision_reachable": SHARE_OR_NULL,
        "realised": SHARE_OR_NULL,
        "coverage": SHARE_OR_NULL,
        "tradeoffs": ListOf(TRADEOFF),
    },
)
PARENT: Final = Table(
    {"name": TEXT, "created_at": TEXT, "run_id": TEXT_OR_NULL, "manifest_sha256": TEXT, "scorer_sha256": TEXT}
)
LINEAGE: Final = Table(
    {"parent": PARENT, "from": TEXT, "to": TEXT, "labels": TEXT, "requests": COUNT, "customers": COUNT}
)
TOLD: Final = Table(
    {},
    optional={
        "kinds": Each(KIND),
        "certificates": ListOf(Table({}, optional={"customers": COUNT, "realised": SHARE_OR_NULL})),
        "candidate_recall": Each(NUMBER),
        "importance": Each(Each(NUMBER)),
        "data": Table(
            {},
            optional={
                "statistics": Each(NUMBER_OR_NULL),
                "adapted": ListOf(Table(dict.fromkeys(("setting", "value", "usual", "because"), TEXT))),
            },
        ),
        "lineage": LINEAGE,
    },
)


def check_told(manifest: Mapping[str, Any], where: str) -> None:
    """BundleError names the key that a report reads and that is not as training writes it."""
    check(dict(manifest), TOLD, "", where)
