"""Claims: results are printed wide enough where nobody watches, and stages that nobody sees print nothing."""

from __future__ import annotations

import pytest

from mersalg_training.progress import PLAIN_WIDTH, results_console, unseen


def test_results_that_go_into_a_file_are_120_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert results_console().width == PLAIN_WIDTH == 120


def test_columns_of_the_environment_set_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    assert results_console().width == 77


def test_unseen_stages_print_nothing_and_keep_their_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    stages = unseen()
    with stages.stage("Counting") as tick:
        tick(1, 2)
    assert list(stages.seconds) == ["Counting"]
    assert capsys.readouterr() == ("", "")
