from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mersalg.cli import main
from mersalg_training.evaluation.result import EvaluationResult
from mersalg_training.report.page import render_pair
from mersalg_training.report.subject import read_subject
from report.evidence import EVALUATION, ROWS, estimate, write_evaluation, write_full_bundle
from report.page_reader import read_page, rows, section


def write_pair(folder: Path) -> tuple[Path, Path]:
    """A bundle, and a later one of the same shop that ranks better and was set otherwise."""
    better = EvaluationResult(
        [replace(ROWS[0], estimate=estimate(0.4))], [], EVALUATION.shown, [], kept=EVALUATION.kept
    )
    first = write_full_bundle(folder / "first")
    config = {"name": "toy", "ranker": {"trees": 200}}
    second = write_full_bundle(folder / "second", better, created_at="2017-07-01T00:00:00Z", config=config)
    return first, second


def test_two_bundles_stand_side_by_side_each_with_its_own_interval(tmp_path: Path) -> None:
    first, second = write_pair(tmp_path)
    text = render_pair(read_subject(first), read_subject(second))
    page = read_page(text)
    table = rows(section(page, "results"), "NDCG@10 by task")
    assert table["completion, explore"] == ["0.310 (0.290 to 0.330)", "0.400 (0.380 to 0.420)"]
    assert table["next basket, repeat"] == ["0.520 (0.500 to 0.540)", "not told"]
    assert "not paired" in section(page, "keeps").text()
    assert "The purchases are the same" in section(page, "keeps").text()
    assert rows(section(page, "making"), "Where they differ")["ranker.trees"] == ["100", "200"]
    assert text == render_pair(read_subject(first), read_subject(second))


def test_the_command_takes_an_evaluation_for_each_bundle_in_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write_pair(tmp_path)
    found = [write_evaluation(tmp_path / f"{folder.name}.json", folder) for folder in (first, second)]
    options = [x for file in found for x in ("--evaluation", str(file))]
    out = tmp_path / "pair.html"
    assert main(["report", str(first), str(second), *options, "--out", str(out)]) == 0
    assert "toy, first beside toy, second" in read_page(out.read_text("utf-8")).all("h1")[0].text()
    assert main(["report", str(second), str(first), *options, "--out", str(out)]) == 2
    assert "another bundle" in capsys.readouterr().err
    assert main(["report", str(first), *options, "--out", str(out)]) == 2
    assert "at most one for each bundle" in capsys.readouterr().err
