from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from toy_bundle import write_bundle
from web.browser import result_of_page
from web.parity import TOLERANCE, conclude, main
from web.programs import CLIENT
from web.runtimes import HERE, Found, ask_browser, ask_node

if TYPE_CHECKING:
    from web.conftest import Golden

SECONDS = 300.0


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assert_equal(found: Found, golden: Golden) -> None:
    assert not found.differences
    assert found.equal == found.requests == golden.here.requests
    assert found.largest <= TOLERANCE


def test_node_gives_pythons_offers(node: list[str], golden: Golden) -> None:
    assert_equal(ask_node(golden.bundle, golden.corpus, SECONDS), golden)


def test_chromium_gives_pythons_offers(browser: str, golden: Golden) -> None:
    assert_equal(ask_browser(golden.bundle, golden.corpus, SECONDS), golden)


def test_the_corpus_has_requests_of_every_sort(golden: Golden) -> None:
    corpus = lines(golden.corpus)
    requests, answers = [line["request"] for line in corpus], [line["answer"] for line in corpus]
    assert {request["moment"] for request in requests} == {
        "product-page", "cart", "checkout", "order-confirmation", "follow-up",
    }  # fmt: skip
    for sort in (
        [r for r in requests if not r["cart"]],
        [r for r in requests if not r["history"]],
        [r for r in requests if len(r["history"]) > 1000],
        [r for r in requests if len(set(r["cart"])) < len(r["cart"])],
        [r for r in requests if any(not product.isascii() for product in r["cart"])],
        [r for r in requests if any(line.get("quantity") == -1 for line in r["history"])],
        [r for r in requests if r["at"].endswith("+05:30")],
        [r for r in requests if r.get("order") == "value"],
        [r for r in requests if len(r.get("only", ())) > 300],
        [r for r in requests if r.get("exclude")],
        [line for line in corpus if not line["threshold"]],
        [a for a in answers if a["reason"] == "below threshold"],
        [a for a in answers if a["reason"] == "nothing retrieved"],
        [a for a in answers if len(a["offers"]) > 20],
    ):
        assert len(sort) >= 5


def test_an_answer_that_is_another_is_found(node: list[str], golden: Golden, tmp_path: Path) -> None:
    whole = [line for line in lines(golden.corpus) if len(line["answer"]["offers"]) > 1][:3]
    swapped, _, shifted = (line["answer"]["offers"] for line in whole)
    swapped.reverse()
    shifted[0]["relevance"] += 0.001
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in whole), encoding="utf-8")
    found = ask_node(golden.bundle, corpus, SECONDS)
    assert (found.requests, found.equal) == (3, 2)
    assert found.differences[0]["request_id"] == whole[0]["request"]["request_id"]
    assert found.largest == pytest.approx(0.001, abs=TOLERANCE)


def test_the_figures_come_last_and_a_difference_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    def found(equal: int, largest: float) -> Found:
        return Found("a runtime", 3, equal, largest, [1.0], 0.1, [])

    here = found(3, 0.0)
    assert conclude(here, {"node": found(3, 0.0), "chromium": found(3, 3e-7)}) == 0
    told = "parity: 3 requests, node 3/3, chromium 3/3, max |relevance| difference 3e-07"
    assert capsys.readouterr().out.splitlines()[-1] == told
    assert conclude(here, {"node": found(2, 0.0)}) == 1
    assert conclude(here, {"node": found(3, 2e-4)}) == 1


def test_without_a_bundle_the_command_says_what_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["parity", str(tmp_path / "none")])
    assert main() == 2
    assert "`make demo`" in capsys.readouterr().err


def test_the_npm_package_passes_its_own_tests(node: list[str]) -> None:
    tests = sorted(str(path) for path in (CLIENT / "test").glob("*.test.js"))
    assert tests
    done = subprocess.run([*node, "--test", *tests], cwd=CLIENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def test_the_types_that_the_npm_package_declares_are_those_of_its_code(node: list[str]) -> None:
    compiler = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
    command = [*node, str(compiler), "--project", str(CLIENT / "tsconfig.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_browser_refuses_a_damaged_bundle(browser: str, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "toy")
    (tmp_path / "empty").touch()
    places = {"page.html": HERE / "page.html", "web": HERE, "client": CLIENT, "bundle": bundle}
    places["corpus"] = tmp_path / "empty"
    assert result_of_page("page.html", places, SECONDS)["requests"] == 0
    scorer = (bundle / "scorer.onnx").read_bytes()
    (bundle / "scorer.onnx").write_bytes(scorer[:-1] + bytes([scorer[-1] ^ 1]))
    assert "BundleError: " in (told := result_of_page("page.html", places, SECONDS)["failed"])
    assert "scorer.onnx: expected sha256" in told
    (bundle / "scorer.onnx").unlink()
    assert "got HTTP status 404" in result_of_page("page.html", places, SECONDS)["failed"]
