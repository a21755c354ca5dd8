from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from mersalg.cli import main
from mersalg.errors import BundleError, MersalgError
from mersalg_service.playground.server import HEADERS
from mersalg_service.playground.site import HERE, RUNTIME_VERSION, make_site, write_site
from toy_bundle import write_bundle
from web.programs import CLIENT

if TYPE_CHECKING:
    from playground.conftest import Serving

PAGE = HERE / "page"
MODULES = sorted(PAGE.glob("*.js"))


def asked(address: str, path: str, host: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET."""
    place = urlsplit(address).netloc
    connection = http.client.HTTPConnection(place, timeout=60)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", place if host is None else host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_a_static_folder_holds_the_page_the_client_the_runtime_and_the_whole_bundle(
    tmp_path: Path, no_runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, out = write_bundle(tmp_path / "toy"), tmp_path / "out"
    for _ in range(2):  # the second in the place of the first
        assert main(["playground", str(bundle), "--static", str(out), "--runtime", str(no_runtime)]) == 0
    for path in bundle.iterdir():
        assert (folder_in(out / "bundles") / path.name).read_bytes() == path.read_bytes()
    code = folder_in(out / "code")
    assert (code / "ort" / "ort.wasm").read_text() == "ort-wasm-simd-threaded.wasm"
    assert (code / "client" / "web.js").read_bytes() == (CLIENT / "lib" / "web.js").read_bytes()
    assert {path.name for path in out.iterdir()} == {"index.html", "playground.json", "code", "bundles"}
    linked = re.findall(r'="([^"]+\.(?:js|css|svg))"', (out / "index.html").read_text())
    assert len(linked) == 3
    assert all((out / address).is_file() for address in linked)
    assert str(tmp_path) not in (out / "playground.json").read_text()
    assert f"{out}: " in capsys.readouterr().out


def folder_in(folder: Path) -> Path:
    """The one folder in a folder."""
    (found,) = folder.iterdir()
    return found


def test_a_folder_with_something_else_is_not_replaced(tmp_path: Path, no_runtime: Path) -> None:
    site = make_site([str(write_bundle(tmp_path / "toy"))], no_runtime)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(MersalgError, match="holds something else than a playground"):
        write_site(site, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    assert not list(tmp_path.glob(".mine*"))


def test_without_the_runtime_the_command_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(tmp_path / "toy")
    assert main(["playground", str(bundle), "--runtime", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert f"`npm install onnxruntime-web@{RUNTIME_VERSION}`" in told
    assert "--runtime" in told
    assert str(tmp_path) in told
    wanted = json.loads((CLIENT / "package.json").read_text())["devDependencies"]["onnxruntime-web"]
    assert wanted == RUNTIME_VERSION


def test_a_damaged_bundle_is_not_shown(tmp_path: Path, no_runtime: Path) -> None:
    bundle = write_bundle(tmp_path / "toy")
    (bundle / "golden.json").write_text("{}")
    with pytest.raises(BundleError, match=r"golden\.json"):
        make_site([str(bundle)], no_runtime)


def test_the_server_gives_the_site_alone_and_to_this_machine_alone(
    tmp_path: Path, no_runtime: Path, serving: Serving
) -> None:
    bundle = write_bundle(tmp_path / "toy")
    (bundle / "secret.txt").write_text("of nobody's business")  # the manifest does not list it
    site = make_site([str(bundle)], no_runtime)
    place = {address.rpartition("/")[2]: f"/{address}" for address in site}
    with serving(site) as address:
        status, headers, body = asked(address, "/")
        assert (status, body) == (200, site["index.html"])
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert asked(address, place["scorer.onnx"])[2] == (bundle / "scorer.onnx").read_bytes()
        assert asked(address, place["ort.wasm"])[1]["Content-Type"] == "application/wasm"
        assert asked(address, place["app.js"])[1]["Content-Type"] == "text/javascript; charset=utf-8"
        for path in ("/bundles/../site.py", "/%2e%2e/site.py", "/etc/passwd", "//"):
            assert asked(address, path)[0] in (404, 200)
            assert asked(address, path)[2] != (HERE / "site.py").read_bytes()
        assert asked(address, place["scorer.onnx"].replace("scorer.onnx", "secret.txt"))[0] == 404
        assert asked(address, "/", host="shop.example:80")[0] == 421


def test_a_browser_keeps_code_for_good_and_asks_again_for_the_rest(
    tmp_path: Path, no_runtime: Path, serving: Serving
) -> None:
    site = make_site([str(write_bundle(tmp_path / "toy"))], no_runtime)
    with serving(site) as address:
        keeping = {path: asked(address, f"/{path}")[1]["Cache-Control"] for path in site}
    assert {path for path, kept in keeping.items() if "immutable" in kept} == {p for p in site if p.startswith("code/")}
    assert {kept for path, kept in keeping.items() if not path.startswith("code/")} == {"no-cache"}
    (no_runtime / "ort.wasm.bundle.min.mjs").write_text("newer")
    fresh = make_site([str(tmp_path / "toy")], no_runtime)
    assert not {p for p in site if p.startswith("code/")} & set(fresh), "other code has other addresses"


def test_the_policy_of_the_page_itself_is_that_of_the_server() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', (PAGE / "index.html").read_text())
    assert f"{policy}; frame-ancestors 'none'" == HEADERS["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy


def test_the_page_names_no_other_address_and_makes_no_html_of_text() -> None:
    for path in [*MODULES, PAGE / "index.html", PAGE / "style.css"]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        text = text.replace("http://127.0.0.1:8000/v1/recommend", "")
        assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bstyle=", text), path


def test_every_text_that_the_page_says_is_there_in_four_languages() -> None:
    source = (PAGE / "texts.js").read_text(encoding="utf-8")
    keys = set(re.findall(r'^  "?([\w.\- ]+?)"?: \[', source, re.MULTILINE))
    assert len(keys) > 80
    page = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "texts.js")
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    said = set(re.findall(r'\bt\("([^"]+)"', page)) | set(re.findall(r'data-(?:text|label)="([^"]+)"', html))
    assert said <= keys


def test_more_than_two_bundles_are_refused(tmp_path: Path, no_runtime: Path) -> None:
    with pytest.raises(MersalgError, match="at most 2 bundles, got 3"):
        make_site([str(tmp_path)] * 3, no_runtime)


def test_a_port_that_is_taken_is_named(tmp_path: Path, no_runtime: Path, serving: Serving) -> None:
    bundle = write_bundle(tmp_path / "toy")
    with serving(make_site([str(bundle)], no_runtime)) as address:
        port = urlsplit(address).port
        with pytest.raises(MersalgError, match=f"--port {port}: cannot listen there"):
            main_raising(bundle, no_runtime, port)


def main_raising(bundle: Path, runtime: Path, port: int | None) -> None:
    from mersalg.cli import make_parser

    words = ["playground", str(bundle), "--runtime", str(runtime), "--port", str(port)]
    args = make_parser("playground").parse_args(words)
    args.handler(args)
