"""The claim that the tutorial's files are what the corner shop exports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_files_of_the_tutorial_are_those_that_the_program_writes(tmp_path: Path) -> None:
    program = ROOT / "examples" / "corner_shop" / "danish_export.py"
    subprocess.run([sys.executable, str(program), str(tmp_path)], check=True)
    for name in ("ordrelinjer.csv", "varer.csv"):
        assert (tmp_path / name).read_bytes() == (ROOT / "docs" / "tutorial" / name).read_bytes()
