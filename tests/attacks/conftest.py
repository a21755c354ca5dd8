from __future__ import annotations

from pathlib import Path

import pytest

import mersalg.session
from toy_bundle import write_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole toy bundle that a test may attack."""
    return write_bundle(tmp_path / "toy")


@pytest.fixture
def no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a runtime is shown any bytes."""

    def fail(*_: object) -> None:
        raise AssertionError("a runtime saw it")

    monkeypatch.setattr(mersalg.session, "open_runtime", fail)
