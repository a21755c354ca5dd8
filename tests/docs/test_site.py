"""The site builds without a warning, holds what the code has, asks no other host, and is not too long."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import mersalg
from docs.page_run import missing
from docs.test_links import broken
from mersalg.cli import EXTRA_OF, OF_TRAINING, WITHOUT_OTHERS
from mersalg.errors import MersalgError
from mersalg_site.generated.errors import error_classes
from mersalg_site.links import follow_links
from mersalg_site.pages import read_pages
from mersalg_site.parts import parts_of
from mersalg_site.words import MAX_WORDS, outside_reference, words_by_part
from mersalg_training.config import Config
from mersalg_training.tuning.space import SPACE
from web.browser import result_of_page
from web.programs import MissingError, find_browser

ROOT = Path(__file__).parents[2]
OF_SPHINX = {"genindex", "search", "py-modindex"}
OF_LOADING = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("iframe", "src"),
    ("source", "src"),
    ("form", "action"),
}
LOOK = Path(__file__).with_name("look_at_site.html")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it."""
    out = tmp_path_factory.mktemp("site")
    ran = subprocess.run(
        [sys.executable, "-m", "mersalg_site", "--out", str(out)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "docs")},
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    return out / "html"


def text_of(page: Path) -> str:
    """The words of a built page, without its tags."""
    parser = Words()
    parser.feed(page.read_text(encoding="utf-8"))
    return " ".join(" ".join(parser.words).split())


class Words(HTMLParser):
    """Collects texts and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loaded: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value for name, value in attrs if (tag, name) in OF_LOADING and value]


@pytest.mark.slow
def test_llms_text_lists_every_page_once_and_each_link_resolves(site: Path) -> None:
    listed = re.findall(r"^- \[.+?\]\((\S+)\.md\)", (site / "llms.txt").read_text(encoding="utf-8"), re.MULTILINE)
    pages = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert sorted(listed) == sorted(pages - OF_SPHINX)
    assert [name for name in listed if not (site / f"{name}.md").is_file()] == []


@pytest.mark.slow
def test_every_link_of_every_twin_leads_somewhere(site: Path) -> None:
    twins = [path for path in site.rglob("*.md") if (site / path.relative_to(site).with_suffix(".html")).exists()]
    assert len(twins) > 40
    assert {str(twin.relative_to(site)): links for twin in twins if (links := broken(twin))} == {}
    assert [twin.name for twin in twins if re.search(r"^```\{|^<!--", twin.read_text("utf-8"), re.MULTILINE)] == []


@pytest.mark.slow
def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    foreign = []
    for page in site.rglob("*.html"):
        parser = Words()
        parser.feed(page.read_text(encoding="utf-8"))
        foreign += [(page.name, value) for value in parser.loaded if re.match(r"(https?:)?//", value)]
    for style in site.rglob("*.css"):
        foreign += [
            (style.name, url) for url in re.findall(r"url\(\s*['\"]?((?:https?:)?//[^)]*)", style.read_text("utf-8"))
        ]
    assert foreign == []


@pytest.mark.slow
def test_every_command_and_every_option_is_in_the_reference(site: Path) -> None:
    text = text_of(site / "reference" / "commands.html")
    commands = {*WITHOUT_OTHERS, *EXTRA_OF, *OF_TRAINING} - {"--version"}
    assert [command for command in sorted(commands) if f"mersalg {command} " not in text] == []
    sources = [path.read_text("utf-8") for part in ("serving", "training") for path in (ROOT / part).rglob("*.py")]
    options = set(re.findall(r"add_argument\(\s*\"(--[a-z-]+)\"", "\n".join(sources))) - {"--version"}
    assert len(options) > 60
    assert [option for option in sorted(options) if option not in text] == []


@pytest.mark.slow
def test_every_key_is_in_the_reference_with_its_default(site: Path) -> None:
    rows = tables_of((site / "reference" / "keys.md").read_text(encoding="utf-8"))
    assert rows["", "seed"] == "`7`"
    assert rows["ranker", "kind"] == '`"lightgbm"`'
    assert rows["data", "orders"] == "required"
    assert rows["contract", "fee_pattern"] == "below"
    assert set(rows) == set(keys(Config, ""))
    text = (site / "reference" / "keys.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{one.key}` | {one.low:g} | {one.high:g} | {one.scale} |" for one in SPACE) in text


def tables_of(text: str) -> Mapping[tuple[str, str], str]:
    """Section and key -> the default beside it, of the page of keys."""
    found, section = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = "" if line == "## Of the whole job" else line.removeprefix("## ")
        elif row := re.match(r"\| `([a-z_-]+)` \| (.*?) \| .* \| \S.* \|$", line):
            found[section, row[1]] = row[2]
    return found


def keys(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    """Each key of a job with the section that it stands in; what a kind is wanted in stands once for all kinds."""
    for name, field in section.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        models = [one for one in inner if issubclass(one, BaseModel)]
        if models:
            yield from keys(models[0], "thresholds.KIND" if prefix else name)
        else:
            yield prefix, field.alias or name


@pytest.mark.slow
def test_every_error_has_a_place_of_its_own_with_cause_and_cure(site: Path) -> None:
    page = (site / "reference" / "errors.html").read_text(encoding="utf-8")
    twin = (site / "reference" / "errors.md").read_text(encoding="utf-8")
    names = classes_in_the_source()
    assert {"MersalgError", "BundleError", "CallError"} <= names
    for name in names:
        assert f'id="{name.lower()}"' in page
        (section,) = re.findall(rf"^## {name}$(.*?)(?=^## |\Z)", twin, re.MULTILINE | re.DOTALL)
        assert re.search(r"\*\*Cause\.\*\* \w.*\*\*Cure\.\*\*\s+\S", section, re.DOTALL), name
    assert f"[`BundleError`](#bundleerror): {mersalg.BundleError.__doc__}" in twin


def classes_in_the_source() -> set[str]:
    """The names of errors, by what the sources say."""
    sources = [path for part in ("serving", "training") for path in (ROOT / part).rglob("*.py")]
    named = r"^class (\w+)\((?:Mersalg|Bundle|Registry|Request|Config|Data|Ledger)Error\)"
    found = {name for path in sources for name in re.findall(named, path.read_text("utf-8"), re.MULTILINE)}
    return {MersalgError.__name__, *found}


def test_errors_and_their_messages_are_read_from_the_source() -> None:
    classes = {one.name: one for one in error_classes()}
    assert set(classes) == classes_in_the_source()
    assert classes["NoBundleError"].base == "MersalgError"
    assert ("mersalg.child", "…: expected to load within … s, got no end") in classes["BundleError"].messages
    assert all(text.startswith("…") or ": expected " in text for _, text in classes["RequestError"].messages)


@pytest.mark.slow
def test_the_public_surface_is_in_the_reference_and_in_its_twin(site: Path) -> None:
    page = (site / "reference" / "api.html").read_text(encoding="utf-8")
    twin = (site / "reference" / "api.md").read_text(encoding="utf-8")
    names = [f"mersalg.{name}" for name in mersalg.__all__ if name != "__version__"]
    assert [name for name in names if f'id="{name}"' not in page] == []
    assert [name for name in names if f"`{name}" not in twin] == []
    assert str(mersalg.Recommender.recommend.__doc__).splitlines()[0] in twin


@pytest.mark.slow
def test_the_words_of_the_field_are_a_glossary(site: Path) -> None:
    page = (site / "reference" / "glossary.html").read_text(encoding="utf-8")
    assert 'id="term-anchor"' in page
    assert "| anchor | seed item |" in (site / "reference" / "glossary.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_in_a_browser_every_page_fits_a_phone_asks_this_host_alone_and_the_search_finds(site: Path) -> None:
    try:
        find_browser()
    except MissingError as error:
        missing(str(error))
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    look = site.parent / "look.html"
    look.write_text(LOOK.read_text(encoding="utf-8").replace("PAGES", str(pages)), encoding="utf-8")
    told: dict[str, Any] = result_of_page("look.html", {"look.html": look, "site": site}, 600)
    assert told["foreign"] == []
    assert told["wide"] == []
    assert told["errors"] == []
    assert any("glossary" in found for found in told["found"])


def test_the_parts_hold_every_page_once_and_no_more_words_than_people_read() -> None:
    pages = {page.name for page in read_pages(ROOT)}
    parts = parts_of((ROOT / "docs" / "index.md").read_text(encoding="utf-8"), pages)
    assert list(parts) == ["Tutorial", "How-to", "Explanation", "Reference"]
    assert sorted(name for names in parts.values() for name in names) == sorted(pages - {"index"})
    words = words_by_part(ROOT)
    assert outside_reference(words) <= MAX_WORDS, f"by part: {dict(words)}; shorten, or move what is looked up"


def test_links_lead_to_pages_to_copies_of_files_or_nowhere(tmp_path: Path) -> None:
    for name in ("docs/a.md", "docs/part/b.md", "models/README.md", "code.py", "empty/file"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    pages = {tmp_path / "docs/a.md": "a", tmp_path / "models/README.md": "reference/bundle"}
    changes = {
        "[a](../a.md#b)": "[a](../a.md#b)",
        "[`m`](../../models/README.md)": "[`m`](../reference/bundle.md)",
        "[m](../../models)": "[m](../reference/bundle.md)",
        "[c](../../code.py)": "[c](../files/code.py)",
        "[e](../../empty)": "e",
        "[o](/files/o)": "[o](../files/o)",
        "`[a](../../code.py)`": "`[a](../../code.py)`",
    }
    found, files = follow_links(" ".join(changes), tmp_path / "docs/part/b.md", "part/b", pages, tmp_path)
    assert found == " ".join(changes.values())
    assert files == {tmp_path / "code.py"}
