from __future__ import annotations

import json
from pathlib import Path

import pytest

from mersalg.names import KINDS
from mersalg_training.report.page import render
from mersalg_training.report.subject import read_subject
from report.page_reader import Element, read_page, rows, section


@pytest.fixture(scope="module")
def page(trained_bundle: Path) -> Element:
    return read_page(render(read_subject(trained_bundle)))


def test_a_bundle_that_a_job_trained_tells_what_each_source_finds_and_what_its_features_gain(
    page: Element, trained_bundle: Path
) -> None:
    manifest = json.loads((trained_bundle / "manifest.json").read_text())
    found = rows(section(page, "origins"), "What each source finds")
    assert list(found) == list(manifest["candidate_recall"])
    assert 0.0 < manifest["candidate_recall"]["all together"] <= 1.0
    for gains in manifest["importance"].values():
        assert set(gains) == set(manifest["features"])
        assert sum(gains.values()) == pytest.approx(1.0)


def test_a_bundle_that_a_job_trained_shows_every_kind_every_task_and_real_offers(
    page: Element, trained_bundle: Path
) -> None:
    manifest = json.loads((trained_bundle / "manifest.json").read_text())
    told = rows(section(page, "certificates"), "Thresholds")
    assert set(told) == set(KINDS)
    certified = {kind for kind, cells in told.items() if cells[2] != "none"}
    assert certified == {certificate["kind"] for certificate in manifest["certificates"]}
    assert "completion, all" in rows(section(page, "results"), "NDCG@10 by task")
    answers = [article.all("h3")[0].text().split(" ")[0] for article in section(page, "answers").all("article")]
    assert answers == [*KINDS, "no"]
    assert len(section(page, "patterns").all("article")) == 3
    assert section(page, "keeps").all("svg")
    assert section(page, "costs").all("svg")
