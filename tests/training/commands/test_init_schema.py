"""Claims about the schema that editors read: it is current, it says what the configuration says, and init writes it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mersalg.cli import main
from mersalg_training.commands.init_schema import FILE, LINE, schema_text

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "configs" / FILE
JOBS = (ROOT / "configs" / "demo.toml", ROOT / "examples" / "corner_shop" / "shop.toml")


def faults(tables: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(tables)]


def test_the_committed_schema_is_that_of_the_code() -> None:
    told = f"write it anew with `mersalg init configs/demo.toml --schema`: {SCHEMA}"
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), told


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_the_jobs_of_the_repository_keep_the_schema_and_name_it(job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    assert faults(tomllib.loads(text)) == []
    named = text.splitlines()[0].removeprefix("#:schema ")
    assert (job.parent / named).resolve() == SCHEMA.resolve()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda tables: tables.update(nmae="x"), "nmae"),
        (lambda tables: tables["data"].pop("orders"), "orders"),
        (lambda tables: tables.update(ranker={"trees": "many"}), "many"),
        (lambda tables: tables.update(thresholds={"precision": {"cross-sell": 1.5}}), "1.5"),
        (lambda tables: tables["data"].update(columns={"customer": "x"}), "customer"),
    ],
)
def test_what_the_job_refuses_the_editor_underlines(change: Callable[[dict[str, Any]], Any], told: str) -> None:
    tables = tomllib.loads(JOBS[0].read_text(encoding="utf-8"))
    change(tables)
    assert any(told in message for message in faults(tables))


def test_every_key_of_a_section_says_what_it_is() -> None:
    data = json.loads(schema_text())["$defs"]["DataConfig"]["properties"]
    assert data["orders"]["description"].startswith("Order lines: a Parquet or CSV file")


def test_init_writes_the_schema_and_lets_the_file_name_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "shop.toml"
    assert main(["init", str(config), "--schema"]) == 0
    assert (tmp_path / FILE).read_text(encoding="utf-8") == schema_text()
    text = config.read_text(encoding="utf-8")
    assert text.splitlines()[0] == LINE
    assert faults(tomllib.loads(text)) == []
    (tmp_path / FILE).unlink()
    capsys.readouterr()
    assert main(["init", str(config), "--schema"]) == 0
    assert (tmp_path / FILE).exists()
    assert config.read_text(encoding="utf-8") == text, "a file that is there stays as it is"
    assert LINE in capsys.readouterr().out
