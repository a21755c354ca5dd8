"""TOML and JSON of a page: parsed, written where it says so, and read by the project's own reader."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mersalg.errors import ConfigError
from mersalg.policy.reading import SECTIONS, default_policy, policy_of
from mersalg_service.experiment import read_experiment
from mersalg_service.experiment.assignment import FIELDS
from mersalg_training.config import Config, parse_config

NAMED: Final = re.compile(r"# ((?:configs/)?[\w.-]+\.toml)\s*$", re.MULTILINE)


def check_toml(source: str, folder: Path) -> str | None:
    """What does not hold; a block whose first line is `# configs/NAME.toml`, or another name, is written there.

    Every block is a job, a policy, an experiment, or a part of one.
    """
    try:
        tables = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        return f"not valid TOML: {error}"
    named = NAMED.match(source)
    if named is not None:
        file = folder / named.group(1)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    readers = [read for known, read in READERS if set(tables) <= set(known)]
    if not readers:
        return f"expected a job, a policy or an experiment, got a table of {', '.join(tables)}"
    refusals = []
    for read in readers:
        try:
            read(tables, named is not None, folder)
        except ConfigError as error:
            refusals.append(str(error))
        else:
            return None
    return "\n".join(refusals)


def check_json(source: str) -> str | None:
    """What does not hold: expected one document, or one in each line."""
    try:
        json.loads(source)
    except ValueError as error:
        try:
            for line in source.splitlines():
                json.loads(line)
        except ValueError:
            return f"not valid JSON: {error}"
    return None


def read_job(tables: Mapping[str, Any], whole: bool, folder: Path) -> None:
    """ConfigError unless the tables are a job's; a part is laid over a job that says the least."""
    least: dict[str, Any] = {} if whole else {"name": "page", "data": {"orders": "orders.parquet"}}
    data = {**least.get("data", {}), **tables.get("data", {})}
    parse_config({**least, **tables, **({"data": data} if data else {})}, "the block")


def read_policy(tables: Mapping[str, Any], whole: bool, folder: Path) -> None:
    """ConfigError unless the tables are a policy's; what is left out has its default."""
    policy_of(tables, default_policy())


def read_trial(tables: Mapping[str, Any], whole: bool, folder: Path) -> None:
    """ConfigError unless the tables are an experiment."""
    arms = "\n".join(f"{json.dumps(arm)} = {share}" for arm, share in dict(tables.get("arms", {})).items())
    rest = "\n".join(f"{name} = {json.dumps(value)}" for name, value in tables.items() if name != "arms")
    file = folder / "block.experiment.toml"
    file.write_text(f"{rest}\n[arms]\n{arms}\n", encoding="utf-8")
    try:
        read_experiment(file, key=b"only-for-this-page")
    finally:
        file.unlink()


Reader = Callable[[Mapping[str, Any], bool, Path], None]
READERS: Final[tuple[tuple[tuple[str, ...], Reader], ...]] = (
    (tuple(Config.model_fields), read_job),
    (SECTIONS, read_policy),
    (FIELDS, read_trial),
)
