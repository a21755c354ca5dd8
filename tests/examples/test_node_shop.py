"""Claims of examples/node_shop: real Node, real onnxruntime, and a real browser at two widths."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.request import urlopen

import pytest

from web.browser import FLAGS, result_of_page
from web.programs import MissingError, find_browser, find_client, find_node

pytestmark = pytest.mark.long
EXAMPLE = Path(__file__).parents[2] / "examples" / "node_shop"
SECONDS = 120.0
WIDTHS = (360, 1280)
CART = "?cart=machine-0,beans-0"


def missing(error: MissingError) -> None:
    """Skip for a program that is not here; fail where CI has to have it."""
    if os.environ.get("MERSALG_RUNTIMES") == "required":
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="module")
def shop(corner_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running shop, whose packages are those of clients/node."""
    try:
        node, client = find_node(), find_client()
    except MissingError as error:
        missing(error)
    folder = tmp_path_factory.mktemp("node") / "shop"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "mersalg").symlink_to(client, target_is_directory=True)
    places = {"BUNDLE": str(corner_shop / "bundle"), "PRODUCTS": str(corner_shop / "products.csv"), "PORT": "0"}
    with (folder / "log").open("w+") as log:
        environment = {**os.environ, **places}
        with subprocess.Popen(
            [*node, "server.js"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process:
            try:
                yield first_line(process, folder / "log")
            finally:
                process.terminate()


def first_line(process: subprocess.Popen[str], log: Path) -> str:
    """What the program says when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()  # empty when it has ended
    assert line.startswith("http://127.0.0.1:"), log.read_text()
    return line


def read(address: str) -> str:
    with urlopen(address, timeout=SECONDS) as response:
        return str(response.read().decode())


@pytest.fixture(scope="module")
def browser() -> str:
    try:
        return find_browser()
    except MissingError as error:
        missing(error)
        raise


def test_offers_stand_beside_the_cart_with_their_reasons(shop: str) -> None:
    page = read(shop + CART)
    assert "Goes with it" in page
    assert "goes with Espresso machine Uno: bought together" in page
    assert "Goes with it" not in read(shop), "an empty cart"
    assert "Goes with it" not in read(shop + "?cart=no-such-product")


def test_taking_the_upsell_puts_it_in_the_place_of_its_anchor(shop: str) -> None:
    page = read(shop + CART)
    pair = page.split('class="offer pair"')[1].split("</article>", maxsplit=1)[0]
    assert "Espresso beans 250 g" in pair
    assert "Espresso beans 500 g" in pair
    assert "larger pack" in pair
    assert "For € 5.00 more" in pair
    taken = unescape(re.findall(r'class="take" href="/([^"]*)"', pair)[0])
    assert taken == "?cart=machine-0,beans-1"
    cart = read(shop + taken).split('class="cart"')[1].split("</section>", maxsplit=1)[0]
    assert "Espresso beans 500 g" in cart
    assert "Espresso beans 250 g" not in cart


def test_the_page_fits_a_telephone_and_a_desk(shop: str, browser: str, tmp_path: Path) -> None:
    page = tmp_path / "shop.html"
    page.write_text(read(shop + CART), encoding="utf-8")
    (tmp_path / "style.css").write_text(read(shop + "style.css"), encoding="utf-8")
    places = {
        "shop.html": page, "report.html": page, "style.css": tmp_path / "style.css",
        "look_shop.html": Path(__file__).with_name("look_shop.html"),
        "look.html": Path(__file__).parents[1] / "report" / "look.html",
    }  # fmt: skip
    widths = ",".join(map(str, WIDTHS))
    phone, desk = result_of_page(f"look_shop.html?widths={widths}", places, SECONDS)["told"]
    for look in (phone, desk):
        assert look["over"] <= 0, f"{look['over']} pixels stand out at {look['width']}"
        assert look["lowest"] >= 24  # WCAG 2.2, 2.5.8
        assert look["anchor"]["top"] == look["better"]["top"], "side by side"
        assert look["anchor"]["right"] <= look["better"]["left"]
    assert desk["offers"]["left"] >= desk["cart"]["right"], "beside the cart"
    assert phone["offers"]["top"] >= phone["cart"]["bottom"], "below the cart"
    for scheme in ([], ["--blink-settings=preferredColorScheme=0"]):
        for look in result_of_page(f"look.html?widths={widths}", places, SECONDS, scheme)["told"]:
            assert look["contrast"] >= 4.5, look  # WCAG 2.2, 1.4.3
            assert look["headings"][0] == 1


def test_the_browser_finds_nothing_to_complain_about(shop: str, browser: str, tmp_path: Path) -> None:
    command = [browser, *FLAGS, "--enable-logging=stderr", f"--user-data-dir={tmp_path}", "--dump-dom", shop + CART]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    assert "Take it instead" in done.stdout
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []
