from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mersalg_training.report.check_page import render_check
from mersalg_training.report.page import render
from mersalg_training.report.subject import read_subject
from report.evidence import CHECK, write_evaluation, write_full_bundle
from web.browser import FLAGS, result_of_page
from web.programs import MissingError, find_browser

SECONDS = 120.0
WIDTHS = (360, 1280)


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
        bundle = write_full_bundle(folder / "toy")
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
