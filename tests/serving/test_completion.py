"""Claims about `mersalg completion`, with a real bash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mersalg.cli import main

WORDS = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_shtab_mersalg
echo "${COMPREPLY[@]}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_the_commands_and_options_of_all_packages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mersalg.bash"
    file.write_text(script("bash", capsys))
    for words, completed in (
        (["recom"], {"recommend"}),
        (["recommend", "models/demo", "--mo"], {"--moment"}),
        (["serve", "models/demo", "--check"], {"--check-seconds"}),  # of mersalg-service
        (["train", "shop.toml", "--o"], {"--out"}),  # of mersalg-training
        (["completion", ""], {"bash", "zsh", "fish"}),
    ):
        command = ["bash", "--norc", "-c", WORDS, "bash", str(file), "mersalg", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) == completed, words


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_with_every_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    for command in ("recommend", "serve", "ledger", "train", "uplift", "completion"):
        assert command in text


def test_without_shtab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert capsys.readouterr().err.strip().endswith("`pip install 'mersalg[completion]'`")
