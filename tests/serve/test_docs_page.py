"""Claims about `/docs`: the whole interface, readable without a key, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mersalg_service.serve.interface.docs_page import docs_page
from mersalg_service.serve.settings import Keys
from serve.running import Running, running


class Links(HTMLParser):
    """What a page names: tags, ids and addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.addresses: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        self.ids |= {str(named["id"])} if "id" in named else set()
        self.addresses |= {str(named[name]) for name in ("href", "src", "action", "data") if name in named}


def test_the_page_has_every_path_and_schema_and_loads_nothing(service: Running) -> None:
    answered = service.call("GET", "/docs")
    assert answered.status == 200
    assert answered.headers["content-type"] == "text/html; charset=utf-8"
    page, document = answered.body.decode(), service.call("GET", "/openapi.json").json
    for path in document["paths"]:
        assert f" {path}</code></h2>" in page
    links = Links(page)
    assert links.ids == set(document["components"]["schemas"])
    assert {link for link in links.addresses if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in links.addresses if link.startswith("#")} <= links.ids
    assert not links.tags & {"script", "link", "img", "iframe", "object", "embed"}
    assert "http" not in page.replace("HTTP", "")


def test_the_policy_of_the_page_lets_its_own_style_through_and_nothing_else(service: Running) -> None:
    answered = service.call("GET", "/docs")
    styles = re.findall(r"<style>(.*?)</style>", answered.body.decode(), re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in styles]
    assert len(digests) == 1
    policy = answered.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digests[0]}';")
    assert "script" not in policy


def test_the_page_needs_no_key_and_other_methods_are_refused(toy_folder: Path) -> None:
    with running(toy_folder, Keys(frozenset({"k" * 20}), "")) as service:
        assert service.call("GET", "/docs").status == 200
        refused = service.call("POST", "/docs")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("place", ["title", "description", "field"])
def test_what_the_document_says_is_text_and_no_markup(place: str) -> None:
    evil = "<script>alert(1)</script>"
    said = {name: evil if name == place else name for name in ("title", "description", "field")}
    document = {
        "info": {"title": said["title"], "description": said["description"]}, "paths": {},
        "components": {"schemas": {"A": {"properties": {said["field"]: {"type": "string"}}}}},
    }  # fmt: skip
    assert "script" not in Links(docs_page(document)).tags
