"""A quick job whose search is tried, and its trials judged by a function in place of a training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mersalg_training.config import load_config
from mersalg_training.learn import Purchased, read_purchases
from mersalg_training.progress import Stages
from mersalg_training.tuning import search
from mersalg_training.tuning.bench import Bench
from small_shop import SmallShop
from small_tuning import Judge, quiet_console, write_job


@pytest.fixture(scope="module")
def job(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_job(small_shop, tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def purchased(job: Path) -> Purchased:
    return read_purchases(load_config(job), Stages(quiet_console()))


@pytest.fixture
def judged_by(monkeypatch: pytest.MonkeyPatch, purchased: Purchased) -> Callable[[Judge], None]:
    monkeypatch.setattr(search, "read_purchases", lambda config, stages: purchased)
    return lambda judge: monkeypatch.setattr(Bench, "judge", judge)
