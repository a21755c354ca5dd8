"""The claim that the corner shop's history is the same in every run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MAKE = Path(__file__).parents[2] / "examples" / "corner_shop" / "make_shop.py"


def test_the_history_is_the_same_in_every_run(tmp_path: Path) -> None:
    runs = [tmp_path / seed for seed in ("1", "2")]
    for folder in runs:  # sets of texts have another order in each
        environment = {**os.environ, "PYTHONHASHSEED": folder.name}
        subprocess.run([sys.executable, str(MAKE), str(folder)], check=True, env=environment)
    for name in ("orders.csv", "products.csv"):
        first, second = [(folder / name).read_text() for folder in runs]
        assert first == second
        assert first.count("\n") > 20
