"""A page that does not do what it shows fails, and nothing that is fenced goes unexamined."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.outcomes import Failed, Skipped
from sybil.example import SybilFailure

from docs.blocks import PROGRAMS, page_sybil
from docs.page_run import PageRun, page_environment
from processes import has_ended, wait_until
from web.programs import MissingError

ROOT = Path(__file__).parents[2]
FENCE = "```"


@pytest.fixture
def page_run(tmp_path: Path) -> Iterator[PageRun]:
    folder = tmp_path / "shop"
    (folder / "configs").mkdir(parents=True)
    run = PageRun(folder, tmp_path, page_environment(folder))
    yield run
    run.end()


def block(language: str, *lines: str) -> str:
    return "\n".join([FENCE + language, *lines, FENCE, ""])


def outcomes(page_run: PageRun, *parts: str) -> list[str]:
    """What becomes of each block of a page: an empty text, `skipped: ...`, or what differs."""
    path = page_run.state / "page.md"
    path.write_text("# A page\n\n" + "\n".join(parts))
    found = []
    for example in page_sybil(page_run.state).parse(path).examples():
        example.namespace["page_run"] = page_run
        try:
            example.evaluate()
        except SybilFailure as failure:
            found.append(failure.result)
        except Skipped as skip:
            found.append(f"skipped: {skip.msg}")
        else:
            found.append("")
    return found


def test_python_blocks_share_a_namespace_and_their_output_is_compared(page_run: PageRun) -> None:
    page = [block("python", "x = 2"), block("python", "print(x)"), block("text", "2"), "Prose.\n", block("text", "9")]
    assert outcomes(page_run, *page) == ["", ""]


def test_another_output_of_python_fails(page_run: PageRun) -> None:
    (told,) = outcomes(page_run, block("python", "print('two')"), block("text", "three"))
    assert "-three\n+two" in told


def test_another_number_fails(page_run: PageRun) -> None:
    assert outcomes(page_run, block("python", "print(0.058)"), block("text", "0.102"))[0]
    assert outcomes(page_run, block("console", "$ echo relevance 0.058", "relevance 0.102"))[0]


def test_an_exception_of_python_fails(page_run: PageRun) -> None:
    with pytest.raises(ZeroDivisionError):
        outcomes(page_run, block("python", "1 / 0"))


def test_a_directive_of_the_site_is_no_block_and_another_is_refused(page_run: PageRun) -> None:
    page = [
        block("{toctree}", ":hidden:", "", "other"),
        block("python", "x = 2"),
        block("{eval-rst}", ".. autodata:: x"),
    ]
    assert outcomes(page_run, *page) == [""]
    assert "is labelled '{note}'" in outcomes(page_run, block("{note}", "Read on."))[0]


def test_python_runs_in_the_pages_folder(page_run: PageRun) -> None:
    assert outcomes(page_run, block("python", "open('made.txt', 'w').close()"), block("console", "$ test -f made.txt"))
    assert (page_run.folder / "made.txt").exists()


def test_commands_run_in_turn_with_what_was_exported_and_where_it_went(page_run: PageRun) -> None:
    page = block("console", "$ export A=7", "$ cd configs", "$ pwd", "...configs", "$ echo $A \\", "    b", "7 b")
    assert outcomes(page_run, page, block("console", "$ echo $A", "7", "$ cat <<END", "> c", "> END", "c")) == ["", ""]


def test_another_output_of_a_command_fails(page_run: PageRun) -> None:
    (told,) = outcomes(page_run, block("console", "$ true", "$ echo two", "three"))
    assert told.startswith("$ echo two\n")
    assert "-three\n+two" in told


def test_what_a_command_writes_to_stderr_counts(page_run: PageRun) -> None:
    assert outcomes(page_run, block("console", "$ echo oops >&2", "oops")) == [""]


@pytest.mark.parametrize(("status", "command"), [(0, "false"), (3, "true"), (3, "exit 4")])
def test_another_exit_status_fails(status: int, command: str, page_run: PageRun) -> None:
    (told,) = outcomes(page_run, block("console", f"$ {command}", *([f"[exit status {status}]"] if status else [])))
    assert f"expected exit status {status}, got " in told


def test_the_exit_status_that_is_shown_is_accepted(page_run: PageRun) -> None:
    assert outcomes(page_run, block("console", "$ echo a; exit 3", "a", "[exit status 3]", "$ true")) == [""]


@pytest.mark.parametrize("lines", [("echo a",), ("# nothing",), ()])
def test_a_console_block_without_a_command_fails(lines: tuple[str, ...], page_run: PageRun) -> None:
    assert "expected a command, a line that begins with '$ '" in outcomes(page_run, block("console", *lines))[0]


def test_what_is_left_running_ends_with_the_page(page_run: PageRun) -> None:
    assert outcomes(page_run, block("console", "$ sleep 3600 & echo $! > pid", "$ kill -0 $(cat pid)")) == [""]
    page_run.end()
    pid = int((page_run.folder / "pid").read_text())
    wait_until(lambda: has_ended(pid))


@pytest.mark.parametrize("label", ["", "html", "bash"])
def test_a_fence_of_no_or_another_language_fails(label: str, page_run: PageRun) -> None:
    (told,) = outcomes(page_run, block(label, "x"))
    assert "expected one of python, console, toml, json, js, js browser, text" in told


def test_a_skip_with_a_reason_skips_the_next_block_alone(page_run: PageRun) -> None:
    page = ["<!-- skip: next, it takes an hour -->\n", block("html", "x"), block("python", "assert True")]
    assert outcomes(page_run, *page) == ["skipped: page.md:5: it takes an hour", ""]


@pytest.mark.parametrize("skip", ["next", "next,", "next, ", "start, why", "all"])
def test_a_skip_without_a_reason_or_of_another_kind_fails(skip: str, page_run: PageRun) -> None:
    (told,) = outcomes(page_run, f"<!-- skip: {skip} -->\n", block("python", "1 / 0"))
    assert "expected <!-- skip: next, reason -->" in told


def test_a_block_runs_where_what_it_needs_is_there_and_is_skipped_or_fails_where_not(
    page_run: PageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> None:
        raise MissingError("no Chromium is installed")

    monkeypatch.setenv("MERSALG_RUNTIMES", "")
    page = ["<!-- needs: chromium -->\n", block("console", "$ false"), block("python", "assert True")]
    monkeypatch.setitem(PROGRAMS, "chromium", (nowhere,))
    assert outcomes(page_run, *page) == ["skipped: no Chromium is installed", ""]
    monkeypatch.setenv("MERSALG_RUNTIMES", "required")
    with pytest.raises(Failed, match="no Chromium is installed"):
        outcomes(page_run, *page)
    monkeypatch.setitem(PROGRAMS, "chromium", ())
    told, _ = outcomes(page_run, *page)
    assert "expected exit status 0, got 1" in told


@pytest.mark.parametrize("needs", ["", "java", "node, java", "node chromium"])
def test_a_need_that_is_not_known_fails(needs: str, page_run: PageRun) -> None:
    (told,) = outcomes(page_run, f"<!-- needs: {needs} -->\n", block("python", "x = 1"))
    assert "expected <!-- needs: some of node, chromium -->" in told


def test_a_need_of_nothing_that_runs_fails(page_run: PageRun) -> None:
    assert outcomes(page_run, "<!-- needs: node -->\n") == ["no block follows this needs"]
    assert "is labelled 'text'" in outcomes(page_run, "<!-- needs: node -->\n", block("text", "x"))[0]


def test_a_skip_of_nothing_fails(page_run: PageRun) -> None:
    assert outcomes(page_run, "<!-- skip: next, why -->\n") == ["no block follows this skip"]
    both = outcomes(page_run, "<!-- skip: next, why -->\n", "<!-- skip: next, why -->\n", block("text", "x"))
    assert both[0] == "no block stands between this skip and the next"


def test_invisible_blocks_run(page_run: PageRun) -> None:
    page = ["<!-- invisible-code-block: python\nx = 7\n-->\n", block("python", "print(x)"), block("text", "7")]
    assert outcomes(page_run, *page) == ["", ""]
    (told,) = outcomes(page_run, "<!-- invisible-code-block: console\n$ false\n-->\n")
    assert "expected exit status 0, got 1" in told


def test_a_comment_within_a_fence_is_text(page_run: PageRun) -> None:
    assert outcomes(page_run, block("text", "<!-- skip: next -->"), block("python", "x = 1")) == [""]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["[thresholds.cross-sell]", "precision = 0.05"], ""),
        (["name = 'a'", "[data]", "orders = 'orders.parquet'"], ""),
        (["[budget]", "paid_lines = 3"], ""),
        (["name = 'a'", "[arms]", "hold-out = 0.1", "champion = 0.9"], ""),
        (["a ="], "not valid TOML"),
        (["[thresholds.cross-sell]", "precise = 0.05"], "precise"),
        (["[threshold]", "a = 1"], "expected a job, a policy or an experiment"),
        (["[budget]", "paid = 3"], "paid"),
        (["name = 'a'", "[arms]", "hold-out = 0.1", "champion = 0.8"], "sum to 1"),
        (["# configs/a.toml", "[data]", "orders = 'orders.parquet'"], "name"),
    ],
)
def test_toml_is_read_by_the_projects_readers(lines: list[str], told: str, page_run: PageRun) -> None:
    (outcome,) = outcomes(page_run, block("toml", *lines))
    assert told in outcome
    assert bool(told) == bool(outcome)


def test_toml_with_a_name_is_written_there(page_run: PageRun) -> None:
    for name in ("configs/corner.toml", "policy.toml"):
        page = block("toml", f"# {name}", *(["name = 'c'", "[data]", "orders = 'o'"] if "corner" in name else ()))
        assert outcomes(page_run, page, block("console", f"$ head -1 {name}", f"# {name}")) == ["", ""]


def test_python_with_a_files_name_is_written_there_and_not_run(page_run: PageRun) -> None:
    page = [
        block("python", "# shop.py", "import sys", 'sys.exit("run")'),
        block("console", "$ head -1 shop.py", "# shop.py"),
    ]
    assert outcomes(page_run, *page) == ["", ""]
    (told,) = outcomes(page_run, block("python", "# shop.py", "print(1)"), block("text", "1"))
    assert "prints nothing" in told


def test_json_is_a_document_or_one_a_line(page_run: PageRun) -> None:
    assert outcomes(page_run, block("json", "{", "}"), block("json", '{"a": 1}', '{"b": 2}')) == ["", ""]
    assert "not valid JSON" in outcomes(page_run, block("json", "{"))[0]


def test_js_blocks_are_one_module_with_the_client_in_it(page_run: PageRun) -> None:
    page = [
        block("js", 'import { load } from "mersalg";', 'console.log("earlier");', "const x = typeof load;"),
        block("js", 'import { load } from "mersalg";', "const y = x;", "console.log(y);"),
        block("text", "function"),
        block("js", "console.log(y)"),
        block("text", "fiction"),
    ]
    first, second, third = outcomes(page_run, *page)
    if not first.startswith("skipped"):
        assert (first, second) == ("", "")
        assert "-fiction\n+function" in third


def test_a_browser_runs_a_block_within_the_pages_html(page_run: PageRun) -> None:
    (page_run.folder / "seven.mjs").write_text("export const seven = 7;")
    html = block("html", '<script type="importmap">{"imports": {"seven": "/seven.mjs"}}</script>', "<p>here</p>")
    works = 'import { seven } from "seven";\nif (seven !== 7 || !document.querySelector("p")) throw new Error("other");'
    good, bad, unknown = outcomes(
        page_run,
        block("js browser", works),
        html,
        block("js browser", 'throw new Error("no")'),
        block("js browser", 'import "eight";'),
    )
    if not good.startswith("skipped"):
        assert (good, bad) == ("", "Error: no")
        assert unknown.startswith("TypeError: ")


def test_a_js_block_that_throws_fails(page_run: PageRun) -> None:
    (told,) = outcomes(page_run, block("js", 'throw new Error("no")'))
    assert "Error: no" in told or told.startswith("skipped")


def pages_of(root: Path, *arguments: str, **environment: str) -> str:
    """What pytest says of the pages of a folder."""
    command = [sys.executable, "-m", "pytest", "--rootdir", str(root), "-c", str(ROOT / "pyproject.toml"), "-q"]
    ran = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(Path(__file__).with_name("conftest.py")), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
        cwd=ROOT,
    )
    return ran.stdout


def test_the_pages_are_left_to_the_long_tests(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(block("python", "x = 1"))
    assert "README.md::line:1" in pages_of(tmp_path, "--collect-only", "-m", "long")
    assert "README" not in pages_of(tmp_path, "--collect-only", "-m", "not long")


def test_pages_that_need_the_demo_are_skipped_without_it_and_fail_where_it_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(block("python", "x = 1") + "\n" + block("console", "$ ls models/demo"))
    without = pages_of(tmp_path, MERSALG_RUNTIMES="")
    assert "2 skipped" in without
    assert "make demo first" in without
    required = pages_of(tmp_path, MERSALG_RUNTIMES="required")
    assert "2 error" in required
    assert "make demo first" in required
