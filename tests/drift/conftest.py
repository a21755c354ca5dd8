from __future__ import annotations

import pytest

from conftest import made_once
from drift.later import LATER_DAYS, Later, train_on_the_past
from small_shop import DAYS, make_shop


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Later:
    """A bundle and what happened since; nobody changes the bundle."""
    shared = made_once(tmp_path_factory, "later", train_on_the_past)
    return Later(shared / "bundle", make_shop(days=DAYS + LATER_DAYS), tmp_path_factory.mktemp("later"))
