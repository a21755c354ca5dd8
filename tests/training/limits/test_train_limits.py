"""Claims: a job keeps its limits or says what gave way, in the bundle too; without limits the bundle is what it was."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from made_gauges import MadeGauges
from mersalg import ConfigError
from mersalg.bundle import read_bundle
from mersalg_training.train import Trained, train
from quick_job import QUICK, TalkativeRun
from small_shop import SmallShop, write_shop

SCHEMA = json.loads((Path(__file__).parents[3] / "models" / "bundle.schema.json").read_text())
OF_THE_JOB = {"created_at", "manifest_sha256", "files", "limits", "config"}
"""What two manifests of the same bundle may differ in."""


def job(
    shop: SmallShop, folder: Path, made: MadeGauges, limits: dict[str, float], **sections: dict[str, Any]
) -> tuple[Trained, str]:
    printed = io.StringIO()
    config = write_shop(shop, folder / "data", **({"limits": limits} if limits else {}), **QUICK | sections)
    return train(config, folder / "bundle", Console(file=printed, width=300), made.gauges()), printed.getvalue()


def manifest_of(trained: Trained) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((trained.bundle / "manifest.json").read_text())
    jsonschema.validate(manifest, SCHEMA, jsonschema.Draft202012Validator)
    read_bundle(trained.bundle)
    return manifest


@pytest.mark.slow
def test_limits_that_are_wide_enough_change_nothing_but_what_is_told_of_them(
    small_shop: SmallShop, tmp_path: Path
) -> None:
    made = MadeGauges(peak=10**9, latencies=[1.0])
    wide = {"minutes": 60.0, "memory_gb": 64.0, "milliseconds": 9.0}
    limited, printed = job(small_shop, tmp_path / "limited", made, wide)
    plain, said = job(small_shop, tmp_path / "plain", MadeGauges(), {})
    for name in ("scorer.onnx", "golden.json", "products.json", "patterns.json"):
        assert (limited.bundle / name).read_bytes() == (plain.bundle / name).read_bytes(), name
    ours, theirs = manifest_of(limited), manifest_of(plain)
    assert ours.keys() - theirs.keys() == {"limits"}
    assert "limits" not in theirs["config"]
    assert {**ours["config"], "limits": None} == {**theirs["config"], "limits": None} | {"data": ours["config"]["data"]}
    assert {k: v for k, v in ours.items() if k not in OF_THE_JOB} == {
        k: v for k, v in theirs.items() if k not in OF_THE_JOB
    }
    assert plain.limits is None
    assert "Limits" not in (plain.bundle / "CARD.md").read_text()
    assert [word for word in ("Plan", "Gave way", "Timing") if word in said] == []
    assert "Plan      about" in printed
    assert {name: told["kept"] for name, told in ours["limits"].items() if name != "gave_way"} == dict.fromkeys(
        wide, True
    )


@pytest.mark.slow
def test_what_gave_way_stands_in_the_manifest_on_the_card_and_in_the_run(
    small_shop: SmallShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TalkativeRun("tracked")
    monkeypatch.setattr("mersalg_training.train.open_run", lambda *_: contextlib.nullcontext(run))
    made = MadeGauges(peak=700_000_000, latencies=[3.0, 1.5])
    limits = {"minutes": 0.5, "memory_gb": 0.6, "milliseconds": 2.0}
    trained, printed = job(small_shop, tmp_path, made, limits, factors={"iterations": 6})
    told = manifest_of(trained)["limits"]
    gave_way = {one["setting"]: (one["value"], one["usual"]) for one in told["gave_way"]}
    assert gave_way["evaluation's requests"] == ("125", "500")
    assert gave_way["engine.memory"] == ("240MB", "half of what is available")
    assert gave_way["retrieve.new_candidates"] == ("12", "24")
    assert told["memory_gb"] == {
        "limit": 0.6, "taken": 0.7, "kept": False, "passed_in": "Reading and checking purchases"
    }  # fmt: skip
    assert told["milliseconds"] == {"limit": 2.0, "taken": 1.5, "kept": True}
    assert manifest_of(trained)["config"]["retrieve"]["new_candidates"] == 12
    assert manifest_of(trained)["graph"]["candidates"] < 10 + 24
    card = (trained.bundle / "CARD.md").read_text()
    assert "- NOT KEPT: 0.7 of 0.6 GB of memory, passed in 'Reading and checking purchases'" in card
    assert "- gave way: retrieve.new_candidates: 12 instead of 24, for limits.milliseconds = 2: 3.00 ms" in card
    assert "'gave_way.evaluations_requests': '125 instead of 500'" in run.told
    assert "'limits/memory_gb': 0.7" in run.told
    assert "'limits.minutes': 0.5" in run.told
    assert printed.count("Fitting the first score") == 2  # and nothing was counted again
    assert printed.count("Counting purchases") == 1
    assert made.timed == [200, 200, 200]


def test_a_scorer_that_stays_too_slow_leaves_no_bundle(small_shop: SmallShop, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"limits\.milliseconds"):
        job(small_shop, tmp_path, MadeGauges(latencies=[7.0]), {"milliseconds": 1.0})
    assert not (tmp_path / "bundle").exists()
