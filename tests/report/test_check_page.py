"""Claims: the page of a check is a page as the report's: told in words, escaped, and in need of nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mersalg_training.drift.comparing import Certificate, KindNow
from mersalg_training.drift.result import Check
from mersalg_training.drift.rules import BrokenRule
from mersalg_training.drift.shift import Histogram, Shift, Unknown
from mersalg_training.evaluation.clustered_intervals import Figure, Group
from mersalg_training.report.check_page import render_check
from report.page_reader import Element, read_page, rows, section

EVIL = '<script>alert("1")</script><img src=x onerror=alert(1)>'


def histogram(*counts: int) -> Histogram:
    return Histogram(np.array([1.0, 2.5]), np.array(counts, dtype=np.int64))


CROSS_SELL = KindNow(
    kind="cross-sell", threshold=0.2, certificate=Certificate(0.22, 0.9), offers=512, promised=0.27,
    precision=Figure(0.15, 0.02, 512), over_promised=Figure(0.56, 0.05, 512), calibration_error=(0.12, 0.01),
    area=Figure(0.61, 0.02, 512), area_then=Figure(0.8, 0.02, 512), reliability=[Group(0.2, 0.1, 0.01, 256)],
    reliability_then=[Group(0.21, 0.2, 0.02, 400)],
)  # fmt: skip
SILENT = KindNow(
    kind="upsell", threshold=None, certificate=None, offers=0, promised=float("nan"), precision=None,
    over_promised=None, calibration_error=None, area=None, area_then=None, reliability=[], reliability_then=[],
)  # fmt: skip
CHECK = Check(
    bundle="toy", manifest_sha256="0" * 64, labels="bought", since=datetime(2017, 6, 1), until=datetime(2017, 7, 1),
    requests=1234, customers=567, decision="recalibrate",
    findings=[BrokenRule("certificate", "cross-sell", "recalibrate", "at most 18.0% came")], kinds=[CROSS_SELL, SILENT],
    unknown=Unknown(0.023, None), unknown_then=Unknown(0.01, None),
    shifts=[Shift("price paid", histogram(98, 1, 1), histogram(10, 80, 10)),
            Shift("bought before", histogram(50, 30, 20), histogram(50, 30, 20))],
    notes=["the log holds no cart"],
)  # fmt: skip


@pytest.fixture(scope="module")
def text() -> str:
    return render_check(CHECK)


@pytest.fixture(scope="module")
def page(text: str) -> Element:
    return read_page(text)


def test_the_decision_its_reasons_and_the_exit_status_stand_first(page: Element) -> None:
    assert page.all("h1")[0].text() == "toy: checked on 2017-06-01 to 2017-06-30"
    glance = section(page, "glance").text()
    assert "Recalibrate it: its order still holds, its probabilities do not." in glance
    assert "exit status of the command is 3" in glance
    assert "1 of 2 features have shifted" in glance
    assert "2.3% of the order lines (when calibrated 1.0% of the lines)" in glance
    why = section(page, "reasons").text()
    assert "certificate of cross-sell: at most 18.0% came" in why
    assert "the log holds no cart" in why
    told = section(read_page(render_check(replace(CHECK, findings=[], decision="keep"))), "reasons").text()
    assert "Every rule holds." in told


def test_each_kind_and_each_shift_is_told_then_and_now(page: Element) -> None:
    kinds = rows(section(page, "keeps"), "Shown offers")
    assert kinds["cross-sell"] == [
        "0.200", "22.0%", "512", "27.0%", "15.0% (9.8% to 20.2%)", "0.120 (0.010)", "0.800", "0.610",
    ]  # fmt: skip
    assert kinds["upsell"][0] == "silent"
    curves = section(page, "keeps").all("table")[1].text()
    assert "cross-sell, since" in curves
    assert "10.0% (7.4 to 12.6)" in curves  # 99 %: 2.58 errors
    assert rows(section(page, "seen"), "Population stability index")["bought before"] == ["0.000", "little"]
    bins = [row.text() for row in section(page, "seen").all("table")[1].all("tr")]
    assert bins[2:5] == ["to 1 97.0% 10.3%", "to 2.5 1.5% 79.3%", "over 2.5 1.5% 10.3%"]


def test_a_bundle_without_a_reference_has_no_shifts_to_tell() -> None:
    page = read_page(render_check(replace(CHECK, shifts=[], unknown_then=None)))
    assert [s.attributes["aria-labelledby"] for s in page.all("section")] == ["glance", "reasons", "keeps"]


@pytest.mark.parametrize(
    "changed",
    [
        {"bundle": EVIL},
        {"notes": [EVIL]},
        {"findings": [BrokenRule("ranking", EVIL, "retrain", EVIL)]},
        {"shifts": [Shift(EVIL, histogram(1, 1, 1), histogram(1, 1, 1))]},
    ],
)
def test_foreign_text_never_becomes_markup(changed: dict[str, Any]) -> None:
    text = render_check(replace(CHECK, **changed))
    assert "<script" not in text
    assert "<img" not in text
    assert EVIL in read_page(text).text()


def test_the_page_needs_nothing_else_and_can_be_heard(text: str, page: Element) -> None:
    assert not page.all("script", "link", "iframe", "object", "img")
    assert not re.search(r'(src|href|action)="(?!#)', text)
    assert "http:" not in text
    assert "https:" not in text
    policy = next(m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")
    levels = [int(heading.tag[1]) for heading in page.all("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(table.all("caption")[0].text() for table in page.all("table"))
    assert render_check(CHECK) == text
