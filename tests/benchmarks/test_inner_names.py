"""Benchmarks prefer the commands and the bundle: they take few names out of training's inside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MAX_INNER_NAMES = 60


def inner_names(source: str) -> list[str]:
    """What a file imports from mersalg_training, a name at a time."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "mersalg_training":
            found += [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.split(".")[0] == "mersalg_training"]
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from mersalg_training.config import Config, load_config", 2),
        ("def late():\n    import mersalg_training.config as c, mersalg", 1),
        ("import mersalg\nfrom mersalg.names import KINDS", 0),
    ],
)
def test_every_imported_name_counts(source: str, expected: int) -> None:
    assert len(inner_names(source)) == expected


def test_benchmarks_take_few_names_out_of_trainings_inside() -> None:
    """Studies are kept as they ran, and are not counted."""
    files = [file for file in sorted(BENCHMARKS.rglob("*.py")) if "studies" not in file.relative_to(BENCHMARKS).parts]
    found = {str(file.relative_to(BENCHMARKS)): inner_names(file.read_text()) for file in files}
    assert sum(map(len, found.values())) <= MAX_INNER_NAMES, {file: names for file, names in found.items() if names}
