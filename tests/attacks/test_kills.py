from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "kills.py"


def test_no_bundle_is_lost_or_half_served_by_kills_at_random_moments() -> None:
    command = [sys.executable, "-W", "ignore", str(PROGRAM), "--rounds", "25"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout)
    assert counts["rounds"] == 25
    assert counts["failed"] == 0
