"""Purchases in, bundle out.

`Evaluation` has the figures of a bundle as data frames. Importing the package loads nothing; the first use does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mersalg_training.report.frames import Evaluation

__all__ = ["Evaluation"]


def __getattr__(name: str) -> Any:
    """Import what is used first (PEP 562)."""
    if name != "Evaluation":
        raise AttributeError(f"module 'mersalg_training' has no attribute {name!r}")
    from mersalg_training.report.frames import Evaluation  # noqa: PLC0415

    return Evaluation


def __dir__() -> list[str]:
    return sorted(__all__)
