from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mersalg.errors import MersalgError
from mersalg_training.evaluation.file import NAME, evaluation_document
from mersalg_training.report.frames import framed
from mersalg_training.report.page import render, render_pair
from mersalg_training.report.subject import read_subject
from report.evidence import EVALUATION, full_manifest, write_full_bundle
from report.page_reader import read_page
from toy_bundle import rewrite, write_manifest

ODD = st.sampled_from([None, -1, 0, 1.5, 10**400, "", "<b>", [], {}, [None], {"a": None}, True, "2017-13-45", "9" * 99])
MANIFEST: dict[str, Any] = full_manifest() | {"metrics": EVALUATION.metrics()}
DOCUMENT = evaluation_document(MANIFEST, EVALUATION)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_full_bundle(tmp_path_factory.mktemp("damaged") / "toy")


def paths(document: Any, under: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value of a document."""
    if isinstance(document, dict | list):
        inner = document.items() if isinstance(document, dict) else enumerate(document)
        return [under, *(path for key, value in inner for path in paths(value, (*under, key)))]
    return [under]


def damaged(document: Any, path: tuple[Any, ...], value: Any, remove: bool) -> Any:
    """The document with another value at a place, or without it."""
    changed = copy.deepcopy(document)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    if remove:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return changed


@settings(max_examples=60)
@given(path=st.sampled_from([path for path in paths(MANIFEST) if path]), value=ODD, remove=st.booleans())
def test_any_key_of_a_manifest_may_be_odd_or_missing_and_there_is_a_page_or_a_refusal(
    bundle: Path, path: tuple[Any, ...], value: Any, remove: bool
) -> None:
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    written = damaged(MANIFEST, path, value, remove)
    write_manifest(bundle, written | {"files": files})
    with contextlib.suppress(MersalgError):
        subject = read_subject(bundle)
        event("a page")
        for text in (render(subject), render_pair(subject, subject)):
            assert "<b>" not in text
            read_page(text)
        read_page(framed(subject)._repr_html_())


@settings(max_examples=60)
@given(path=st.sampled_from([path for path in paths(DOCUMENT) if path]), value=ODD, remove=st.booleans())
def test_any_key_of_an_evaluation_may_be_odd_or_missing_and_there_is_a_page_or_a_refusal(
    bundle: Path, path: tuple[Any, ...], value: Any, remove: bool
) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    write_manifest(bundle, MANIFEST | {"files": manifest["files"]})
    document = damaged(evaluation_document(MANIFEST | {"files": manifest["files"]}, EVALUATION), path, value, remove)
    found = bundle.parent / "found.json"
    found.write_text(json.dumps(document))
    rewrite(bundle, NAME, found.read_bytes())
    for given_file in (found, None):
        with contextlib.suppress(MersalgError):
            subject = read_subject(bundle, given_file)
            event("a page")
            text = render(subject) + framed(subject)._repr_html_()
            assert "<b>" not in text
            read_page(text)
