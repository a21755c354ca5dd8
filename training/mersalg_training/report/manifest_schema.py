"""The keys of a manifest that only a report reads, checked before it does: the format leaves them to the writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mersalg.bundle.manifest import EachRule, ListRule, TableRule, ValueRule, check, is_count, is_number, is_share
from mersalg_training.config import WAYS

OR_NULL: Final = "or null"
MAX_NUMBER: Final = 1e15
"""A whole number beyond what a float holds would be one, too."""


def is_real(value: Any) -> bool:
    """A finite number of a size that figures have."""
    return is_number(value) and abs(value) <= MAX_NUMBER


NUMBER = ValueRule(f"a number from -{MAX_NUMBER:g} to {MAX_NUMBER:g}", is_real)
NUMBER_OR_NULL = ValueRule(
    f"a number from -{MAX_NUMBER:g} to {MAX_NUMBER:g} {OR_NULL}", lambda v: v is None or is_real(v)
)
SHARE_OR_NULL = ValueRule(f"a number from 0 to 1 {OR_NULL}", lambda v: v is None or is_share(v))
COUNT = ValueRule(f"a whole number from 0 to {MAX_NUMBER:g}", lambda v: is_count(v) and v <= MAX_NUMBER)
TEXT = ValueRule("a text", lambda v: isinstance(v, str))
TEXT_OR_NULL = ValueRule(f"a text {OR_NULL}", lambda v: v is None or isinstance(v, str))

TRADEOFF: Final = TableRule(
    {
        "threshold": NUMBER,
        "offers": COUNT,
        "precision": SHARE_OR_NULL,
        "coverage": ValueRule("a number from 0 to 1", is_share),
        "recall": SHARE_OR_NULL,
        "worth": NUMBER_OR_NULL,
    }
)
TARGET: Final = ValueRule(
    f"an object of numbers, one of them {', '.join(WAYS)}",
    lambda v: isinstance(v, dict) and any(name in v for name in WAYS) and all(map(is_real, v.values())),
)
SHARES_OF_WEAKEST: Final = ("realised", "at_least", "at_most")
WEAKEST_OR_NULL: Final = ValueRule(
    f"an object with the shares {', '.join(SHARES_OF_WEAKEST)} and a count of offers, {OR_NULL}",
    lambda v: (
        v is None
        or (isinstance(v, dict) and COUNT.holds(v.get("offers")) and all(is_share(v.get(n)) for n in SHARES_OF_WEAKEST))
    ),
)
KIND: Final = TableRule(
    {},
    optional={
        "target": TARGET,
        "silent_because": TEXT_OR_NULL,
        "precision_reachable": SHARE_OR_NULL,
        "realised": SHARE_OR_NULL,
        "coverage": SHARE_OR_NULL,
        "weakest_tenth": WEAKEST_OR_NULL,
        "tradeoffs": ListRule(TRADEOFF),
    },
)
PARENT: Final = TableRule(
    {"name": TEXT, "created_at": TEXT, "run_id": TEXT_OR_NULL, "manifest_sha256": TEXT, "scorer_sha256": TEXT},
    optional={
        "lineage": ValueRule(f"an object whose parent has a name, {OR_NULL}", lambda v: v is None or has_parent(v))
    },
)
RECALIBRATED: Final = TableRule(
    {"parent": PARENT, "from": TEXT, "to": TEXT, "labels": TEXT, "requests": COUNT, "customers": COUNT}
)
ADDED: Final = TableRule({"lines": COUNT, "orders": COUNT})
ROLLED: Final = TableRule({"from": TEXT, "to": TEXT, "requests": COUNT, "new": COUNT, "stays_because": TEXT_OR_NULL})
UPDATED: Final = TableRule(
    {
        "parent": PARENT,
        "from": TEXT,
        "to": TEXT,
        "updates": COUNT,
        "added": ADDED,
        "recounted": TEXT_OR_NULL,
        "calibration": ROLLED,
    }
)
TOLD: Final = TableRule(
    {},
    optional={
        "kinds": EachRule(KIND),
        "certificates": ListRule(TableRule({}, optional={"customers": COUNT, "realised": SHARE_OR_NULL})),
        "candidate_recall": EachRule(NUMBER),
        "importance": EachRule(EachRule(NUMBER)),
        "metrics": EachRule(NUMBER),
        "data": TableRule(
            {},
            optional={
                "statistics": EachRule(NUMBER_OR_NULL),
                "adapted": ListRule(TableRule(dict.fromkeys(("setting", "value", "usual", "because"), TEXT))),
            },
        ),
    },
)


def has_parent(lineage: Any) -> bool:
    """Whether a lineage names its parent."""
    parent = lineage.get("parent") if isinstance(lineage, dict) else None
    return isinstance(parent, dict) and isinstance(parent.get("name"), str)


def check_told(manifest: Mapping[str, Any], where: str) -> None:
    """BundleError names the key that a report reads and that is not as training writes it."""
    check(dict(manifest), TOLD, "", where)
    if "lineage" in manifest:
        lineage = manifest["lineage"]
        is_update = isinstance(lineage, dict) and lineage.get("made_by") == "update"
        check(lineage, UPDATED if is_update else RECALIBRATED, "lineage", where)
