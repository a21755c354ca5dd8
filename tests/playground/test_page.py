"""The page in Chromium. What it shows is held to what Python answers to the request that the page itself tells."""

from __future__ import annotations

import json
import queue
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import mersalg
from mersalg.bundle.manifest import DIGEST, NO_DIGEST, with_digest
from mersalg.names import KINDS
from mersalg_service.playground.site import Site, make_site, write_site
from playground.pages import in_browser, request_in, with_floors
from toy_bundle import entry, write_bundle
from web.browser import served

if TYPE_CHECKING:
    from playground.conftest import Serving

pytestmark = pytest.mark.usefixtures("browser_tools")

HOSTILE = (
    "<img src=x onerror=\"globalThis.hit='img'\">",
    '"><script>globalThis.hit=1</script>',
    "<b>bold</b> & {anchor}",
    "'$(reboot)`;",
)


def shown(recommender: Any, request: Mapping[str, Any]) -> list[str]:
    """The products that Python offers."""
    return [offer.product_id for offer in recommender.recommend(**request)]


def quiet(page: Mapping[str, Any]) -> bool:
    return page["noise"] == [] and page["foreign"] == []


def test_the_page_shows_what_python_offers_and_asks_nobody_else(
    site: Site, serving: Serving, trained_bundle: Path
) -> None:
    with serving(site) as address:
        page = in_browser("smoke", address)
    assert quiet(page)
    assert page["products"], "the page begins with a product that sees offers"
    recommender = mersalg.load(trained_bundle)
    assert page["products"] == shown(recommender, request_in(page["curl"]))
    for product in page["products"]:
        assert recommender.name(product) in page["told"]


@pytest.mark.long
def test_all_of_a_request_can_be_made_with_the_keyboard(site: Site, serving: Serving, trained_bundle: Path) -> None:
    with serving(site) as address:
        page = in_browser("keyboard", address, typed="coffee")
    assert quiet(page)
    assert len(page["listed"]) > 1
    assert all("coffee" in line for line in page["listed"])
    assert (page["first"], page["second"]) == ("search-cart-list-0", "search-cart-list-1")
    assert (page["expanded"], page["closed"]) == ("true", "false")
    assert page["cart"][-1].startswith("coffee")
    assert page["cart"][-1] in page["listed"][1], "the second was chosen"
    assert page["held"] == "cart", "the focus stays with the moment"
    assert request_in(page["request"])["moment"] == "cart"
    assert "remove" in page["after"], "the focus stays in the cart"


@pytest.mark.long
def test_axe_finds_nothing_in_any_state_scheme_width_and_language(site: Site, serving: Serving) -> None:
    languages = ["da", "no", "sv", "en"]
    with serving(site) as address:
        page = in_browser("accessible", address, languages=languages)
    assert quiet(page)
    assert len(page["found"]) == 4 * 2 + 5 + len(languages)
    assert {state: found for state, found in page["found"].items() if found} == {}
    assert len(set(page["said"].values())) == len(languages)


def renamed(bundle: Path, folder: Path, names: Mapping[str, str]) -> Path:
    """A copy of a bundle in which products have other names."""
    shutil.copytree(bundle, folder)
    products = json.loads((folder / "products.json").read_text(encoding="utf-8"))
    content = json.dumps({**products, **names}, ensure_ascii=False).encode()
    (folder / "products.json").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["products.json"] = entry(content)
    manifest[DIGEST] = NO_DIGEST
    (folder / "manifest.json").write_bytes(with_digest(json.dumps(manifest).encode()))
    return folder


@pytest.mark.long
def test_a_hostile_name_is_text(trained_bundle: Path, runtime: Path, serving: Serving, tmp_path: Path) -> None:
    ids = list(json.loads((trained_bundle / "products.json").read_text(encoding="utf-8")))
    names = dict(zip(ids, HOSTILE * len(ids), strict=False))
    bundle = renamed(trained_bundle, tmp_path / "hostile", names)
    with serving(make_site([str(bundle)], runtime)) as address:
        page = in_browser("hostile", address, names={i: names[i] for i in ids[: len(HOSTILE)]})
    assert quiet(page)
    assert all(page["shown"].values()), page["shown"]
    assert (page["alien"], page["hit"]) == (0, None)
    assert any(name in page["title"] for name in HOSTILE)


@pytest.mark.long
def test_a_moved_floor_is_answered_by_the_graph_and_tells_what_becomes_of_the_certificate(
    site: Site, serving: Serving, trained_bundle: Path
) -> None:
    recommender = mersalg.load(trained_bundle)
    manifest = recommender.manifest
    with serving(site) as address:
        page = in_browser("floors", address, kind="upsell")
    assert quiet(page)
    request = request_in(page["curl"])
    floors = [manifest["kinds"][kind]["threshold"] for kind in KINDS]
    own = [2.0 if floor is None else floor for floor in floors]
    place = KINDS.index("upsell")
    for state, floor in (("low", 0.001), ("silent", 2.0)):
        moved = with_floors(trained_bundle, [*own[:place], floor, *own[place + 1 :]])
        assert page[state]["products"] == shown(moved, request)
    assert page["before"]["products"] == page["after"]["products"] == shown(recommender, request)
    assert page["silent"]["products"] != page["before"]["products"]
    assert page["before"]["told"] == page["after"]["told"]
    (certificate,) = [one for one in manifest["certificates"] if one["kind"] == "upsell"]
    assert f"on {certificate['n']:,} offers" in page["before"]["told"]
    assert "The certificate is lost" in page["low"]["told"]
    assert "--set thresholds.upsell.precision=0.001" in page["low"]["told"]
    assert "Silent" in page["silent"]["told"]


@pytest.mark.long
def test_saved_requests_outlive_the_page_and_are_judged_at_once(site: Site, serving: Serving) -> None:
    with serving(site) as address:
        page = in_browser("saved", address)
    assert quiet(page)
    (saved,) = [json.loads(line) for line in page["written"].splitlines()]
    assert (saved["request_id"], saved["must"]) == ("mine", [page["must"]])
    assert page["passes"] in (None, "")
    assert "missing: " in page["amiss"]
    assert page["wrong"].startswith("line 2: ")
    assert page["count"] == 2


@pytest.mark.long
def test_an_empty_answer_says_why(site: Site, serving: Serving, trained_bundle: Path) -> None:
    with serving(site) as address:
        page = in_browser("empty", address, id="no-such-product")
    assert quiet(page)
    request = request_in(page["curl"])
    assert request["cart"] == ["no-such-product"]
    offers = mersalg.load(trained_bundle).recommend(**request)
    assert (len(offers), offers.reason) == (0, "nothing retrieved")
    assert "No product is a candidate of a kind of this moment." in page["told"]
    assert "unknown to this bundle" in page["cart"]


@pytest.mark.long
def test_the_static_folder_answers_without_a_network(site: Site, trained_bundle: Path, tmp_path: Path) -> None:
    write_site(site, tmp_path / "site")
    places = {path.name: path for path in (tmp_path / "site").iterdir()}
    with served(places, queue.Queue()) as address:
        page = in_browser("offline", f"{address}/index.html")
    assert page["noise"] == []
    assert page["products"] == shown(mersalg.load(trained_bundle), request_in(page["curl"]))


@pytest.mark.long
def test_two_bundles_stand_beside_each_other(
    trained_bundle: Path, runtime: Path, serving: Serving, tmp_path: Path
) -> None:
    toy = write_bundle(tmp_path / "toy")
    with serving(make_site([str(trained_bundle), str(toy)], runtime)) as address:
        page = in_browser("two", address)
    assert quiet(page)
    assert "toy shows" in page["other"]
    request = request_in(page["curl"])
    assert page["first"]["products"] == shown(mersalg.load(trained_bundle), request)
    assert page["second"] == shown(mersalg.load(toy), request)


@pytest.mark.long
def test_a_bundle_that_is_damaged_under_way_is_refused_by_the_page(
    runtime: Path, serving: Serving, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "toy")
    site = make_site([str(bundle)], runtime)
    scorer = (bundle / "scorer.onnx").read_bytes()
    (bundle / "scorer.onnx").write_bytes(scorer[:-1] + bytes([scorer[-1] ^ 1]))
    with serving(site) as address:
        page = in_browser("refused", address)
    assert "scorer.onnx: expected sha256" in page["told"]
