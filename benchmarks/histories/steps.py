"""What is made for a shop, step by step: its configuration, its bundle, its evaluation beside every baseline.

Each lies under a digest of what it is made of: the packages' code, the configuration, the purchases. A step whose
result is there is not taken again. Every command puts its result in place whole, so that what is there is finished.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mersalg.cli import main as mersalg

DEMO = Path(__file__).parents[2] / "configs" / "demo.toml"
PACKAGES = ("mersalg", "mersalg_training")
FORMATS = (".parquet", ".csv")
PACKAGE = "package:"
"""How a configuration begins the path of a file inside an installed package."""
DIGITS = 12
"""Of a digest, enough to tell the results of one shop apart."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class History:
    """A shop's purchases."""

    name: str
    orders: Path
    products: Path | None
    config: Path | None
    """Its own configuration; None = what `mersalg init` writes."""


def find_histories(folder: Path) -> list[History]:
    """The shops in a folder by name, then the demo where its package is installed."""
    found = []
    for shop in sorted(folder.iterdir()):
        if (orders := table(shop, "orders")) is not None:
            config = shop / "config.toml"
            own = config if config.is_file() else None
            found.append(History(shop.name, orders, table(shop, "products"), own))
    data = tomllib.loads(DEMO.read_text("utf-8"))["data"]
    orders, products = installed(data["orders"]), installed(data["products"])
    return found if orders is None else [*found, History("demo", orders, products, DEMO)]


def table(shop: Path, name: str) -> Path | None:
    """A shop's file of this name in a format that is read."""
    files = (shop / f"{name}{suffix}" for suffix in FORMATS)
    return next((file.resolve() for file in files if file.is_file()), None)


def installed(address: str) -> Path | None:
    """The file behind `package:NAME/PATH`; None where the package is not installed."""
    name, _, path = address.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / path


@cache
def code_digest() -> str:
    """Of every file of the packages that the commands run."""
    whole = hashlib.sha256()
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        root = Path(spec.origin).parent  # type: ignore[union-attr,arg-type]  # both are installed
        for file in sorted(root.rglob("*.py")):
            whole.update(f"{file.relative_to(root)} {digest(file)}\n".encode())
    return whole.hexdigest()


def digest(file: Path | None) -> str:
    """SHA-256 of a file; of no file, none."""
    if file is None:
        return "none"
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def place_of(history: History, out: Path, code: str) -> Path:
    """The folder of what is made for a shop by this code, configuration and purchases."""
    parts = (code, digest(history.config), digest(history.orders), digest(history.products))
    return out / history.name / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:DIGITS]


def evaluation_of(history: History, out: Path, code: str, queries: int, tell: Tell) -> Path | None:
    """The file of a shop's evaluation, made where it is not there; None where a command refused."""
    place = place_of(history, out, code).resolve()
    place.mkdir(parents=True, exist_ok=True)
    config, bundle = place / f"{history.name}.toml", place / "bundle"
    evaluation = place / f"evaluation-{queries}.json"
    data = ["--set", f"data.orders={history.orders}", "--set", "tracking.enabled=false"]
    if history.products is not None:
        data += ["--set", f"data.products={history.products}"]
    steps: list[tuple[Path, Sequence[object]]] = [
        (config, init_arguments(history, config)),
        (bundle, ["train", config, "--out", bundle, *data]),
        (evaluation, ["evaluate", bundle, "--baselines", "--queries", queries, "--json", evaluation, *data]),
    ]
    for result, command in steps:
        if result.exists():
            tell(f"{history.name}: {result.name} is there")
        elif history.config is not None and result == config:
            put(config, history.config.read_bytes())
        elif not run(history.name, command, place, tell):
            return None
    return evaluation


def init_arguments(history: History, config: Path) -> list[object]:
    """`mersalg init` for a shop's files."""
    catalogue = [] if history.products is None else ["--products", history.products]
    return ["init", config, "--orders", history.orders, *catalogue]


def run(name: str, command: Sequence[object], place: Path, tell: Tell) -> bool:
    """Whether a command of mersalg did its work; what it prints is kept beside its result.

    It runs in this very process, so that whoever ends the one ends the other.
    """
    start = time.monotonic()
    with (place / f"{command[0]}.log").open("w", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        done = mersalg([str(part) for part in command]) == 0
    tell(f"{name}: {command[0]} {'took' if done else 'failed after'} {time.monotonic() - start:.0f} s")
    return done


def put(file: Path, content: bytes) -> None:
    """Write a file whole, or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content)
    partial.replace(file)
