from __future__ import annotations

import json
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mersalg.table import read_saved
from mersalg_training.report.check_page import render_check
from mersalg_training.report.page import render
from mersalg_training.report.subject import read_subject
from report.evidence import CHECK, with_patterns, write_evaluation, write_full_bundle
from toy_bundle import CANDIDATES, rewrite
from web.browser import FLAGS, result_of_page
from web.programs import MissingError, find_browser

SECONDS = 120.0
WIDTHS = (360, 1280)
OPENING_ALONE = "<style>main > section, .glance { display: none }</style>"
PAGE = re.compile(rb"/Type\s*/Page\b")
"""A page in a PDF."""


@pytest.fixture(scope="module")
def browser() -> str:
    """A browser; where it is missing the test is skipped, and fails where CI has to have it."""
    try:
        return find_browser()
    except MissingError as missing:
        if os.environ.get("MERSALG_RUNTIMES") == "required":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="module", params=["a bundle", "a check"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    page = folder / "report.html"
    if request.param == "a check":
        page.write_text(render_check(CHECK), encoding="utf-8")
    else:
        bundle = with_patterns(write_full_bundle(folder / "toy"))
        found = write_evaluation(folder / "found.json", bundle)
        page.write_text(render(read_subject(bundle, found)), encoding="utf-8")
    return page


def looked_at(page: Path, *flags: str) -> list[dict[str, Any]]:
    places = {"report.html": page, "look.html": Path(__file__).with_name("look.html")}
    widths = ",".join(map(str, WIDTHS))
    found: list[dict[str, Any]] = result_of_page(f"look.html?widths={widths}", places, SECONDS, flags)["told"]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_telephone_and_a_desk_and_can_be_read_in_light_and_dark(
    scheme: str, browser: str, written: Path
) -> None:
    found = looked_at(written, *(["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []))
    assert [look["width"] for look in found] == list(WIDTHS)
    for look in found:
        assert look["over"] <= 0, f"{look['over']} pixels stand out at {look['width']}"
        assert look["headings"][0] == 1
        assert all(later - earlier <= 1 for earlier, later in pairwise(look["headings"]))
        assert look["contrast"] >= 4.5, look  # WCAG 2.2, 1.4.3
        assert look["thinnest"] > 60
        assert look["letters"] > 9
        assert (look["paper"] == "rgb(255, 255, 255)") is (scheme == "light")


def test_the_browser_finds_nothing_to_complain_about(browser: str, written: Path, tmp_path: Path) -> None:
    command = [browser, *FLAGS, "--enable-logging=stderr", f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run([*command, written.as_uri()], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert "At a glance" in done.stdout
    assert "CONSOLE" not in done.stderr


def test_a_page_with_something_to_complain_about_would_be_found(browser: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><title>x</title><script>console.error('seen')</script>")
    command = [browser, *FLAGS, "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'data'}", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert "CONSOLE" in done.stderr


def printed(browser: str, page: Path, text: str) -> int:
    """The pages of paper that a page takes."""
    page.write_text(text, encoding="utf-8")
    paper = page.with_suffix(".pdf")
    flags = [f"--user-data-dir={page.parent / 'data'}", "--no-pdf-header-footer", f"--print-to-pdf={paper}"]
    subprocess.run([browser, *FLAGS, *flags, page.as_uri()], capture_output=True, check=True, timeout=SECONDS)
    return len(PAGE.findall(paper.read_bytes()))


@pytest.mark.slow
@pytest.mark.parametrize("letters", [0, 40, 300])
def test_answers_patterns_and_promises_are_one_page_of_print_whatever_the_names(
    letters: int, browser: str, tmp_path: Path
) -> None:
    folder = with_patterns(write_full_bundle(tmp_path / "toy"))
    if letters:
        names = {product: (f"{product} of an organic kind " * letters)[:letters] for product in CANDIDATES}
        rewrite(folder, "products.json", json.dumps(names).encode())
    saved = [read_saved({"request_id": f"cart {n}", "cart": list(CANDIDATES)[n:]}) for n in range(6)]
    for requests in ((), saved):
        text = render(read_subject(folder, saved=requests))
        assert printed(browser, tmp_path / "whole.html", text) > 2
        assert printed(browser, tmp_path / "opening.html", text.replace("</head>", f"{OPENING_ALONE}</head>")) == 1


@pytest.mark.slow
def test_the_opening_of_a_bundle_that_a_job_trained_is_one_page_of_print(
    browser: str, trained_bundle: Path, tmp_path: Path
) -> None:
    text = render(read_subject(trained_bundle))
    assert printed(browser, tmp_path / "opening.html", text.replace("</head>", f"{OPENING_ALONE}</head>")) == 1
