"""Restraint as a hard property: which offers a shop makes at all, whatever is relevant.

`PolicyRecommender(mersalg.load("models/NAME"), read_policy("policy.toml"), read_catalogue("products.parquet"))`
answers as a recommender does, and every offer keeps the rules of the policy by the catalogue's facts of today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mersalg.policy.catalogue import Catalogue, Product
    from mersalg.policy.catalogue_files import read_catalogue
    from mersalg.policy.check import Finding, check_policy
    from mersalg.policy.reading import default_policy, parse_policy, read_policy
    from mersalg.policy.recommender import PolicyRecommender
    from mersalg.policy.sections import Policy

__all__ = [
    "Catalogue",
    "Finding",
    "Policy",
    "PolicyRecommender",
    "Product",
    "check_policy",
    "default_policy",
    "parse_policy",
    "read_catalogue",
    "read_policy",
]

_MODULE_OF: Final = {
    "Catalogue": "catalogue",
    "Finding": "check",
    "Policy": "sections",
    "PolicyRecommender": "recommender",
    "Product": "catalogue",
    "check_policy": "check",
    "default_policy": "reading",
    "parse_policy": "reading",
    "read_catalogue": "catalogue_files",
    "read_policy": "reading",
}


def __getattr__(name: str) -> Any:
    """Import what is used first, and keep it (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'mersalg.policy' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    value = getattr(import_module(f"mersalg.policy.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
