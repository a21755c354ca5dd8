"""What a policy cannot do, does not reach or contradicts, against a bundle and a catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mersalg.names import KINDS, MOMENTS
from mersalg.offers import Offer
from mersalg.policy.catalogue import FACTS, Catalogue
from mersalg.policy.context import RequestContext
from mersalg.policy.eligibility import eligibility_rules
from mersalg.policy.rules import deaf_blocks, switched_off
from mersalg.policy.sections import Policy
from mersalg.requests import read_request

Sort = Literal["contradiction", "switched off", "silent", "unknown", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a shop should know of its policy."""

    sort: Sort
    where: str
    """The key of the policy, or what it is about."""
    says: str


def check_policy(
    policy: Policy,
    *,
    manifest: Mapping[str, Any] | None = None,
    names: Collection[str] | None = None,
    catalogue: Catalogue | None = None,
) -> tuple[Finding, ...]:
    """All findings; contradictions first. `manifest` and `names` (the product ids that have one) are a bundle's.

    What is not given is not checked.
    """
    result = list(contradictions(policy))
    if catalogue is not None:
        result += rules_without_facts(policy, catalogue)
        result += words_without_products(policy, catalogue)
        result += products_left(policy, catalogue)
    if manifest is not None:
        result += silent_moments(policy, manifest)
    if names is not None and catalogue is not None:
        result += products_apart(names, catalogue)
    return tuple(result)


def contradictions(policy: Policy) -> Iterator[Finding]:
    """Pairs of keys that cannot both be meant, each with both ends."""
    for name, moment in policy.moments.items():
        at = f"moments.{name}"
        for kind, most in moment.kinds.items():
            if most > moment.limit:
                says = f"{kind} = {most}, but {at}.limit = {moment.limit} cuts the answer before"
                yield Finding("contradiction", f"{at}.kinds", says)
        for kind in (kind for kind in KINDS if any(kind in turn for turn in moment.first)):
            if kind not in moment.kinds:
                yield Finding("contradiction", f"{at}.first", f"names {kind}, which {at}.kinds does not offer")
        for group in moment.never_together:
            if absent := sorted(group - moment.kinds.keys()):
                says = f"names {', '.join(absent)}, which {at}.kinds does not offer"
                yield Finding("contradiction", f"{at}.never_together", says)
        upsells = moment.kinds.get("upsell", 0)
        if upsells > policy.diversity.most_of_type:
            most = policy.diversity.most_of_type
            says = f"upsell = {upsells}, but those of one anchor are of one type, and diversity.most_of_type = {most}"
            yield Finding("contradiction", f"{at}.kinds", says)
    for word in sorted(policy.owned.one_is_enough & policy.blocked.product_types):
        yield Finding(
            "contradiction", "owned.one_is_enough", f"names {word!r}, which blocked.product_types never offers"
        )


def rules_without_facts(policy: Policy, catalogue: Catalogue) -> Iterator[Finding]:
    """Rules that cannot act, and keys and columns that nothing reads."""
    for rule, facts in switched_off(policy, catalogue).items():
        yield Finding("switched off", rule, f"the catalogue knows {' and '.join(facts)} of no product")
    for key, fact in deaf_blocks(policy, catalogue).items():
        yield Finding("switched off", f"blocked.{key}", f"the catalogue knows {fact} of no product")
    enough = "owned.one_is_enough"
    if policy.owned.one_is_enough and not catalogue.knows("product_type"):
        yield Finding("switched off", enough, "the catalogue knows product_type of no product")
    if catalogue.unread:
        yield Finding("note", "columns", f"not read, for they are no facts: {', '.join(catalogue.unread)}")


def words_without_products(policy: Policy, catalogue: Catalogue) -> Iterator[Finding]:
    """Names in the policy that no product of the catalogue bears."""
    types = {product.product_type for product in catalogue.values()}
    keys = {
        "blocked.products": (policy.blocked.products, catalogue.keys()),
        "blocked.brands": (policy.blocked.brands, {product.brand for product in catalogue.values()}),
        "blocked.product_types": (policy.blocked.product_types, types),
        "blocked.categories": (policy.blocked.categories, {product.category for product in catalogue.values()}),
        "owned.one_is_enough": (policy.owned.one_is_enough, types),
        "owned.days_of_type": (policy.owned.days_of_type.keys(), types),
    }
    for key, (wanted, there) in keys.items():
        if absent := sorted(wanted - there):
            yield Finding("unknown", key, f"no product of the catalogue is {some(absent)}")


def products_left(policy: Policy, catalogue: Catalogue) -> Iterator[Finding]:
    """What the catalogue knows, and how many of its products may be offered to anybody at all."""
    total = len(catalogue)
    for fact in FACTS:
        if 0 < catalogue.known[fact] < total:
            yield Finding("note", fact, f"known of {catalogue.known[fact]:,} of {total:,} products")
    off = switched_off(policy, catalogue)
    personal = ("region", "age")
    rules = [rule for rule in eligibility_rules(policy) if rule.name not in off and rule.name not in personal]
    nobody = RequestContext(read_request(), catalogue, policy.owned)
    refused: dict[str, int] = {}
    for product in catalogue.values():
        offer = Offer("", 1, product.product_id, "cross-sell", 0.0, 0.0, None)
        rule = next((rule.name for rule in rules if rule.refuses(offer, product, nobody)), None)
        if rule is not None:
            refused[rule] = refused.get(rule, 0) + 1
    left = total - sum(refused.values())
    by = "; ".join(f"{rule} takes out {count:,}" for rule, count in refused.items())
    says = f"{left:,} of {total:,} may be offered to somebody today{': ' + by if by else ''}"
    yield Finding("note" if left else "contradiction", "products", says)


def silent_moments(policy: Policy, manifest: Mapping[str, Any]) -> Iterator[Finding]:
    """Kinds that a moment offers and the bundle never shows."""
    silent = {kind for kind, rule in manifest["kinds"].items() if rule["threshold"] is None}
    for name in MOMENTS:
        kinds = policy.moments[name].kinds
        if not kinds:
            yield Finding("silent", f"moments.{name}", "offers nothing: it names no kinds")
        elif kinds.keys() <= silent:
            yield Finding("silent", f"moments.{name}", "offers nothing: all its kinds are silent in the bundle")
        elif quiet := [kind for kind in kinds if kind in silent]:
            yield Finding("silent", f"moments.{name}", f"silent in the bundle: {', '.join(quiet)}")


def products_apart(names: Collection[str], catalogue: Catalogue) -> Iterator[Finding]:
    """Products of which only the bundle or only the catalogue knows."""
    gone, fresh = names - catalogue.keys(), catalogue.keys() - set(names)
    if gone:
        yield Finding(
            "unknown", "bundle", f"{len(gone):,} of its {len(names):,} named products are not in the catalogue"
        )
    if fresh:
        yield Finding(
            "unknown", "catalogue", f"{len(fresh):,} of its {len(catalogue):,} products have no name in the bundle"
        )


def some(words: list[str]) -> str:
    """The first few of many."""
    shown = ", ".join(repr(word) for word in words[:5])
    return f"{shown} and {len(words) - 5:,} more" if len(words) > 5 else shown
