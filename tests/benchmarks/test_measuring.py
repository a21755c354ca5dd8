"""Times are taken of every item, in turn; a drawn catalogue answers; the frontier judges what nothing has counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mersalg import ConfigError

SERVING = Path(__file__).parents[2] / "benchmarks" / "serving"


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_blocks_take_every_item_once_and_in_order(sizes: list[int]) -> None:
    from interleaved import blocks

    seen: list[list[int]] = [[] for _ in sizes]
    for shares in blocks(sizes):
        for taken, (first, end) in zip(seen, shares, strict=True):
            taken.extend(range(first, end))
    assert seen == [list(range(size)) for size in sizes]


def test_who_takes_longer_is_told_to_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    import interleaved

    now = [0, 0]  # nanoseconds by the clock, and of the processor

    def spend(item: int) -> None:
        now[0] += 2_000_000 + 1000 * item
        now[1] += 50_000

    clocks = {"perf_counter_ns": lambda: now[0], "thread_time_ns": lambda: now[1]}
    monkeypatch.setattr(interleaved, "time", SimpleNamespace(**clocks))
    asked = {
        "slow": interleaved.OpenContender(spend, range(11)),
        "batch": interleaved.OpenContender(spend, range(1), requests_of_item=100),
    }
    found = {name: interleaved.summary(micros) for name, micros in interleaved.interleaved_times(asked, 2).items()}
    assert found["slow"] == pytest.approx({"p50": 2005, "p90": 2009, "p99": 2009.9, "mean": 2005, "cpu": 50})
    assert found["batch"] == pytest.approx({"p50": 20, "p90": 20, "p99": 20, "mean": 20, "cpu": 0.5})


def test_a_summary_is_the_median_over_the_repeats() -> None:
    from interleaved import summary

    clock = np.array([[10.0] * 5, [1000.0] * 5, [10.0] * 5])
    found = summary(np.stack([clock, np.full((3, 5), 4.0)]))
    assert found == {"p50": 10.0, "p90": 10.0, "p99": 10.0, "mean": 10.0, "cpu": 4.0}


def test_drawn_requests_have_the_lengths_that_are_asked_for() -> None:
    from request_lengths import drawn

    for cart, history in ((1, 0), (20, 300)):
        for request in drawn(["a", "b", "c"], 3, cart, history, np.random.default_rng(0)):
            assert (len(request["cart"]), len(request["history"])) == (cart, history)
            assert all(line["ordered_at"] < request["at"] for line in request["history"])


def test_a_drawn_catalogue_answers(place: Any) -> None:
    from catalogue_growth import by_catalogue

    small, large = by_catalogue(place.bundle, [500, 3000], 5, 1, lambda text: None)
    assert (small.products, large.products) == (500, 3000)
    assert small.micros["p50"] > 0


def test_the_graphs_time_is_told_by_operator(place: Any) -> None:
    from contenders import encoded
    from operators import by_operator
    from request_file import read_requests

    found = by_operator(place.bundle / "scorer.onnx", encoded(read_requests(place.work / "requests.jsonl")[:15]))
    assert sum(each.share for each in found) == pytest.approx(1.0)
    assert [each.micros for each in found] == sorted((each.micros for each in found), reverse=True)
    assert {each.operator: each.nodes for each in found}["TreeEnsemble"] == 1


def test_two_threads_answer(place: Any) -> None:
    from contenders import loaded
    from request_file import read_requests
    from request_lengths import threads_compared

    requests = read_requests(place.work / "requests.jsonl")
    found = threads_compared(loaded(place.bundle), requests, seconds=0.1, rounds=1)
    assert found["one_thread"] > 0
    assert found["two_threads"] > 0


def test_a_fresh_process_tells_memory_above_the_bare_imports(place: Any) -> None:
    from cold_start import one_start

    bare, ours = one_start("bare", place), one_start("recommend", place)
    assert ours["seconds"] >= ours["loaded_seconds"] > 0
    assert bare["seconds"] > 0
    assert ours["uss"] > bare["uss"] > 0


@pytest.mark.slow
def test_the_command_prints_tables_and_writes_every_figure(place: Any, tmp_path: Path) -> None:
    out, plot, page = (tmp_path / f"figures.{ending}" for ending in ("json", "svg", "md"))
    page.write_text("# Before\n<!-- figures:start -->\nfigures of last year\n<!-- figures:end -->\nAfter\n")
    told = ["--requests", "120", "--repeats", "1", "--starts", "0", "--only", "recommend,batch,pyfunc,scan"]
    told += [
        "--sections",
        "contenders",
        "--work",
        str(place.work),
        "--out",
        str(out),
        "--plot",
        str(plot),
        "--into",
        str(page),
    ]
    done = subprocess.run(
        [sys.executable, str(SERVING), str(place.bundle), *told], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert [row["name"] for row in found["side_by_side"]] == ["recommend", "batch", "pyfunc", "scan"]
    assert "| MLflow pyfunc | offers |" in done.stdout
    assert "A request in a batch of 64 takes" in done.stdout
    assert plot.read_text().startswith("<?xml")
    written = page.read_text()
    assert written.startswith("# Before\n<!-- figures:start -->\n    python ")
    assert written.endswith("<!-- figures:end -->\nAfter\n")
    assert "| MLflow pyfunc | offers |" in written
    assert "last year" not in written


@pytest.mark.parametrize("text", ["nothing", "<!-- figures:end --><!-- figures:start -->", "<!-- figures:start -->"])
def test_a_page_without_marks_stays_as_it_is(tmp_path: Path, text: str) -> None:
    from latency_page import write_between

    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(ConfigError, match="nothing was written"):
        write_between(page, "figures")
    assert page.read_text() == text


def frontier(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SERVING), "frontier", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_frontier_has_quality_and_time_of_each_bundle(place: Any, tmp_path: Path) -> None:
    out = tmp_path / "frontier.json"
    done = frontier(
        str(place.bundle), str(place.bundle), "--until", "2030-01-01", "--requests", "5", "--repeats", "1",
        "--out", str(out), "--plot", str(tmp_path / "frontier.svg"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (point,) = json.loads(out.read_text())
    assert 0 < point["ndcg"]["value"] < 1
    assert point["more"]["value"] == 0
    assert point["micros"]["p50"] > 0


def test_the_frontier_refuses_orders_that_the_bundles_have_counted(place: Any) -> None:
    done = frontier(str(place.bundle), "--until", "2000-01-01")
    assert done.returncode == 2
    assert "--until: expected a time after" in done.stderr
    assert "split.test_days" in done.stderr
