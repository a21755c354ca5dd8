from __future__ import annotations

import pytest

from drift.later import Later, train_and_live_on


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Later:
    """A bundle and what happened since; nobody changes the bundle."""
    return train_and_live_on(tmp_path_factory.mktemp("later"))
