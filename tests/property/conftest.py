from __future__ import annotations

from pathlib import Path

import pytest

import mersalg


@pytest.fixture(scope="session")
def recommender(trained_bundle: Path) -> mersalg.Recommender:
    """The bundle of the small shop, as a shop loads it."""
    return mersalg.load(trained_bundle)


@pytest.fixture(scope="session")
def products(recommender: mersalg.Recommender) -> list[str]:
    return sorted(recommender.names)
