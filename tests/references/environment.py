"""An environment of its own for libraries that do the same as ours, and programs that ask them.

The libraries want other versions of NumPy and pandas than ours, so none is installed beside ours. A program gets arrays
and gives arrays back.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PROGRAMS = Path(__file__).parent / "programs"
SECONDS = 600
WHOLE = ("cornac==3.0.1", "similaripy==0.7.0", "ranx==0.3.21", "statsmodels==0.15.0", "implicit==0.7.3")
"""With what they require."""
ALONE = (
    "recommenders==1.2.1", "obp==0.5.7", "gbstats==0.8.0", "ssrm-test==0.1.5", "rectools==0.19.0",
    "attrs==26.1.0", "cloudpickle==3.1.3", "joblib==1.6.0", "pydantic==2.14.4", "pydantic-core==2.50.5",
    "annotated-types==0.8.0", "typing-inspection==0.4.5", "pyieoe==0.1.1", "scikit-learn==1.9.1",
    "threadpoolctl==3.6.0", "toolz==1.1.0", "typeguard==4.6.1",
)  # fmt: skip
"""Without it: some name old versions, or a hundred packages of which the part that is asked needs none."""
PART = ("confseq==0.0.11", "multiprocess==0.70.18", "dill==0.4.0")
"""Of the first there are builds for Python 3.10 alone; its modules that are Python serve any."""
ASKS_AN_INDEX = ("Could not connect", "Failed to fetch", "No matching distribution", "dns error")


class UnreachableError(Exception):
    """No index of packages can be reached."""


@dataclass(frozen=True)
class References:
    """The environment."""

    python: Path
    folder: Path

    def ask(self, program: str, **given: Any) -> dict[str, npt.NDArray[Any]]:
        """What a program of PROGRAMS makes of arrays, by name."""
        asked, answered = self.folder / f"{program}.asked.npz", self.folder / f"{program}.answered.npz"
        np.savez(asked, **given)
        command = [self.python, "-W", "ignore", PROGRAMS / f"{program}.py", asked, answered]
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "part")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, f"{program}: {done.returncode}\n{done.stderr[-3000:]}"
        with np.load(answered) as found:
            return dict(found)


def make_references(folder: Path) -> References:
    """An environment with every library; uv keeps what it fetched, so that the next one takes seconds."""
    uv, python = Path(sys.executable).parent / "uv", folder / "environment" / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", python]
    part = [*install[:-2], "--no-deps", "--target", folder / "part", "--python-version", "3.10"]
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder / "environment"],
        [*install, *WHOLE],
        [*install, "--no-deps", *ALONE],
        [*part, *PART],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode != 0 and any(told in done.stderr for told in ASKS_AN_INDEX):
            raise UnreachableError(done.stderr[-500:])
        assert done.returncode == 0, done.stderr[-3000:]
    return References(python, folder)
