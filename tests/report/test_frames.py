"""Claims: what a page tells of an evaluation is there as data frames, too."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mersalg.errors import MersalgError
from mersalg_training import Evaluation
from mersalg_training.evaluation.metrics import NDCG
from report.evidence import EVALUATION, write_evaluation, write_full_bundle
from report.page_reader import read_page


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_full_bundle(tmp_path_factory.mktemp("frames") / "toy")


@pytest.fixture(scope="module")
def found(bundle: Path) -> Evaluation:
    return Evaluation.read(bundle)


def test_each_kind_has_its_promise_beside_what_came(found: Evaluation) -> None:
    kinds = found.kinds
    assert list(kinds.index) == ["cross-sell", "add-on", "upsell", "more-of-same", "replacement"]
    assert kinds.loc["cross-sell", ["certified", "promised", "came", "low", "high"]].tolist() == [
        0.22, 0.27, 0.253, 0.225, 0.281,
    ]  # fmt: skip
    assert kinds["verdict"].to_dict()["upsell"] == "broken"
    assert math.isnan(kinds.loc["replacement", "threshold"])
    assert "no threshold keeps 10.0%" in kinds.loc["replacement", "silent_because"]


def test_each_task_stands_beside_its_best_single_baseline(found: Evaluation) -> None:
    task = found.tasks.loc["completion, explore"]
    assert task[["ndcg", "baseline", "baseline_ndcg", "difference", "difference_low", "ceiling"]].tolist() == [
        0.31, "popularity", 0.11, 0.2, 0.15, 0.77,
    ]  # fmt: skip
    methods = found.methods.set_index(["task", "method", "metric"])
    assert methods.loc[("completion, explore", "two-stage", NDCG), "value"] == 0.33
    assert len(found.differences) == len(EVALUATION.differences)


def test_curves_calibration_what_is_shown_and_coverage_are_frames_of_their_own(found: Evaluation) -> None:
    chosen = found.curves[found.curves.chosen].set_index("kind")
    assert chosen.loc["cross-sell", ["threshold", "precision", "coverage"]].tolist() == [0.2, 0.234, 0.345]
    assert found.calibration.ece.tolist() == [0.017, 0.11]
    assert found.reliability.promised.tolist() == [0.21, 0.33]
    assert found.shown[["moment", "kind", "bought", "precision"]].iloc[0].tolist() == ["every", "every", 90, 0.3]
    assert math.isnan(found.shown.precision.iloc[1])
    assert found.coverage.method.tolist() == ["mersalg", "popularity"]
    assert found.follow_on.empty
    assert list(found.follow_on.columns) == ["history", "method", "requests"]


def test_a_notebook_shows_kinds_and_tasks_and_nothing_foreign_becomes_markup(tmp_path: Path) -> None:
    told = Evaluation.read(write_full_bundle(tmp_path / "toy", name="<b>toy</b>"))._repr_html_()
    assert "<b>" not in told
    page = read_page(told)
    assert len(page.all("table")) == 2
    assert "Evaluation of <b>toy</b>" in page.text()
    assert "broken" in page.text()


def test_a_bundle_without_an_evaluation_says_so_and_has_its_promises(tmp_path: Path) -> None:
    found = Evaluation.read(write_full_bundle(tmp_path / "toy", None))
    assert "Nothing was measured of the bundle" in found.missing
    assert found.tasks.empty
    assert found.kinds.certified["cross-sell"] == 0.22
    assert "Nothing was measured" in found._repr_html_()


def test_a_newer_evaluation_is_read_and_one_of_another_bundle_refused(bundle: Path, tmp_path: Path) -> None:
    newer = write_evaluation(tmp_path / "newer.json", bundle)
    assert Evaluation.read(bundle, newer).tasks.equals(Evaluation.read(str(bundle)).tasks)
    other = write_evaluation(tmp_path / "other.json", write_full_bundle(tmp_path / "other", name="other"))
    with pytest.raises(MersalgError, match=r"bundle.name"):
        Evaluation.read(bundle, other)
