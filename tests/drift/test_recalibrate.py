"""Claims: a newer calibration changes calibration and thresholds, names its parent, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import onnx
import pytest

import mersalg
from drift.later import END, Later
from mersalg import KINDS, BundleError
from mersalg.cli import main
from mersalg_training.drift.scorer import REPLACED, recalibrated_scorer
from mersalg_training.evaluation.file import evaluation_document
from mersalg_training.graph.calibration import Calibration
from report.evidence import EVALUATION
from small_shop import Line
from toy_bundle import rewrite, write_manifest

SCHEMA = json.loads((Path(__file__).parents[2] / "models" / "bundle.schema.json").read_text())

OF_THE_ORDER = {"test/next_basket.all/ndcg_at_10": 0.25}
METRICS = {**OF_THE_ORDER, "test/shown.every.every/precision": 0.25, "test/kept.upsell.all/bought": 0.25}


def less_often(lines: list[Line], share: float) -> list[Line]:
    """From the end of the bundle's data on, so much of the lines is of products that nobody buys otherwise."""
    random = np.random.default_rng(8)
    rare = ["camera-4", "torch-4", "toy-4", "juice-4", "soap-4"]
    return [
        line._replace(product_id=str(random.choice(rare)))
        if line.ordered_at >= END and random.random() < share
        else line
        for line in lines
    ]


@pytest.fixture(scope="module")
def parent(later: Later) -> Path:
    """The bundle, with an evaluation as a job writes it that holds back a test window."""
    folder = later.folder / "measured"
    shutil.copytree(later.bundle, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["metrics"] = METRICS
    write_manifest(folder, manifest)
    rewrite(folder, "evaluation.json", json.dumps(evaluation_document(manifest, EVALUATION)).encode())
    return folder


@pytest.fixture(scope="module")
def renewed(later: Later, parent: Path) -> Path:
    """The bundle, calibrated anew on days of which a third is bought otherwise."""
    out = later.folder / "renewed"
    orders = later.orders("less-often", less_often(later.shop.lines, 0.35))
    assert main(["recalibrate", str(parent), "--orders", orders, "--out", str(out)]) == 0
    return out


def constants(bundle: Path) -> dict[str, bytes]:
    model = onnx.load(bundle / "scorer.onnx")
    return {constant.name: constant.SerializeToString() for constant in model.graph.initializer}


def test_only_calibration_and_thresholds_change_in_the_scorer(later: Later, renewed: Path) -> None:
    before, after = constants(later.bundle), constants(renewed)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed
    assert changed <= set(REPLACED)
    old, new = onnx.load(later.bundle / "scorer.onnx"), onnx.load(renewed / "scorer.onnx")
    for model in (old, new):
        del model.graph.initializer[:]
    assert old == new


def test_without_thresholds_both_give_the_same_offers_in_the_same_order(later: Later, renewed: Path) -> None:
    requests = json.loads((later.bundle / "golden.json").read_text())["requests"]
    requests = [{**request, "kinds": list(KINDS), "limit": 30, "order": "relevance"} for request in requests]
    one, other = (mersalg.load(bundle).score(requests, threshold=False) for bundle in (later.bundle, renewed))
    relevance_moved = False
    for before, after in zip(one, other, strict=True):
        assert [(o.product_id, o.kind, o.score) for o in before] == [(o.product_id, o.kind, o.score) for o in after]
        relevance_moved |= [o.relevance for o in before] != [o.relevance for o in after]
    assert relevance_moved


def test_the_manifest_follows_the_schema_and_names_the_parent(parent: Path, renewed: Path) -> None:
    manifest = json.loads((renewed / "manifest.json").read_text())
    before = json.loads((parent / "manifest.json").read_text())
    jsonschema.validate(manifest, SCHEMA, jsonschema.Draft202012Validator)
    lineage = manifest["lineage"]
    assert lineage["made_by"] == "recalibrate"
    digest = hashlib.sha256((parent / "manifest.json").read_bytes()).hexdigest()
    assert lineage["parent"]["manifest_sha256"] == digest
    assert lineage["from"] == END.isoformat()
    assert manifest["name"] == before["name"]
    assert {c["from"] for c in manifest["certificates"]} <= {END.isoformat()}
    for key in ("data", "windows", "features", "vocabulary", "graph"):
        assert manifest[key] == before[key]
    assert manifest["files"]["products.json"] == before["files"]["products.json"]


def test_figures_of_the_parents_thresholds_are_not_the_renewed_bundles(renewed: Path) -> None:
    assert json.loads((renewed / "manifest.json").read_text())["metrics"] == OF_THE_ORDER


def test_what_it_promises_is_what_comes_where_the_parents_promise_does_not(
    later: Later, renewed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The parent said more than came; the new one, checked on the same days, is kept."""
    orders = later.orders("less-often", less_often(later.shop.lines, 0.35))
    arguments = ["--orders", orders, "--since", END.isoformat(), "--json"]
    main(["check", str(later.bundle), *arguments])
    before = json.loads(capsys.readouterr().out)
    main(["check", str(renewed), *arguments])
    after = json.loads(capsys.readouterr().out)
    assert not [finding for finding in after["findings"] if finding["rule"] in ("certificate", "calibration")]

    def gap(found: dict[str, list[dict[str, float]]]) -> float:
        shown = [kind for kind in found["kinds"] if kind["offers"]]
        came = [kind["precision"]["value"] for kind in shown]  # type: ignore[index]
        return max(abs(kind["promised"] - share) for kind, share in zip(shown, came, strict=True))

    assert gap(after) < gap(before)


def test_the_card_says_what_is_new_and_keeps_the_rest(parent: Path, renewed: Path) -> None:
    card = (renewed / "CARD.md").read_text(encoding="utf-8")
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert headings[0] == "## Recalibrated"
    before = (parent / "CARD.md").read_text(encoding="utf-8")
    assert [h for h in headings if h != "## Recalibrated"] == [h for h in before.splitlines() if h.startswith("## ")]
    assert "threshold before" in card
    assert "Measured on the parent. The order of the offers is the same; relevance and thresholds are not." in card
    assert "| mersalg | 0.3100 (0.2900 to 0.3300) |" in card


def test_it_carries_the_evaluation_of_its_parent_which_the_report_says(
    later: Later, parent: Path, renewed: Path
) -> None:
    assert (renewed / "evaluation.json").read_bytes() == (parent / "evaluation.json").read_bytes()
    before = json.loads((parent / "manifest.json").read_text())
    page = later.folder / "renewed.html"
    assert main(["report", str(renewed), "--out", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert f"Measured on small-shop of {before['created_at']}, from which it was recalibrated" in text
    assert "Relevance and thresholds are not those of the parent" in text


def test_a_parent_without_an_evaluation_makes_a_card_that_tells_none(later: Later, tmp_path: Path) -> None:
    out = tmp_path / "renewed"
    assert main(["recalibrate", str(later.bundle), "--orders", later.orders("older"), "--out", str(out)]) == 0
    assert not (out / "evaluation.json").exists()
    assert "None: the parent carries no evaluation." in (out / "CARD.md").read_text(encoding="utf-8")


def test_a_bundle_calibrated_anew_can_be_calibrated_again(later: Later, renewed: Path) -> None:
    out, page = later.folder / "again", later.folder / "again.html"
    orders = later.orders("for-again")
    assert main(["recalibrate", str(renewed), "--orders", orders, "--out", str(out)]) == 0
    lineage = json.loads((out / "manifest.json").read_text())["lineage"]
    assert lineage["parent"]["lineage"]["parent"]["name"] == "small-shop"
    assert (out / "CARD.md").read_text(encoding="utf-8").count("## Recalibrated") == 1
    assert main(["report", str(out), "--out", str(page)]) == 0
    assert "it ranks as its parent does" in page.read_text(encoding="utf-8")


def test_the_parent_is_never_overwritten_and_a_refusal_leaves_nothing(
    later: Later, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    orders = later.orders("refused-again")
    before = (later.bundle / "manifest.json").read_bytes()
    arguments = ["recalibrate", str(later.bundle), "--orders", orders, "--out"]
    assert main([*arguments, str(later.bundle)]) == 2
    assert "the way back" in capsys.readouterr().err
    assert (later.bundle / "manifest.json").read_bytes() == before
    out = tmp_path / "few"
    assert main([*arguments, str(out), "--requests", "3"]) == 2
    assert "expected at least 200 offers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_scorer_of_another_make_is_refused(later: Later) -> None:
    table = np.zeros((len(KINDS), 24), dtype=np.float32)
    model = onnx.load(later.bundle / "scorer.onnx")
    kept = [constant for constant in model.graph.initializer if constant.name != "calibration_slope"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    silent = dict.fromkeys(KINDS)
    with pytest.raises(BundleError, match="expected one constant 'calibration_slope', got 0"):
        recalibrated_scorer(model.SerializeToString(), Calibration(table, table, table), silent, "scorer.onnx")
    narrow = np.zeros((len(KINDS), 3), dtype=np.float32)
    whole = (later.bundle / "scorer.onnx").read_bytes()
    with pytest.raises(BundleError, match="calibration_score: expected float32 of shape"):
        recalibrated_scorer(whole, Calibration(narrow, narrow, narrow), silent, "scorer.onnx")
