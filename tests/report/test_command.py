from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mersalg.cli import main
from mersalg_training.evaluation.file import NAME
from report.evidence import write_evaluation, write_full_bundle
from report.page_reader import read_page
from toy_bundle import rewrite, write_manifest


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_full_bundle(tmp_path / "toy")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What is said where the command refuses."""
    assert main(["report", *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mersalg: ")
    assert "Traceback" not in said
    return said


def test_the_command_writes_a_page_and_nothing_beside_it(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages" / "toy.html"
    out.parent.mkdir()
    found = write_evaluation(tmp_path / "found.json", bundle)
    assert main(["report", str(bundle), "--evaluation", str(found), "--out", str(out)]) == 0
    assert read_page(out.read_text("utf-8")).all("h1")[0].text() == "toy: report of a bundle"
    assert [path.name for path in out.parent.iterdir()] == ["toy.html"]


def test_a_missing_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, tmp_path / "none", "--out", tmp_path / "page.html")
    assert "expected a bundle folder, got nothing" in said


def test_a_broken_manifest_is_refused_and_an_earlier_page_stays(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    out.write_text("earlier")
    (bundle / "manifest.json").write_text("{")
    assert "manifest.json: expected JSON" in refused(capsys, bundle, "--out", out)
    assert out.read_text() == "earlier"


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("candidate_recall", {"own": "much"}, "candidate_recall.own"),
        ("importance", ["own"], "importance"),
        ("lineage", {"parent": {}}, "lineage"),
        ("reference", {"kinds": {}}, "reference"),
    ],
)
def test_a_key_that_only_the_report_reads_is_refused_by_name(
    key: str, value: Any, named: str, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    write_manifest(bundle, manifest | {key: value})
    assert named in refused(capsys, bundle, "--out", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_an_evaluation_of_another_bundle_or_version_is_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = write_evaluation(tmp_path / "found.json", bundle)
    document = json.loads(found.read_text())
    for key, value in (("name", "other"), ("created_at", "2018-01-01T00:00:00Z"), ("scorer_sha256", "0" * 64)):
        found.write_text(json.dumps(document | {"bundle": document["bundle"] | {key: value}}))
        said = refused(capsys, bundle, "--evaluation", found, "--out", tmp_path / "page.html")
        assert f"bundle.{key}" in said
        assert "evaluate this one" in said


def test_a_bundle_that_carries_the_evaluation_of_another_one_or_a_damaged_one_is_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((bundle / NAME).read_text())
    (bundle / NAME).write_text("{}")  # not what the manifest lists
    assert f"{NAME}: expected" in refused(capsys, bundle, "--out", tmp_path / "page.html")
    rewrite(bundle, NAME, b"{")
    assert f"{NAME}: expected JSON" in refused(capsys, bundle, "--out", tmp_path / "page.html")
    rewrite(bundle, NAME, json.dumps(document | {"bundle": document["bundle"] | {"name": "other"}}).encode())
    said = refused(capsys, bundle, "--out", tmp_path / "page.html")
    assert f"{NAME}: bundle.name: expected 'toy' as in the bundle, got 'other'" in said


def test_a_file_that_nests_too_deep_is_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.json"
    for depth in (900, 100_000):
        found.write_text("[" * depth + "]" * depth)
        assert "mersalg evaluate NAME" in refused(
            capsys, bundle, "--evaluation", found, "--out", tmp_path / "page.html"
        )


def test_an_evaluation_that_names_no_bundle_is_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = write_evaluation(tmp_path / "found.json", bundle)
    document = json.loads(found.read_text())
    del document["bundle"]
    found.write_text(json.dumps(document))
    said = refused(capsys, bundle, "--evaluation", found, "--out", tmp_path / "page.html")
    assert "expected the bundle that it is of, got none" in said


@pytest.mark.parametrize("content", ["", "[1]", '{"bundle": {}}', "\udcff"])
def test_a_file_that_is_no_evaluation_is_refused(
    content: str, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.json"
    found.write_bytes(content.encode("utf-8", "surrogateescape"))
    said = refused(capsys, bundle, "--evaluation", found, "--out", tmp_path / "page.html")
    assert str(found) in said
    assert "mersalg evaluate NAME" in said


def test_a_missing_evaluation_is_refused(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, bundle, "--evaluation", tmp_path / "none.json", "--out", tmp_path / "page.html")
    assert "none.json: cannot be read" in said


def test_a_place_where_no_page_can_be_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ends in .html" in refused(capsys, tmp_path / "none", "--out", tmp_path / "page.txt")
    (tmp_path / "folder.html").mkdir()
    assert "got a folder" in refused(capsys, tmp_path / "none", "--out", tmp_path / "folder.html")
    assert "expected the folder" in refused(capsys, tmp_path / "none", "--out", tmp_path / "no" / "page.html")


def test_what_could_not_be_measured_goes_through_the_file_as_such(bundle: Path, tmp_path: Path) -> None:
    import math

    from mersalg_training.evaluation.file import read_evaluation
    from mersalg_training.evaluation.metrics import NDCG, Estimate
    from mersalg_training.evaluation.result import EvaluationResult, Row

    nothing = Estimate(math.nan, math.nan, math.nan, 0)
    written = EvaluationResult([Row("completion, all", "mersalg", NDCG, nothing)], [], [], [])
    path = write_evaluation(tmp_path / "found.json", bundle, written)
    assert "NaN" not in path.read_text()
    read = read_evaluation(path, json.loads((bundle / "manifest.json").read_text()))
    assert math.isnan(read.rows[0].value)
