"""A policy from a TOML file: unknown keys are refused by name, absent ones have the default's value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from mersalg.errors import ConfigError
from mersalg.names import AFTER_PAYMENT, MOMENTS
from mersalg.policy.default import DEFAULT_POLICY
from mersalg.policy.sections import (
    BlockedRules,
    BudgetRules,
    DiversityRules,
    EligibilityRules,
    MomentRules,
    OwnedRules,
    Policy,
)
from mersalg.policy.values import unknown, wrong
from mersalg.toml import read_toml

SECTIONS: Final = ("moments", "budget", "owned", "eligibility", "blocked", "diversity")
Rules = TypeVar("Rules", MomentRules, BudgetRules, OwnedRules, EligibilityRules, BlockedRules, DiversityRules)


def read_policy(path: str | Path) -> Policy:
    """The policy of a TOML file. ConfigError names the file, the key, what was expected and what was found."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror or error}; `mersalg policy show` prints one"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, got {error}") from None
    try:
        return parse_policy(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


@cache
def default_policy() -> Policy:
    """The policy where a shop says nothing: what `mersalg policy show` prints."""
    return policy_of(read_toml(DEFAULT_POLICY), None)


def parse_policy(text: str) -> Policy:
    """The policy of a TOML text."""
    return policy_of(read_toml(text), default_policy())


def policy_of(document: Mapping[str, Any], base: Policy | None) -> Policy:
    """A checked policy; what the document leaves out is that of the base, and nothing may be where there is none."""
    for name in document:
        if name not in SECTIONS:
            raise unknown("", name, SECTIONS)
    moments = table_of(document, "moments")
    for name in moments:
        if name not in MOMENTS:
            raise unknown("moments.", name, MOMENTS)
    policy = Policy(
        moments=MappingProxyType(
            {
                moment: fitted(
                    section(MomentRules, moments, moment, "moments.", base.moments[moment] if base else None),
                    table_of(moments, moment, "moments."),
                )
                for moment in MOMENTS
            }
        ),
        budget=section(BudgetRules, document, "budget", "", base.budget if base else None),
        owned=section(OwnedRules, document, "owned", "", base.owned if base else None),
        eligibility=section(EligibilityRules, document, "eligibility", "", base.eligibility if base else None),
        blocked=section(BlockedRules, document, "blocked", "", base.blocked if base else None),
        diversity=section(DiversityRules, document, "diversity", "", base.diversity if base else None),
    )
    refuse_upsell_after_payment(policy)
    return policy


def section(rules: type[Rules], document: Mapping[str, Any], name: str, prefix: str, base: Rules | None) -> Rules:
    """A section of the document over its base."""
    table = table_of(document, name, prefix)
    readers = {field.name: field.metadata["read"] for field in fields(rules)}
    for key in table:
        if key not in readers:
            raise unknown(f"{prefix}{name}.", key, tuple(readers))
    read = {key: readers[key](value, f"{prefix}{name}.{key}") for key, value in table.items()}
    kept = {field: getattr(base, field) for field in readers if field not in read} if base is not None else {}
    return rules(**kept, **read)


def fitted(rules: MomentRules, stated: Mapping[str, Any]) -> MomentRules:
    """The rules of a moment in which what comes from the base gives way to what the document states."""
    kinds, first, groups = rules.kinds, rules.first, rules.never_together
    if "kinds" not in stated:
        kinds = MappingProxyType({kind: min(most, rules.limit) for kind, most in kinds.items()})
    if "first" not in stated:
        first = tuple(turn & kinds.keys() for turn in first if turn & kinds.keys())
    if "never_together" not in stated:
        groups = tuple(group for group in groups if group <= kinds.keys())
    return replace(rules, kinds=kinds, first=first, never_together=groups)


def table_of(document: Mapping[str, Any], name: str, prefix: str = "") -> Mapping[str, Any]:
    """A table of the document; an empty one where it has none."""
    table = document.get(name, {})
    if not isinstance(table, Mapping):
        raise wrong(f"{prefix}{name}", "a table", table)
    return table


def refuse_upsell_after_payment(policy: Policy) -> None:
    """No policy may offer something dearer instead of what has been paid."""
    for moment in MOMENTS:
        if moment in AFTER_PAYMENT and "upsell" in policy.moments[moment].kinds:
            raise ConfigError(
                f"moments.{moment}.kinds.upsell: an upsell of what has just been paid is never offered; leave it out"
            )
