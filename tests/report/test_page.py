from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from mersalg_training.evaluation.file import NAME, evaluation_document
from mersalg_training.evaluation.metrics import NDCG, Estimate
from mersalg_training.evaluation.result import EvaluationResult, Row
from mersalg_training.report.page import render
from mersalg_training.report.subject import read_subject
from report.evidence import EVALUATION, write_evaluation, write_full_bundle
from report.page_reader import Element, read_page, rows, section
from toy_bundle import CANDIDATES, rewrite, write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_full_bundle(tmp_path_factory.mktemp("report") / "toy")


@pytest.fixture(scope="module")
def text(bundle: Path) -> str:
    return render(read_subject(bundle, write_evaluation(bundle.parent / "found.json", bundle)))


@pytest.fixture(scope="module")
def page(text: str) -> Element:
    return read_page(text)


def test_each_certificate_stands_there_with_its_share_confidence_offers_and_days(page: Element) -> None:
    cards = {card.all("h3")[0].text(): card.text() for card in section(page, "promises").all("article")}
    told = cards["cross-sell certified"]
    assert "At least 22.0% of what is shown is bought" in told
    assert "Confidence 90%, measured on 812 offers from 2017-05-01 to 2017-05-31" in told
    assert "on 341 offers to 256 customers from 2017-05-01 to 2017-05-15" in cards["upsell certified"]
    table = rows(section(page, "certificates"), "Thresholds and certificates")
    assert table["cross-sell"][:5] == ["0.2000", "a relevance of 10.0% of each offer", "22.0%", "90%", "812"]
    assert "18.1% (14.2% to 23.3%)" in table["cross-sell"]
    assert "of the weakest tenth 18.1% was bought (proved: 14.2% to 23.3%, 90 offers)" in cards["cross-sell certified"]
    assert table["add-on"][2:5] == ["none", "-", "-"]


def test_a_certified_share_is_rounded_down(tmp_path: Path) -> None:
    certificate = {"kind": "cross-sell", "threshold": 0.2, "precision": 0.2299, "confidence": 0.9, "n": 8,
                   "from": "2017-05-01", "to": "2017-05-31"}  # fmt: skip
    folder = write_full_bundle(tmp_path / "toy", certificates=[certificate])
    assert "At least 22.9% of what" in render(read_subject(folder))


def test_a_silent_kind_says_why_and_what_could_be_reached(page: Element) -> None:
    silent = next(a for a in section(page, "promises").all("article") if a.text().startswith("replacement silent"))
    assert "No threshold keeps 10.0%; at best 4.2% is bought." in silent.text()
    assert "at best bought 4.2%" in silent.text()


def test_a_certificate_is_kept_or_broken_on_the_test_window(page: Element) -> None:
    table = rows(section(page, "keeps"), "Promised and kept")
    assert table["cross-sell"][:3] == ["22.0%", "25.3% (22.5 to 28.1)", "kept"]
    assert table["upsell"][:3] == ["10.0%", "3.0% (0.0 to 6.0)", "broken"]
    assert table["cross-sell"][-2:] == ["0.017", "0.012"]
    assert "The relevance of upsell is off by more than chance gives" in section(page, "keeps").text()
    assert "1 of 2 certificates kept on test" in section(page, "glance").text()


def test_every_method_stands_there_with_its_interval_and_the_difference_says_who_is_ahead(page: Element) -> None:
    table = rows(section(page, "results"), "NDCG@10 by task")
    assert table["completion, explore"][0] == "0.310 (0.290 to 0.330)"
    assert table["completion, explore"][1] == "0.110 (0.090 to 0.130) popularity"
    assert table["completion, explore"][2] == "+0.200 (+0.150 to +0.250) ahead"
    assert table["completion, explore"][3] == "-0.020 (-0.030 to -0.010) behind"
    assert table["next basket, repeat"][2] == "+0.010 (-0.010 to +0.030) level"
    assert rows(section(page, "results"), "completion, explore: every method")["popularity"][1].startswith("0.130 (")
    assert "Not fitted: BPR, because no customer is known." in section(page, "results").text()
    assert "Without requests in the test window: upsell, catalogue." in section(page, "results").text()


def test_repeat_and_explore_stand_apart(page: Element) -> None:
    labels = [row.text() for row in section(page, "results").all("tr") if row.attributes.get("class") == "group"]
    assert labels[:2] == [
        "Explore: products that the customer had not bought before",
        "Repeat: products that the customer had bought before",
    ]


def test_costs_tell_every_threshold_who_sees_what_and_why_nothing(page: Element) -> None:
    costs = section(page, "costs")
    assert rows(costs, "What each threshold shows")["0.0500"][:1] == ["900"]
    assert rows(costs, "What is shown on the test window at")["every kind"][-1].startswith("30.0%")
    assert rows(costs, "Requests of the test window that see nothing")["cart"] == ["below threshold", "37", "18.5%"]
    carts = rows(costs, "Carts that see an offer")["completion, all: 10% of it bought"]
    assert carts[1:] == ["not reached popularity", "not asked"]
    assert rows(costs, "What each order")["more than by relevance"][-1] == "+0.400 (+0.380 to +0.420)"


def test_sources_data_and_origin_stand_there(page: Element) -> None:
    assert rows(section(page, "origins"), "What each source finds")["all together"] == ["47.0%"]
    assert rows(section(page, "data"), "Order lines")["rejected: duplicate"] == ["250", "20.0%"]
    assert rows(section(page, "data"), "The shop")["orders that name a customer"] == ["83.0%"]
    assert "days between two visits, median" not in section(page, "data").text()  # it is not known
    assert "a visit a month" in section(page, "data").text()
    assert "0" * 64 in section(page, "making").text()


def test_a_bundle_without_patterns_answers_its_golden_requests(page: Element) -> None:
    cards = {a.all("h3")[0].text(): a.text() for a in section(page, "answers").all("article")}
    assert list(cards) == ["upsell cart", "more-of-same cart", "no offer checkout"]
    assert "in the cart Fresh bread bought before Fresh filter" in cards["no offer checkout"]
    assert "The bundle holds no patterns." in section(page, "patterns").text()


def write_recalibrated(folder: Path) -> Path:
    """A bundle with its parent's evaluation, unchanged; the parent was recalibrated itself, after it was measured."""
    first = {"name": "toy-0", "created_at": "2017-05-01T00:00:00Z", "run_id": None, "manifest_sha256": "3" * 64,
             "scorer_sha256": "4" * 64, "lineage": None}  # fmt: skip
    parent = {"name": "toy-1", "created_at": "2017-06-01T00:00:00Z", "run_id": None, "manifest_sha256": "1" * 64,
              "scorer_sha256": "2" * 64, "lineage": {"parent": first}}  # fmt: skip
    lineage = {"parent": parent, "from": "2017-05-15", "to": "2017-06-15", "labels": "accepted", "requests": 1234,
               "customers": 56}  # fmt: skip
    write_full_bundle(folder, lineage=lineage)
    measured = {**first, "files": {"scorer.onnx": {"sha256": first["scorer_sha256"]}}}
    rewrite(folder, NAME, json.dumps(evaluation_document(measured, EVALUATION)).encode())
    return folder


def test_a_recalibrated_bundle_names_its_parent_and_shows_of_its_evaluation_what_the_order_alone_decides(
    tmp_path: Path,
) -> None:
    page = read_page(render(read_subject(write_recalibrated(tmp_path / "toy"))))
    told = section(page, "making").text()
    assert "parent toy-1" in told
    assert "1,234 requests of 56 customers" in told
    assert "an offer came where it was accepted" in told
    told = section(page, "results").text()
    assert "Measured on toy-0 of 2017-05-01T00:00:00Z, from which it was recalibrated: it ranks as" in told
    assert rows(section(page, "results"), "NDCG@10 by task")["completion, explore"][0] == "0.310 (0.290 to 0.330)"
    told = section(page, "keeps").text()
    assert "Relevance and thresholds are not those of the parent, and were not measured" in told
    assert "`mersalg evaluate NAME --json FILE` measures it" in told
    captions = [table.all("caption")[0].text() for table in page.all("table")]
    assert not [caption for caption in captions if "on the test window" in caption or "each order" in caption]


def test_an_evaluation_of_the_recalibrated_bundle_itself_takes_the_place_of_its_parent_s(tmp_path: Path) -> None:
    folder = write_recalibrated(tmp_path / "toy")
    page = read_page(render(read_subject(folder, write_evaluation(tmp_path / "found.json", folder))))
    assert rows(section(page, "keeps"), "Promised and kept")["cross-sell"][1] == "25.3% (22.5 to 28.1)"
    assert "Measured on" not in section(page, "results").text()


def test_a_newer_evaluation_takes_the_place_of_the_bundle_s_own(bundle: Path, tmp_path: Path) -> None:
    newer = EvaluationResult([Row("completion, explore", "mersalg", NDCG, Estimate(0.4, 0.3, 0.5, 400))], [], [], [])
    page = read_page(render(read_subject(bundle, write_evaluation(tmp_path / "newer.json", bundle, newer))))
    assert rows(section(page, "results"), "NDCG@10 by task") == {
        "completion, explore": ["0.400 (0.300 to 0.500)", "none was asked", "400"]
    }


def test_without_an_evaluation_the_page_says_so_and_which_command_brings_one(tmp_path: Path) -> None:
    page = read_page(render(read_subject(write_full_bundle(tmp_path / "older", None))))
    for key in ("results", "keeps"):
        told = section(page, key).text()
        assert "for it holds no evaluation.json: `mersalg evaluate NAME --json FILE` measures it" in told
    windows = dict.fromkeys(("fit_from", "rank_from", "calibrate_from", "test_from", "to"), "2017-06-01T00:00:00")
    page = read_page(render(read_subject(write_full_bundle(tmp_path / "untested", None, windows=windows))))
    assert "no test window was held back: `mersalg train CONFIG --set split" in section(page, "results").text()


def test_a_bundle_that_tells_little_makes_a_page_that_says_so(tmp_path: Path) -> None:
    page = read_page(render(read_subject(write_bundle(tmp_path / "toy"))))
    assert "Nothing was measured" in section(page, "results").text()
    assert "Nothing was measured" in section(page, "keeps").text()
    assert "does not tell what each source finds" in section(page, "origins").text()


def test_a_product_s_name_never_becomes_markup(tmp_path: Path) -> None:
    folder = write_full_bundle(tmp_path / "toy")
    evil = '<script>alert("1")</script><img src=x onerror=alert(1)>'
    rewrite(folder, "products.json", json.dumps(dict.fromkeys(CANDIDATES, evil)).encode())
    text = render(read_subject(folder))
    assert "<script" not in text
    assert "<img" not in text
    page = read_page(text)
    assert evil in section(page, "answers").text()


def test_the_name_of_a_method_or_a_reason_never_becomes_markup(tmp_path: Path) -> None:
    data = {"digest": "</pre><b>x", "lines": 1, "orders": 1, "customers": 1, "products": 1, "from": "2017-01-01",
            "to": "2017-01-02", "rejected": {"<i>": 1}, "switched_off": ["<u>"]}  # fmt: skip
    text = render(read_subject(write_full_bundle(tmp_path / "toy", name="<b>toy</b>", data=data)))
    assert not re.search("<(b|i|u)>", text)


def test_the_same_bundle_gives_the_same_bytes(bundle: Path, text: str) -> None:
    assert render(read_subject(bundle, bundle.parent / "found.json")) == text
    assert render(read_subject(bundle)) == render(read_subject(bundle))


def test_the_page_needs_nothing_else_and_runs_nothing(text: str, page: Element) -> None:
    assert not page.all("script", "link", "iframe", "object", "img")
    assert not re.search(r'(src|href|action)="(?!#)', text)
    assert "url(" not in text
    assert "@import" not in text
    policy = next(m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_headings_tables_and_pictures_can_be_heard(page: Element) -> None:
    levels = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    for table in page.all("table"):
        assert table.all("caption")[0].text()
        assert all(head.attributes["scope"] in ("col", "row", "rowgroup") for head in table.all("th"))
    pictures = [svg for svg in page.all("svg") if svg.attributes.get("aria-hidden") != "true"]
    assert pictures
    assert all(svg.attributes["role"] == "img" and svg.all("title")[0].text() for svg in pictures)
    ids = [e.attributes["id"] for e in everything(page) if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert {a.attributes["href"][1:] for a in page.all("a")} <= set(ids)


def everything(element: Element) -> list[Element]:
    return [e for child in element.children if isinstance(child, Element) for e in (child, *everything(child))]


def test_what_a_bundle_carries_is_what_was_measured_and_makes_the_page_that_the_same_file_makes(
    bundle: Path, text: str
) -> None:
    found = read_subject(bundle)
    written, read = (evaluation_document(found.manifest, of) for of in (EVALUATION, found.evaluation))
    assert json.dumps(read) == json.dumps(written)
    assert render(found) == text
