"""Every error that the code raises on purpose, and every message that it gives, read from the source."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mersalg_site.generated.tables import code

ROOT: Final = Path(__file__).parents[3]
PACKAGES: Final = ("serving/mersalg", "serving/mersalg_service", "training/mersalg_training")
BASE: Final = "MersalgError"
MESSAGE: Final = {"RequestError": (0, 1), "CallError": (1,)}
"""Error -> the positions of its arguments that say what is wrong, where it is not the first alone."""
BETWEEN: Final = {"RequestError": ": expected "}
MIN_LETTERS: Final = 12
"""Letters of its own without which a message tells nothing to look for."""


@dataclass(frozen=True)
class ErrorClass:
    """An error as its class says it."""

    name: str
    base: str
    module: str
    docstring: str
    messages: tuple[tuple[str, str], ...]
    """Module and text of each message, with … for what differs."""


@cache
def error_classes() -> tuple[ErrorClass, ...]:
    """MersalgError first, then the others in the order of their modules."""
    trees = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(modules())}
    bases = {BASE: "Exception"}
    found: dict[str, tuple[str, str]] = {}
    for _ in range(2):  # a class may stand in a module before that of its base
        for module, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and (node.name in bases or base_of(node) in bases):
                    bases[node.name] = base_of(node)
                    found[node.name] = module, ast.get_docstring(node) or ""
    messages: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for module, tree in trees.items():
        for name, text in messages_of(tree, found):
            messages[name].add((module, text))
    made = [ErrorClass(name, bases[name], *told, tuple(sorted(messages[name]))) for name, told in found.items()]
    return tuple(sorted(made, key=lambda one: one.name != BASE))


def modules() -> Iterator[Path]:
    """Every module of the three packages."""
    return (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_of(path: Path) -> str:
    """The name under which a file is imported."""
    place = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(part for part in place if part != "__init__")


def base_of(node: ast.ClassDef) -> str:
    """The first base of a class, if it is a name."""
    return node.bases[0].id if node.bases and isinstance(node.bases[0], ast.Name) else ""


def messages_of(tree: ast.Module, names: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each error that is made in a module, and the words that it is made with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            name = node.func.id
            places = MESSAGE.get(name, (0,))
            if len(node.args) > max(places):
                text = BETWEEN.get(name, "").join(words(node.args[place]) for place in places)
                text = " ".join(text.split())
                if sum(map(str.isalpha, text)) >= MIN_LETTERS:
                    yield name, text


def words(node: ast.expr) -> str:
    """A text as far as the source says it, with … for the rest."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(words(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return words(node.left) + words(node.right)
    return "…"


def every_error() -> str:
    """The classes, each with a link to its section and what it says of itself."""
    return "\n".join(f"- [`{one.name}`](#{one.name.lower()}): {first_line(one.docstring)}" for one in error_classes())


def cause(name: str) -> str:
    """What a class says of itself, where it stands in the tree, and where its messages are."""
    (one,) = (one for one in error_classes() if one.name == name)
    messages = f"; [its messages](messages.md#messages-of-{name.lower()})" if one.messages else ""
    return f"**Cause.** {' '.join(one.docstring.split())}\n\n`{one.module}.{name}`, a kind of `{one.base}`{messages}."


def first_line(docstring: str) -> str:
    """The sentence that a docstring begins with."""
    return " ".join(docstring.split("\n\n", maxsplit=1)[0].split())


def every_message() -> str:
    """A section for each class with its messages, by the modules that give them."""
    parts = []
    for one in error_classes():
        if one.messages:
            parts.append(f"## Messages of {one.name}")
            by_module: dict[str, list[str]] = defaultdict(list)
            for module, text in one.messages:
                by_module[module].append(text)
            for module, texts in by_module.items():
                parts.append(f"{code(module)}\n\n" + "\n".join(f"- {quoted(text)}" for text in texts))
    return "\n\n".join(parts)


def quoted(text: str) -> str:
    """A message as code, whatever ticks it holds."""
    ticks = "``" if "`" in text else "`"
    room = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{room}{text}{room}{ticks}"
