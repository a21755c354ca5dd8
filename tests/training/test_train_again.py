"""Claims: the same job gives the same bundle, one that fails leaves the earlier, and a run is told no secret."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from conftest import PASSWORD
from mersalg import DataError
from mersalg_training.config import Config
from quick_job import QUICK, TalkativeRun, run
from small_shop import SmallShop, write_shop


@pytest.fixture(scope="module")
def config(small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return write_shop(small_shop, tmp_path_factory.mktemp("again"), **QUICK)


@pytest.fixture(scope="module")
def first(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the job's first run; nobody changes it."""
    return run(config, tmp_path_factory.mktemp("first") / "bundle")[0].bundle


@pytest.mark.slow
def test_a_run_is_told_neither_the_password_nor_a_line_of_the_purchases(
    small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ = TalkativeRun("tracked")
    monkeypatch.setattr("mersalg_training.train.open_run", lambda *_: contextlib.nullcontext(run_))
    line = small_shop.lines[0]._replace(order_id="C1", customer_id="customer-of-the-dropped-line")
    shop = small_shop.with_lines([*small_shop.lines, line])
    config = write_shop(shop, tmp_path, tracking={"uri": f"http://alice:{PASSWORD}@127.0.0.1:9"}, **QUICK)
    run(config, tmp_path / "bundle")
    assert "alice:***@" in run_.told
    assert "'cancellation': 1" in run_.told or '"cancellation": 1' in run_.told
    assert PASSWORD not in run_.told
    assert "customer-of-the-dropped-line" not in run_.told


@pytest.mark.slow
def test_a_job_that_fails_late_leaves_the_earlier_bundle(
    config: Config, first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Path(shutil.copytree(first, tmp_path / "bundle"))
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    assert "manifest.json" in before

    def fails(*_: object) -> None:
        raise DataError("the disk is full")

    monkeypatch.setattr("mersalg_training.train.log_job", fails)
    with pytest.raises(DataError, match="the disk is full"):
        run(config, bundle)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".bundle")]


@pytest.mark.slow
def test_the_same_job_gives_the_same_scorer_golden_requests_and_thresholds(
    config: Config, first: Path, tmp_path: Path
) -> None:
    second = run(config, tmp_path / "bundle")[0].bundle
    for name in ("scorer.onnx", "golden.json", "products.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
