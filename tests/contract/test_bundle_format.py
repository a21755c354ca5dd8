"""models/bundle.schema.json and the loader's own check accept and refuse the same manifests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mersalg import KINDS, MOMENTS, BundleError
from mersalg.bundle.manifest import check_manifest
from mersalg.bundle.onnx.graph import ML_OPERATORS, OPERATORS
from mersalg.bundle.onnx.inputs_outputs import INPUTS, OUTPUTS
from mersalg.offers import REASONS
from mersalg.requests import FIELDS
from mersalg_training.tables.counts import LeftOut
from toy_bundle import GOLDEN, build_scorer, make_manifest

SCHEMA = json.loads((Path(__file__).parents[2] / "models" / "bundle.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FILES = {"scorer.onnx": build_scorer().SerializeToString(), "products.json": b"{}", "CARD.md": b"",
         "golden.json": json.dumps(GOLDEN).encode()}  # fmt: skip


def changed(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    """A change that sets what the path names."""

    def change(manifest: Any) -> None:
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = to

    return change


DAMAGED = {
    "another format": changed("format", to="zip"),
    "another version": changed("format_version", to=1),
    "a version in words": changed("format_version", to="2"),
    "an empty name": changed("name", to=""),
    "a local time": changed("created_at", to="2017-06-02T00:00:00+02:00"),
    "a naive time": changed("created_at", to="2017-06-02T00:00:00"),
    "a number as run": changed("run_id", to=7),
    "a path as file": changed("files", "../secret", to={"sha256": "0" * 64, "size": 1}),
    "a manifest of a manifest": changed("files", "manifest.json", to={"sha256": "0" * 64, "size": 1}),
    "a short hash": changed("files", "CARD.md", "sha256", to="0" * 63),
    "a hash in capitals": changed("files", "CARD.md", "sha256", to="A" * 64),
    "a negative size": changed("files", "CARD.md", "size", to=-1),
    "no digest of itself": changed("manifest_sha256", to=None),
    "a digest of itself that is none": changed("manifest_sha256", to="0" * 63),
    "too many files": changed("files", to={f"f{n}": {"sha256": "0" * 64, "size": 1} for n in range(80)}),
    "another opset": changed("graph", "opset", to=22),
    "another ml opset": changed("graph", "ml_opset", to=4),
    "no candidates": changed("graph", "candidates", to=0),
    "half a product": changed("vocabulary", "products", to=1.5),
    "true as a count": changed("vocabulary", "brands", to=True),
    "a feature without a name": changed("features", to=[""]),
    "features as text": changed("features", to="price"),
    "another value": changed("value", to="profit"),
    "a value as a list": changed("value", to=["price"]),
    "a threshold above one": changed("kinds", "upsell", "threshold", to=1.2),
    "a threshold in words": changed("kinds", "upsell", "threshold", to="0.1"),
    "a wanted precision of null": changed("kinds", "upsell", "precision_wanted", to=None),
    "a certificate of no kind": changed("certificates", 0, "kind", to="downsell"),
    "a certificate on half an offer": changed("certificates", 0, "n", to=0.5),
    "a certificate from some day": changed("certificates", 0, "from", to="May"),
    "certificates by name": changed("certificates", to={}),
    "a metric in words": changed("metrics", "recall", to="good"),
    "a metric of null": changed("metrics", "recall", to=None),
    "rejects in words": changed("data", "rejected", "duplicate", to="three"),
    "a day with a time": changed("data", "from", to="2017-01-01T00:00:00"),
    "a week as a day": changed("data", "to", to="2017-W01-1"),
    "a window from some day": changed("windows", "test_from", to="2017-05-15"),
    "a config in words": changed("config", to="trees = 100"),
}


def refusal_of_loader(manifest: Any) -> str:
    """What the loader says; nothing when it accepts."""
    try:
        check_manifest(manifest, "manifest.json")
    except BundleError as error:
        return str(error)
    return ""


def holds_for_both(manifest: Any) -> bool:
    """Whether the schema and the loader accept it; they agree."""
    by_loader = refusal_of_loader(manifest)
    by_schema = "; ".join(error.message for error in VALIDATOR.iter_errors(manifest))
    assert bool(by_loader) == bool(by_schema), f"the loader says: {by_loader!r}, the schema: {by_schema!r}"
    return not by_loader


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_whole_manifest_holds() -> None:
    assert holds_for_both(make_manifest(FILES))


@pytest.mark.parametrize("value", ["margin", "price", None])
def test_the_value_may_be_told(value: str | None) -> None:
    manifest = make_manifest(FILES)
    assert holds_for_both({**manifest, "value": value})
    del manifest["value"]
    assert holds_for_both(manifest)


def test_what_too_few_customers_know_may_be_told_as_the_tables_count_it() -> None:
    left_out = asdict(LeftOut(*range(len(fields(LeftOut)))))
    manifest = make_manifest(FILES)
    assert holds_for_both({**manifest, "privacy": {"min_customers": 5, "left_out": left_out}})
    assert not holds_for_both({**manifest, "privacy": {"min_customers": 0, "left_out": left_out}})
    for name in left_out:
        missing = {key: n for key, n in left_out.items() if key != name}
        for wrong in (missing, {**left_out, name: -1}, {**left_out, name: "many"}):
            assert not holds_for_both({**manifest, "privacy": {"min_customers": 5, "left_out": wrong}})


@pytest.mark.parametrize("key", ["reference", "lineage"])
def test_what_a_check_needs_may_be_told_as_an_object(key: str) -> None:
    manifest = make_manifest(FILES)
    assert holds_for_both({**manifest, key: {"from": "2026-01-01"}})
    assert not holds_for_both({**manifest, key: "2026-01-01"})


def test_keys_of_a_later_writer_are_left_alone() -> None:
    manifest = make_manifest(FILES)
    manifest["graph"]["nodes"] = 180
    manifest["signature"] = None
    manifest["files"]["report.html"] = {"sha256": "0" * 64, "size": 1, "role": "report"}
    assert holds_for_both(manifest)


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_manifest_is_refused(damage: str) -> None:
    manifest = make_manifest(FILES)
    DAMAGED[damage](manifest)
    assert not holds_for_both(manifest)


REQUIRED = [
    *[(key,) for key in SCHEMA["required"]],
    *[("files", name) for name in SCHEMA["properties"]["files"]["required"]],
    *[(part, key) for part in ("graph", "vocabulary", "data", "windows", "kinds")
      for key in SCHEMA["properties"][part]["required"]],
    *[("kinds", kind, key) for kind in KINDS for key in SCHEMA["$defs"]["kind"]["required"]],
    *[("certificates", 0, key) for key in SCHEMA["properties"]["certificates"]["items"]["required"]],
]  # fmt: skip


@pytest.mark.parametrize("path", REQUIRED, ids=lambda path: ".".join(map(str, path)))
def test_a_manifest_without_a_required_key_is_refused(path: tuple[Any, ...]) -> None:
    manifest: Any = make_manifest(FILES)
    owner = manifest
    for key in path[:-1]:
        owner = owner[key]
    del owner[path[-1]]
    assert not holds_for_both(manifest)


@pytest.mark.parametrize("document", [None, [], "bundle", 1])
def test_what_is_no_object_is_refused(document: Any) -> None:
    assert not holds_for_both(document)


def test_the_specification_names_what_the_loader_allows() -> None:
    text = (Path(__file__).parents[2] / "models" / "README.md").read_text()
    listed = text[text.index("Operators: ") : text.index("None of them is random")].replace("Operators: ", "")
    plain, learned = listed.split("and of `ai.onnx.ml`:")
    assert set(plain.replace("`", "").replace(",", "").split()) == OPERATORS
    assert set(learned.replace("`", "").replace(".", "").split()) == ML_OPERATORS
    for position, name in [*enumerate(KINDS), *enumerate(MOMENTS)]:
        assert f"| {position} | `{name}` |" in text
    for name in [*INPUTS, *OUTPUTS, *REASONS, *FIELDS]:
        assert f"| `{name}` |" in text
