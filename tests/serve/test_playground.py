"""Claims about the playground of a service: off unless asked for, open to the admin key alone, of what answers."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest

from mersalg.cli import main
from mersalg_service.playground.server import HEADERS
from mersalg_service.playground.site import RUNTIME
from mersalg_service.serve.settings import ADMIN_VARIABLE, KEYS_VARIABLE, Keys
from processes import wait_until
from serve.running import Running, move_link, running, write_honey_bundle

KEY, ADMIN = "k" * 20, "a" * 20
KEYS = Keys(frozenset({KEY}), ADMIN)


def basic(password: str, user: str = "anyone") -> str:
    """What a browser sends for a user and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder with the names of onnxruntime-web's files."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in RUNTIME.values():
        (folder / name).write_text(name)
    return folder


def opened(service: Running, path: str, **headers: str) -> Any:
    """A file of the playground, for the admin."""
    return service.call("GET", f"/playground/{path}", Authorization=basic(ADMIN), **headers)


def bundle_of(service: Running) -> str:
    """Where a page that is opened now finds its bundle."""
    (bundle,) = opened(service, "playground.json").json["bundles"]
    return str(bundle["address"])


def test_it_is_not_there_unless_it_is_asked_for(toy_folder: Path) -> None:
    with running(toy_folder, Keys(frozenset(), ADMIN)) as service:
        for path in ("/playground", "/playground/", "/playground/playground.json"):
            assert service.call("GET", path, Authorization=basic(ADMIN)).status == 404


def test_it_opens_to_the_admin_key_alone(toy_folder: Path, dist: Path) -> None:
    with running(toy_folder, KEYS, playground=str(dist)) as service:
        for wrong in ("", basic(KEY), basic(ADMIN[:-1]), basic("", ADMIN), "Basic ?", "Basic YQ==", f"Bearer {KEY}"):
            refused = service.call("GET", "/playground/", Authorization=wrong)
            assert (refused.status, refused.json["title"]) == (401, "Unauthorized")
            assert refused.headers["www-authenticate"].startswith("Basic realm=")
            assert refused.headers["content-type"] == "application/problem+json"
        for right in (basic(ADMIN), basic(ADMIN, ""), f"Bearer {ADMIN}"):
            assert service.call("GET", "/playground/", Authorization=right).status == 200
        assert service.call("GET", f"/playground/?key={ADMIN}").status == 401


def test_what_a_browser_remembers_changes_nothing(toy_folder: Path, dist: Path) -> None:
    with running(toy_folder, KEYS, playground=str(dist)) as service:
        for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/rollback")):
            assert service.call(method, f"/v1/deployment{path}", Authorization=basic(ADMIN)).status == 401


def test_it_gives_the_page_and_the_whole_bundle_and_nothing_else(toy_folder: Path, dist: Path) -> None:
    with running(toy_folder, KEYS, playground=str(dist), rate=0.001) as service:
        page = opened(service, "")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert {name: page.headers[name.lower()] for name in HEADERS} == HEADERS
        place = bundle_of(service)
        for file in toy_folder.iterdir():
            assert opened(service, place + file.name).body == file.read_bytes()
        for path in ("nothing.js", f"{place}../../etc/passwd", "%2e%2e/site.py", f"{place}toy.txt"):
            assert (opened(service, path).status, opened(service, path).json["status"]) == (404, 404)
        head = service.call("HEAD", f"/playground/{place}scorer.onnx", Authorization=basic(ADMIN))
        size = (toy_folder / "scorer.onnx").stat().st_size
        assert (head.status, head.headers["content-length"], head.body) == (200, str(size), b"")
        assert service.call("POST", "/playground/", Authorization=basic(ADMIN)).headers["allow"] == "GET, HEAD"
        led = service.call("GET", "/playground", Authorization=basic(ADMIN))
        assert (led.status, led.headers["location"]) == (308, "./playground/")


def test_a_fresh_page_is_of_the_bundle_that_answers_now(tmp_path: Path, dist: Path) -> None:
    link = tmp_path / "link"
    first, second = (write_honey_bundle(tmp_path / name, of) for name, of in (("first", 0.02), ("second", 0.03)))
    move_link(link, first)
    with running(link, KEYS, playground=str(dist)) as service:
        before = bundle_of(service)
        move_link(link, second)
        wait_until(lambda: bundle_of(service) != before)
        now = bundle_of(service)
        assert opened(service, f"{now}scorer.onnx").body == (second / "scorer.onnx").read_bytes()
        assert opened(service, f"{before}scorer.onnx").status == 404, "no page mixes two bundles"


def test_a_refused_bundle_is_not_shown_in_the_place_of_the_one_that_answers(tmp_path: Path, dist: Path) -> None:
    first, second = (write_honey_bundle(tmp_path / name, of) for name, of in (("first", 0.02), ("second", 0.03)))
    with running(first, KEYS, playground=str(dist), check_seconds=3600) as service:
        shutil.copytree(second, first, dirs_exist_ok=True)  # which the service has not looked at
        refused = opened(service, "")
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        assert "holds another bundle than the one that answers" in refused.json["detail"]


def test_without_an_admin_key_the_command_says_what_to_set(
    toy_folder: Path, dist: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, KEY)
    monkeypatch.delenv(ADMIN_VARIABLE, raising=False)
    assert main(["serve", str(toy_folder), "--playground", "--runtime", str(dist)]) == 2
    assert f"set {ADMIN_VARIABLE}" in capsys.readouterr().err
