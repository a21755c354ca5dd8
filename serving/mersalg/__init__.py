"""The loader that a shop embeds: `mersalg.load("models/NAME").recommend(cart=[...])`.

This is the whole public surface. Importing it loads neither numpy nor onnxruntime; the first use of `load` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mersalg.errors import (
    BundleError,
    ConfigError,
    DataError,
    LedgerError,
    MersalgError,
    RegistryError,
    RequestError,
)
from mersalg.names import KINDS, MOMENTS, Kind, Moment

if TYPE_CHECKING:
    from mersalg.customer import Customer
    from mersalg.offers import Offer, Offers
    from mersalg.recommender import Recommender, load

    __version__: str

__all__ = [
    "KINDS",
    "MOMENTS",
    "BundleError",
    "ConfigError",
    "Customer",
    "DataError",
    "Kind",
    "LedgerError",
    "MersalgError",
    "Moment",
    "Offer",
    "Offers",
    "Recommender",
    "RegistryError",
    "RequestError",
    "__version__",
    "load",
]

_MODULE_OF = {
    "Customer": "mersalg.customer",
    "Offer": "mersalg.offers",
    "Offers": "mersalg.offers",
    "Recommender": "mersalg.recommender",
    "load": "mersalg.recommender",
}


def __getattr__(name: str) -> Any:
    """Import what is used first, and keep it (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        value: Any = version("mersalg")
    elif name in _MODULE_OF:
        from importlib import import_module  # noqa: PLC0415

        value = getattr(import_module(_MODULE_OF[name]), name)
    else:
        raise AttributeError(f"module 'mersalg' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
