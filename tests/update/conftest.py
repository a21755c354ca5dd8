"""A bundle that keeps its counts, and the days behind it."""

from __future__ import annotations

import io
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from grown_shop import KeptShop
from mersalg_training.train import train
from mersalg_training.update.state import place_of
from quick_job import QUICK
from small_shop import DAYS, START, Line, Product, make_shop, small_config, write_table

END = START + timedelta(days=DAYS)
LATER = 36
"""Three horizons."""
EARLY = 5


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the job ran; not to be written to."""
    folder = tmp_path_factory.mktemp("kept")
    shop = make_shop(days=DAYS + LATER)
    past = write_table([line for line in shop.lines if line.ordered_at < END], Line, folder / "past.parquet")
    for name, first, days in (("day-0", 0, 1), ("day-1", 1, 1), ("early", 0, EARLY), ("rest", EARLY, LATER - EARLY)):
        start, end = END + timedelta(days=first), END + timedelta(days=first + days)
        lines = [line for line in shop.lines if start <= line.ordered_at < end]
        write_table(lines, Line, folder / f"{name}.parquet")
    write_table([line for line in shop.lines if line.ordered_at >= END], Line, folder / "later.parquet")
    products = write_table(shop.products, Product, folder / "products.csv")
    config = small_config(past, products, split={"test_days": 0}, update={"keep": True}, **QUICK)
    train(config, folder / "bundle", Console(file=io.StringIO(), width=200))
    return folder


@pytest.fixture
def kept_shop(trained_once: Path, tmp_path: Path) -> KeptShop:
    """A copy of bundle and state that may be written to."""
    bundle = tmp_path / "bundle"
    shutil.copytree(trained_once / "bundle", bundle)
    shutil.copytree(place_of(trained_once / "bundle"), place_of(bundle))
    return KeptShop(trained_once, bundle)
