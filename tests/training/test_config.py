from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from mersalg.errors import ConfigError
from mersalg_training.config import (
    Config,
    ConfigSection,
    ThresholdConfig,
    flat,
    lay_over,
    load_config,
    parse_config,
    public,
)

ROOT = Path(__file__).resolve().parents[2]
SMALL = 'name = "small"\n[data]\norders = "orders.csv"\n'


def loaded(folder: Path, text: str = SMALL, *overrides: str) -> Config:
    (folder / "job.toml").write_text(text)
    return load_config(folder / "job.toml", overrides)


def refusal(folder: Path, text: str = SMALL, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, *overrides)
    return str(caught.value)


def test_a_name_and_orders_are_all_that_a_job_needs(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert config.data.orders == "orders.csv"
    assert config.data.products is None
    assert config.contract.max_reject_share == 0.25


JOBS = sorted(
    set((ROOT / "configs").glob("*.toml")) - {ROOT / "configs" / f"{name}.toml" for name in ("policy", "experiment")}
)
"""The policy and the experiment are no jobs; tests/policy and tests/uplift read them."""


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.name)
def test_every_config_of_the_project_holds_and_bears_its_files_name(file: Path) -> None:
    assert load_config(file).name == file.stem


def test_an_override_is_toml(tmp_path: Path) -> None:
    config = loaded(tmp_path, SMALL, "ranker.trees=200", "split.test_days=0", 'data.columns.order_id="sku"')
    assert (config.ranker.trees, config.split.test_days, config.data.columns) == (200, 0, {"order_id": "sku"})


def test_an_override_that_is_no_toml_is_text(tmp_path: Path) -> None:
    assert loaded(tmp_path, SMALL, "data.products=some/products.csv").data.products == "some/products.csv"


def test_an_override_may_hold_an_equals_sign(tmp_path: Path) -> None:
    config = loaded(tmp_path, SMALL, "data.columns.is_fee=department = 'FUEL'")
    assert config.data.columns == {"is_fee": "department = 'FUEL'"}


@pytest.mark.parametrize("override", ["ranker.trees", "=1", "ranker..trees=1"])
def test_an_override_without_key_and_value_is_refused(tmp_path: Path, override: str) -> None:
    assert "expected section.key=value" in refusal(tmp_path, SMALL, override)


def test_an_override_below_a_value_is_refused(tmp_path: Path) -> None:
    assert "name is a value, not a section" in refusal(tmp_path, SMALL, "name.first=1")


def test_an_unknown_key_is_named_with_its_section(tmp_path: Path) -> None:
    assert "contract.fees" in refusal(tmp_path, SMALL, "contract.fees=1")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("treshold.confidence=0.8", "treshold: no such key; did you mean 'thresholds'?"),
        ("contract.fees=1", "contract.fees: no such key; did you mean 'fee'?"),
        ("thresholds.cross-sel.cost_ratio=1", "thresholds.cross-sel: no such key; did you mean 'cross-sell'?"),
        ("thresholds.add-on.cost_ration=1", "thresholds.add-on.cost_ration: no such key; did you mean 'cost_ratio'?"),
        ("thresholds.precision.upsel=0.1", "thresholds.precision.upsel: no such key; did you mean 'upsell'?"),
        ("data.columns.costumer_id=a", "data.columns.costumer_id: no such key; did you mean 'customer_id'?"),
        ("data.encoding=latin-one", "data.encoding: Value error, expected an encoding, as utf-8"),
        ("data.encoding=base64", "data.encoding: Value error, expected an encoding, as utf-8"),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_may_be_meant(tmp_path: Path, override: str, told: str) -> None:
    assert told in refusal(tmp_path, SMALL, override)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = " + "[" * 100_000 + "]" * 100_000,
        "x = " + "{a=" * 100_000,
        "seed = " + "9" * 5_000,
        ".".join(["a"] * 500) + " = 1",
        "seed = '" + "x" * 1_000_000 + "'",
    ],
    ids=["open brackets", "brackets", "tables", "digits", "dots", "a long text"],
)
def test_a_hostile_file_is_refused_in_few_words(tmp_path: Path, text: str) -> None:
    assert len(refusal(tmp_path, text)) < 2_000
    assert len(refusal(tmp_path, SMALL, text.replace("x = ", "seed=").replace(" = ", "="))) < 2_000


def test_a_section_that_a_manifest_has_as_null_can_be_set_below(tmp_path: Path) -> None:
    tables = loaded(tmp_path).model_dump(mode="json", by_alias=True)
    assert tables["thresholds"]["add-on"] is None
    lay_over(tables, "thresholds.add-on.cost_ratio=0.1")
    assert parse_config(tables, "a manifest").thresholds.target("add-on").cost_ratio == 0.1


@pytest.mark.parametrize(
    "uri",
    [
        "http://alice:s3cret@host:5000",
        "http://alice:p/a@s3cret@host",
        "postgresql://host/db?user=alice&password=s3cret",
        "postgresql+psycopg://alice:s3cret@host/db",
    ],
)
def test_a_password_is_in_no_form_of_the_configuration_that_others_see(tmp_path: Path, uri: str) -> None:
    config = loaded(tmp_path, SMALL, f"tracking.uri={uri}")
    assert config.tracking.uri == uri
    assert "s3cret" not in json.dumps([flat(config), public(config)])
    assert "s3cret" not in refusal(tmp_path, SMALL, f"tracking.enabled={uri}")
    assert "s3cret" not in refusal(tmp_path, f"[tracking]\nuri = '{uri}'\n")


def test_an_unknown_column_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    message = refusal(tmp_path, SMALL, 'data.columns.costumer_id="a"')
    assert "data.columns.costumer_id" in message
    assert "'customer_id'" in message


@pytest.mark.parametrize(
    "override",
    [
        "contract.max_reject_share=1.5",
        'contract.fee="drop"',
        "split.test_days=-1",
        "split.calibrate_days=0",
        "split.rank_days=0",
        "split.test_days=1.5",
    ],
)
def test_a_value_out_of_its_range_is_named(tmp_path: Path, override: str) -> None:
    assert override.partition("=")[0] in refusal(tmp_path, SMALL, override)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration"):
        load_config(tmp_path / "none.toml")


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    assert "job.toml: expected TOML, got" in refusal(tmp_path, "name: small")


def test_a_configuration_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded(tmp_path).data.orders = "others.csv"  # type: ignore[misc]


def test_an_empty_catalogue_is_none(tmp_path: Path) -> None:
    given = {"name": "small", "data": {"orders": "orders.csv", "products": "products.csv"}}
    assert parse_config(given, "here").data.products == "products.csv"
    lay_over(given, "data.products=")
    assert parse_config(given, "here").data.products is None


def test_a_resolved_config_read_again_is_the_same(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    assert parse_config(config.model_dump(mode="json"), "a manifest") == config


def test_a_flat_config_names_each_value_by_its_path(tmp_path: Path) -> None:
    found = flat(loaded(tmp_path))
    assert found["data.orders"] == "orders.csv"
    assert found["thresholds.precision.upsell"] > 0
    assert not any(isinstance(value, dict) and value for value in found.values())


def fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str | None]]:
    """Each key and what its field says below it."""
    for name, field in section.model_fields.items():
        inner = [own for own in (field.annotation, *get_args(field.annotation)) if own in SECTIONS]
        if inner:
            yield from fields(inner[0], f"{prefix}{field.alias or name}.")
        else:
            yield f"{prefix}{field.alias or name}", field.description


SECTIONS = ConfigSection.__subclasses__()


def test_every_key_says_what_it_means() -> None:
    told = dict(fields(Config))
    assert {"seed", "ranker.trees", "thresholds.add-on.margin"} <= told.keys()
    assert [key for key, text in told.items() if not text] == []


def test_the_page_says_which_names_are_fees() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    pattern = parse_config({"name": "small", "data": {"orders": "orders.csv"}}, "here").contract.fee_pattern
    for name in ("POSTAGE", "Manual", "Bank charges", "Adjust bad debt", "COUPON/MISC ITEMS"):
        assert re.search(pattern, name)
        assert name.lower() in text.lower()


def test_a_kind_is_wanted_in_exactly_one_way() -> None:
    def thresholds(**kind: Any) -> ThresholdConfig:
        tables = {"name": "small", "data": {"orders": "orders.csv"}, "thresholds": {"add-on": kind}}
        return parse_config(tables, "here").thresholds

    assert thresholds(coverage=0.2).target("add-on").coverage == 0.2
    assert thresholds(coverage=0.2).target("upsell").precision == 0.05, "the others keep their precision"
    assert thresholds(mean_precision=0.2).target("add-on").mean_precision == 0.2
    for wrong in ({}, {"precision": 0.1, "coverage": 0.2}, {"margin": 1.0}, {"cost_ratio": 0.1, "margin": 1.0}):
        with pytest.raises(ConfigError, match=r"thresholds\.add-on"):
            thresholds(**wrong)


def test_a_precision_for_some_kinds_leaves_the_others_as_they_are() -> None:
    found = ThresholdConfig(precision={"upsell": 0.3})
    assert found.target("upsell").precision == 0.3
    assert found.target("add-on").precision == 0.02
