from __future__ import annotations

import pytest

from references.environment import References, UnreachableError, make_references


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory) -> References:
    """The environment of the other libraries; where no index of packages can be reached the tests are skipped."""
    try:
        return make_references(tmp_path_factory.mktemp("references"))
    except UnreachableError as unreachable:
        pytest.skip(f"no index of packages can be reached: {unreachable}")
