"""Quality over shops: verdicts follow the paired intervals; a second run does nothing; a kill leaves nothing half."""

from __future__ import annotations

import importlib
import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mersalg_training.tuning.tuned_file import tuned_toml
from processes import killed_before
from quick_job import QUICK
from small_shop import make_shop, write_shop

HISTORIES = Path(__file__).parents[2] / "benchmarks" / "histories"
QUERIES = "20"


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    """A module of benchmarks/histories by its name."""
    sys.path.insert(0, str(HISTORIES))
    yield importlib.import_module
    sys.path.remove(str(HISTORIES))


def estimate(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": 60}


def document(*tasks: tuple[str, dict[str, float], dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """An evaluation's file of tasks: label, method -> NDCG, the difference to the best rival, the ratio to it."""
    rows, differences, ceilings = [], [], []
    for task, methods, difference, ratio in tasks:
        for method, value in methods.items():
            row = {"task": task, "method": method, "metric": "NDCG@10", **estimate(value, value - 0.1, value + 0.1)}
            rows += [row, {**row, "metric": "recall@10", "value": 1.0}]
            if method != "mersalg":
                best = value == max(v for name, v in methods.items() if name != "mersalg")
                told = (difference, ratio) if best else (estimate(9.0, 9.0, 9.0), estimate(9.0, 9.0, 9.0))
                differences.append({"task": task, "rival": method, "metric": "NDCG@10", **told[0], "ratio": told[1]})
        ceilings.append({"task": task, "method": "oracle over candidates", "metric": "NDCG@10", "value": 0.9})
    kept = {"kind": "upsell", "offers": 80, "promised": 0.2, "came": estimate(0.1, 0.0, 0.2)}
    kept |= {"error": 0.1, "error_by_chance": 0.02}
    return {
        "rows": rows,
        "differences": differences,
        "ceilings": ceilings,
        "kept": [{**kept, "group": "all"}, {**kept, "group": "first place", "promised": 0.9}],
        "skipped": {"BPR": "no customer is known", "SAR": "no customer is known"},
    }


DOCUMENT = document(
    (
        "next basket, all",
        {"mersalg": 0.4, "popularity": 0.1, "ALS": 0.2},
        estimate(0.2, 0.1, 0.3),
        estimate(2.0, 1.5, 2.6),
    ),
    ("upsell", {"mersalg": 0.3, "popularity": 0.5}, estimate(-0.2, -0.3, -0.1), estimate(0.6, 0.5, 0.7)),
    ("add-on", {"mersalg": 0.3, "popularity": 0.25}, estimate(0.05, -0.1, 0.2), estimate(1.2, 0.9, 1.9)),
    ("cold start", {"mersalg": 0.1, "popularity": 0.0}, estimate(0.1, 0.05, 0.2), estimate(None, None, None)),
)


def test_each_task_is_judged_against_its_own_best_baseline_by_the_paired_interval(module: Any) -> None:
    found = module("verdicts").read_result("shop", DOCUMENT)
    assert [(t.task, t.best, t.verdict) for t in found.tasks] == [
        ("next basket, all", "ALS", "surely ahead"),
        ("upsell", "popularity", "surely behind"),
        ("add-on", "popularity", "level"),
        ("cold start", "popularity", "surely ahead"),
    ]
    assert [t.ratio and t.ratio.value for t in found.tasks] == [2.0, 0.6, 1.2, None]
    assert {t.ceiling for t in found.tasks} == {0.9}
    [kind] = found.kinds
    assert (kind.kind, kind.promised, kind.error, kind.error_by_chance) == ("upsell", 0.2, 0.1, 0.02)


def test_totals_count_tasks_over_all_shops(module: Any) -> None:
    verdicts: ModuleType = module("verdicts")
    other = document(("upsell", {"mersalg": 0.1, "ALS": 0.2}, estimate(-0.1, -0.2, -0.05), estimate(0.5, 0.3, 0.8)))
    found = verdicts.as_document([verdicts.read_result("a", DOCUMENT), verdicts.read_result("b", other)])
    assert found["totals"] == {
        "tasks": 5, "surely_ahead": 2, "surely_behind": 2, "clear_leads": 3, "median_ratio": pytest.approx(0.9),
    }  # fmt: skip
    assert [each["totals"]["surely_behind"] for each in found["sets"]] == [1, 1]
    json.dumps(found, allow_nan=False)


def test_the_page_has_a_row_for_each_task_and_the_picture_is_a_png(module: Any) -> None:
    results = [module("verdicts").read_result("shop", DOCUMENT)]
    text = module("ratio_page").page(results, "abc1234", 2000)
    assert "| shop | 4 | 2 (50 %) | 1 (25 %) | 3 (75 %) | 1.20 |" in text
    assert "| upsell | 60 | 0.300 | 0.500 popularity | 0.60 (0.50 to 0.70) | surely behind | 0.900 |" in text
    assert "| cold start | 60 | 0.100 | 0.000 popularity | baseline at zero | surely ahead | 0.900 |" in text
    assert "| upsell | 80 | 0.200 | 0.100 (0.000 to 0.200) | 0.100 | 0.020 |" in text
    assert "abc1234" in text
    assert "Not fitted: BPR, SAR; no customer is known." in text
    assert module("forest").draw_ratios(results).startswith(b"\x89PNG")


def test_what_is_made_lies_under_the_code_the_configuration_and_the_purchases(module: Any, tmp_path: Path) -> None:
    steps: ModuleType = module("steps")
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "orders.csv").write_text("order_id\n1\n")
    places = []

    def place(code: str = "code") -> None:
        [history] = [each for each in steps.find_histories(tmp_path) if each.name == "shop"]
        places.append(steps.place_of(history, Path("out"), code))

    place()
    place()
    assert len(set(places)) == 1
    place("other code")
    for name in ("orders.csv", "products.csv", "config.toml"):
        (shop / name).write_text("other")
        place()
    assert len(set(places)) == 5


def arguments(folder: Path) -> list[str]:
    return [str(folder / "shops"), "--sets", "tiny", "--queries", QUERIES, "--out", str(folder / "out")]


def finished(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a run that ends well says on stderr."""
    monkeypatch.setattr(sys, "argv", ["benchmarks/histories", *arguments(folder)])
    status = runpy.run_path(str(HISTORIES / "__main__.py"))["main"]()
    said = capsys.readouterr().err
    assert status == 0, said
    return said


def write_tiny_shop(folder: Path) -> None:
    """Half of the small shop's customers, for 90 days, and a configuration of its own."""
    shop = make_shop(days=90)
    shop = shop.with_lines([line for line in shop.lines if line.order_id < "060"])
    windows = {"test_days": 12, "calibrate_days": 20, "rank_days": 25}
    config = write_shop(shop, folder, split=windows, **QUICK)
    (folder / "config.toml").write_text(tuned_toml(config, {}, {}, ["for a test"]))


@pytest.mark.slow
@pytest.mark.usefixtures("module")
def test_a_killed_run_leaves_nothing_half_written_and_what_is_there_is_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_shop(tmp_path / "shops" / "tiny")
    killed_before("mersalg_training.train:median_latency_ms", 1, str(HISTORIES), *arguments(tmp_path))
    [place] = (tmp_path / "out" / "tiny").iterdir()
    assert list(place.glob(".bundle.*.partial"))
    assert not (place / "bundle").exists()
    assert not list(place.glob("evaluation*"))
    said = finished(tmp_path, capsys, monkeypatch)
    assert "tiny: tiny.toml is there" in said
    assert "tiny: train took" in said
    assert "tiny: evaluate took" in said
    assert not list(place.glob(".bundle.*"))
    methods = {row["method"] for row in json.loads((place / f"evaluation-{QUERIES}.json").read_text())["rows"]}
    assert {"mersalg", "two-stage"} <= methods
    made = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    table = (tmp_path / "out" / "histories.json").read_bytes()
    assert "took" not in finished(tmp_path, capsys, monkeypatch)
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == made
    assert (tmp_path / "out" / "histories.json").read_bytes() == table


@pytest.mark.usefixtures("module")
def test_a_shop_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shops").mkdir()
    monkeypatch.setattr(sys, "argv", ["benchmarks/histories", *arguments(tmp_path)])
    assert runpy.run_path(str(HISTORIES / "__main__.py"))["main"]() == 2
    assert "no shop is called tiny" in capsys.readouterr().err
