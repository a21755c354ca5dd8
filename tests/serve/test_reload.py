"""Claims about another bundle in the same place: whole ones are taken, wrong ones refused, none is mixed."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from attacks.graph_attacks import changed, division_at
from mersalg import BundleError, load
from mersalg_service.serve.app import make_service
from mersalg_service.serve.deployment import open_first
from mersalg_service.serve.live_bundle import LiveBundle, NoBundleError
from mersalg_service.serve.settings import Settings
from mersalg_service.serve.sources import FolderSource
from processes import wait_until
from serve.running import HONEY, honey_of, move_link, running, write_honey_bundle
from toy_bundle import rewrite


@pytest.fixture
def bundles(tmp_path: Path) -> tuple[Path, Path]:
    """Two bundles that answer differently."""
    return write_honey_bundle(tmp_path / "first", 0.02), write_honey_bundle(tmp_path / "second", 0.03)


def test_a_moved_link_changes_the_bundle(tmp_path: Path, bundles: tuple[Path, Path]) -> None:
    link = tmp_path / "link"
    move_link(link, bundles[0])
    with running(link) as service:
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.02
        move_link(link, bundles[1])
        wait_until(lambda: honey_of(service.call("POST", "/v1/score", HONEY)) == 0.03)
        assert service.call("GET", "/ready").json["refused"] is None


def test_a_folder_copied_over_in_place_is_taken_when_it_is_whole(bundles: tuple[Path, Path]) -> None:
    first, second = bundles
    with running(first) as service:
        shutil.copy2(second / "manifest.json", first)
        wait_until(lambda: service.call("GET", "/ready").json["refused"] is not None)
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.02
        shutil.copy2(second / "scorer.onnx", first)
        wait_until(lambda: service.call("GET", "/ready").json["refused"] is None)
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.03


@pytest.mark.parametrize("damage", ["flip", "golden", "gone"])
def test_a_wrong_bundle_is_refused_aloud_and_the_last_good_one_goes_on(
    bundles: tuple[Path, Path], damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = bundles
    with running(first) as service:
        if damage == "flip":
            (second / "scorer.onnx").write_bytes((second / "scorer.onnx").read_bytes()[:-1] + b"\0")
            shutil.copytree(second, first, dirs_exist_ok=True)
        elif damage == "golden":
            (first / "golden.json").write_text("{}")
        else:
            first.rename(first.with_name("away"))
        wait_until(lambda: service.call("GET", "/ready").json["refused"] is not None)
        ready = service.call("GET", "/ready")
        assert (ready.status, ready.json["ready"]) == (200, True)
        assert str(first) in ready.json["refused"]["error"]
        assert b"mersalg_bundle_refused 1.0" in service.call("GET", "/metrics").body
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.02
    said = [record for record in caplog.records if "no new bundle" in record.getMessage()]
    assert len(said) == len({record.getMessage() for record in said}), "each trouble is said once"


def test_a_bundle_that_ends_the_process_that_tries_it_ends_nothing_else(
    bundles: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hole = tmp_path / "hole" / "sitecustomize.py"  # in the child alone the walk lets a division pass
    hole.parent.mkdir()
    hole.write_text("import mersalg.bundle.onnx.graph as graph\ngraph.OPERATORS |= {'Div'}\n")
    first, second = bundles
    rewrite(second, "scorer.onnx", changed(division_at(3)))  # which a golden request asks for
    with running(first) as service:
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(hole.parent), *sys.path]))
        shutil.copytree(second, first, dirs_exist_ok=True)
        wait_until(lambda: "SIGFPE" in str(service.call("GET", "/ready").json["refused"]))
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.02


def test_a_refused_bundle_is_not_read_again_until_it_changes(bundles: tuple[Path, Path]) -> None:
    first, _ = bundles
    opened: list[Path] = []

    def count_and_open(folder: Path) -> object:
        opened.append(folder)
        raise BundleError("not this one")

    live = LiveBundle(FolderSource(first), count_and_open)  # type: ignore[arg-type]
    assert [live.check() for _ in range(3)] == ["refused"] * 3
    assert len(opened) == 1
    os.utime(first / "golden.json", (1, 1))  # a time of its own, however soon after the file was made
    assert live.check() == "refused"
    assert len(opened) == 2
    with pytest.raises(NoBundleError, match="not this one"):
        _ = live.current


def test_a_service_does_not_start_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere"):
        open_first(make_service(Settings(str(tmp_path / "nowhere"))).deployments)


def test_a_hundred_callers_at_once_never_see_two_bundles_in_one_answer(
    tmp_path: Path, bundles: tuple[Path, Path]
) -> None:
    link = tmp_path / "link"
    move_link(link, bundles[0])
    many = {**HONEY, "requests": HONEY["requests"] * 40}  # more than one run of the graph
    answers: list[tuple[str, set[float]]] = []
    ended = threading.Event()
    with running(link, check_seconds=0.01, most_waiting=200, open_bundle=load) as service:
        live = service.service.live

        def ask_on(_: int) -> None:
            while not ended.is_set():
                found = service.call("POST", "/v1/score", many)
                assert found.status == 200
                relevances = {round(a["offers"][0]["relevance"], 4) for a in found.json["answers"]}
                answers.append((found.json["bundle"], relevances))

        def answered() -> int:
            return sum(bundle == live.current.version for bundle, _ in answers)

        with ThreadPoolExecutor(100) as callers:
            calls = [callers.submit(ask_on, caller) for caller in range(100)]
            try:
                for turn in range(6):
                    before = live.current
                    move_link(link, bundles[1 - turn % 2])
                    wait_until(lambda: live.current is not before)  # noqa: B023
                    once_more = answered() + 1
                    wait_until(lambda: answered() >= once_more)  # noqa: B023
            finally:
                ended.set()
        for call in calls:
            call.result()
    seen: dict[str, set[float]] = {}
    for bundle, relevances in answers:
        seen.setdefault(bundle, set()).update(relevances)
    assert sorted(map(sorted, seen.values())) == [[0.02], [0.03]]


def test_a_damaged_deployment_file_is_said_and_the_look_for_bundles_goes_on(
    tmp_path: Path, bundles: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    link, file = tmp_path / "link", tmp_path / "deployment.json"
    move_link(link, bundles[0])
    with running(link, deployment_file=str(file)) as service:
        file.write_text("{")
        wait_until(lambda: "delete it to begin anew" in caplog.text)
        assert honey_of(service.call("POST", "/v1/score", HONEY)) == 0.02
        file.unlink()
        move_link(link, bundles[1])
        wait_until(lambda: honey_of(service.call("POST", "/v1/score", HONEY)) == 0.03)
