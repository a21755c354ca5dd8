"""What holds for the house as a whole: names and rooms. Its arrows are held by import-linter."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("serving/mersalg", "serving/mersalg_service", "training/mersalg_training")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
OTHER_LIMITS = re.compile(r"(MOST|LARGEST|LONGEST|DEEPEST|LEAST|SHORTEST|SMALLEST)(_|$)")


def top_level(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body


def constants(path: Path) -> list[str]:
    found = []
    for statement in top_level(path):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            found += [name.id for name in ast.walk(target) if isinstance(name, ast.Name)] if target else []
    return found


def test_the_packages_are_where_this_file_looks_for_them() -> None:
    assert len(MODULES) > 200


def test_a_public_class_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for path in MODULES:
        for statement in top_level(path):
            if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
                places[statement.name].append(str(path.relative_to(ROOT)))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_a_limit_is_named_max_or_min() -> None:
    assert [(path.name, name) for path in MODULES for name in constants(path) if OTHER_LIMITS.match(name)] == []


def test_no_room_is_crowded() -> None:
    rooms = Counter(path.parent for path in MODULES)
    assert {str(room): n for room, n in rooms.items() if n > 20} == {}
    assert rooms[ROOT / "training/mersalg_training"] <= 10
