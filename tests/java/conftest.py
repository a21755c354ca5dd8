from __future__ import annotations

import pytest

from java.machine import Machine, make_ready
from web.conftest import golden
from web.programs import MissingError

__all__ = ["golden"]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A Java machine with an onnxruntime; where none is named the tests are skipped."""
    try:
        return make_ready(tmp_path_factory.mktemp("java"))
    except MissingError as missing:
        pytest.skip(str(missing))
