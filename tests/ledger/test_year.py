"""Claim: in a simulated year of mailings, by several processes and out of order, no promise is ever broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "ledger.py"


@pytest.mark.slow
def test_a_simulated_year_breaks_no_promise(new_url: str) -> None:
    command = [sys.executable, str(BENCHMARK), new_url, "--offers", "30000", "--writers", "2"]
    environment = {**os.environ, "MERSALG_LEDGER_KEY": "a-key-of-the-simulated-year"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    counts = {line[:24].strip(): int(line[24:].replace(",", "")) for line in done.stdout.splitlines()[2:]}
    assert counts.pop("offers") > 10_000
    assert len(counts) == 6
    assert set(counts.values()) == {0}
