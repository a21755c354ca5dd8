"""Claims: an updated bundle is what a full counting makes of it, with the trees of its parent."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mersalg
from grown_shop import KeptShop
from mersalg.bundle import read_bundle
from mersalg.cli import main
from mersalg_training.drift.scorer import parse, without_replaced
from mersalg_training.update import job
from mersalg_training.update.state import next_of, open_state, place_of

UNTRACKED = ("--set", "tracking.enabled=false")
KILLED = """
import os, signal, sys
from mersalg.cli import main
from mersalg_training.export.writer import BundleWriter
put_in_place = BundleWriter.put_in_place
def killed(self):
    if sys.argv[1] == "behind":
        put_in_place(self)
    os.kill(os.getpid(), signal.SIGKILL)
BundleWriter.put_in_place = killed
main(sys.argv[2:])
"""


def update(bundle: Path, out: Path, *more: str) -> int:
    """The exit status of the command."""
    return main(["update", str(bundle), "--out", str(out), *UNTRACKED, *more])


def manifest_of(bundle: Path) -> dict[str, Any]:
    return json.loads((bundle / "manifest.json").read_text("utf-8"))


def test_tables_are_of_today_and_trees_as_they_were(
    kept_shop: KeptShop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, first, second = kept_shop.bundle, tmp_path / "first", tmp_path / "second"
    assert update(bundle, first, "--orders", kept_shop.day(0)) == 0
    told = capsys.readouterr().out
    assert "Recounted" not in told
    assert "the training took" in told
    assert update(first, second, "--orders", kept_shop.day(1)) == 0

    # In one go, with every pair counted anew: the very same bytes but for calibration, whose requests others scored.
    monkeypatch.setattr(job, "MANY", 0.0)
    at_once, both = tmp_path / "at-once", tmp_path / "both"
    both.mkdir()
    for number in (0, 1):
        shutil.copy(kept_shop.day(number), both)
    assert update(bundle, at_once, "--orders", str(both)) == 0
    assert "Recounted " in capsys.readouterr().out
    days, once = (without_replaced(parse((folder / "scorer.onnx").read_bytes())) for folder in (second, at_once))
    assert days == once

    old, new = manifest_of(bundle), manifest_of(second)
    assert all(new[name] == old[name] for name in ("features", "importance"))
    lineage = new["lineage"]
    assert (lineage["made_by"], lineage["updates"], lineage["recounted"]) == ("update", 2, None)
    assert lineage["parent"]["lineage"] is None
    assert new["windows"]["test_from"] == new["windows"]["to"] == lineage["to"] == "2024-07-21T00:00:00"
    mersalg.load(second)
    assert "## Updated" in (second / "CARD.md").read_text("utf-8")
    assert main(["report", str(second), "--out", str(tmp_path / "report.html")]) == 0


def test_the_state_is_for_its_owner_and_no_customer_is_in_the_bundle(kept_shop: KeptShop, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert update(kept_shop.bundle, out, "--orders", kept_shop.day(0)) == 0
    state = place_of(out)
    assert state.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in state.iterdir()} == {0o600}
    assert all(b"customer-0" not in file.read_bytes() for file in out.iterdir())


def test_who_wants_to_be_forgotten_is_in_no_file(kept_shop: KeptShop, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text("customer-007\n\n")
    assert update(kept_shop.bundle, kept_shop.bundle, "--forget", str(ids)) == 0
    assert manifest_of(kept_shop.bundle)["lineage"]["added"]["forgotten"] == 1
    assert all(b"customer-007" not in file.read_bytes() for file in place_of(kept_shop.bundle).iterdir())


def test_what_cannot_be_added_to_is_refused(
    kept_shop: KeptShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, out, orders = kept_shop.bundle, tmp_path / "out", ("--orders", kept_shop.day(0))

    def refused(*more: str) -> str:
        assert update(bundle, out, *more) == 2
        assert not out.exists()
        return capsys.readouterr().err

    assert "contract.duplicate" in refused(*orders, "--set", "contract.duplicate=keep")
    assert "expected --orders PATH, --forget FILE, or both" in refused()
    assert "holds no order that is not kept already" in refused("--orders", str(kept_shop.folder / "past.parquet"))
    state = place_of(bundle)
    assert "is not the state of" in refused(*orders, "--state", str(edited(state, tmp_path / "edited")))
    counts = next(state.glob("basket-*"))
    content = counts.read_bytes()
    counts.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert f"{counts}: is missing, or not as it was written" in refused(*orders)
    counts.unlink()
    assert f"{counts}: is missing, or not as it was written" in refused(*orders)
    shutil.rmtree(state)
    assert "found none" in refused(*orders)


def edited(state: Path, to: Path) -> Path:
    """A copy of a state whose manifest says another day."""
    shutil.copytree(state, to)
    manifest = json.loads((to / "manifest.json").read_text("utf-8"))
    (to / "manifest.json").write_text(json.dumps({**manifest, "to": "2024-07-18T00:00:00"}))
    return to


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_killed_update_leaves_a_bundle_with_its_state(kept_shop: KeptShop, when: str) -> None:
    """In place, right before and right behind the step that puts the new bundle there."""
    bundle = kept_shop.bundle
    arguments = ["update", str(bundle), "--orders", kept_shop.day(0), "--out", str(bundle), *UNTRACKED]
    killed = subprocess.run([sys.executable, "-c", KILLED, when, *arguments], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert next_of(place_of(bundle)).exists()

    manifest = read_bundle(bundle).manifest
    assert open_state(bundle, manifest).manifest["updates"] == ("lineage" in manifest) == (when == "behind")
    assert update(bundle, bundle, "--orders", kept_shop.day(1 if when == "behind" else 0)) == 0
    assert open_state(bundle, read_bundle(bundle).manifest).folder == place_of(bundle)
    left = {path.name for path in bundle.parent.iterdir() if path.suffix != ".lock"}
    assert left == {"bundle", "bundle.state"}
