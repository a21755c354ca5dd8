"""The text of a new configuration: what a shop's files are, and the keys that shops change most, at their defaults."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mersalg_training.columns import NO_PRICE, SWITCHED_OFF, Column, Format
from mersalg_training.config import (
    PRECISION_WANTED,
    Config,
    ContractConfig,
    DataConfig,
    ThresholdConfig,
    TrackingConfig,
)

TEMPLATE_PATHS: Final = ("exports/orders.parquet", "exports/products.csv")
COMMENT_AT: Final = 32
"""Column at which a line's comment begins."""
WIDTH: Final = 120
HEAD: Final = """\
# A training job. Paths begin at the folder in which a command runs. A key behind a # shows its default, or an example
# where the default is measured. docs/configuration.md has every key.
"""


@dataclass(frozen=True)
class FoundColumns:
    """What was found in a shop's files."""

    orders: str
    products: str | None
    encoding: str
    columns: Mapping[Column, str]
    """mersalg's column -> the column or expression, where that is not its own name."""
    notes: Sequence[str]
    """What is read otherwise than it says, in sentences."""
    switched_off: Sequence[str]
    """What missing columns switch off, in sentences."""
    format: Format = "table"


def job_text(name: str, result: FoundColumns | None) -> str:
    """The configuration of a job as TOML; None = a template whose paths are placeholders."""
    sections = [
        HEAD
        + key("name", name, "of the job, its bundle and its registered model")
        + key("seed", Config.model_fields["seed"].default, "where every draw starts from"),
        data_section(result),
        columns_section(result),
        "[contract]\n"
        + default("max_reject_share", ContractConfig().max_reject_share, "more rejected lines than this stop the job"),
        "[split]" + comment("[split]", "windows, in days back from the end of the history")
        + default("test_days", 30, "held back for evaluation; left out: 10 % of the history")
        + default("calibrate_days", 30, "calibrates and certifies; left out: 10 %")
        + default("rank_days", 45, "trains the rankers; left out: 15 %"),
        "[label]\n"
        + default("horizon_days", 14.0, "bought within so many days counts, after payment; left out: measured"),
        "[thresholds]\n"
        + default("confidence", ThresholdConfig().confidence, "of the certificates")
        + default("uncertified", ThresholdConfig().uncertified, 'or "silent": show nothing that is not certified'),
        "[thresholds.precision]" + comment("[thresholds.precision]", "the least relevance of each offer shown")
        + "".join(default(kind, share) for kind, share in PRECISION_WANTED.items()),
        "[tracking]" + comment("[tracking]", "MLflow; without a uri or MLFLOW_TRACKING_URI in ~/.local/share/mersalg")
        + default("enabled", TrackingConfig().enabled, "false: no run is logged"),
    ]  # fmt: skip
    return "\n".join(sections)


def data_section(result: FoundColumns | None) -> str:
    """Where the files are."""
    if result is None:
        orders, products = TEMPLATE_PATHS
        return (
            "[data]\n"
            "# PLACEHOLDERS: put the paths of your own files here; Parquet or CSV, one file, a glob or a folder.\n"
            + key("orders", orders, "the order lines")
            + key("products", products, "the catalogue; without one, take this line out")
        )
    lines = "[data]\n" + key("orders", result.orders, "the order lines")
    if result.format != "table":
        lines += key("format", result.format, "the shop system whose export it is")
    if result.encoding != DataConfig.model_fields["encoding"].default:
        lines += key("encoding", result.encoding, "of the CSV files")
    if result.products is None:
        return lines + default("products", TEMPLATE_PATHS[1], "a catalogue, if there is one")
    return lines + key("products", result.products, "the catalogue")


def columns_section(result: FoundColumns | None) -> str:
    """The columns that have other names, and what a missing one switches off."""
    lines = ["[data.columns]" + comment("[data.columns]", "our column = a column of the files, or a DuckDB expression")]
    if result is None:
        lines.append("# Needed are order_id, product_id and ordered_at; usual names are found without a line here.\n")
        lines.append(default("order_id", "receipt", "for example"))
        off: Sequence[str] = [*SWITCHED_OFF.values(), NO_PRICE]
    else:
        lines += [key(column, told) for column, told in result.columns.items()]
        lines += [wrapped("# ", sentence) for sentence in result.notes]
        off = result.switched_off
    if off:
        lines.append("# What a missing column switches off; one that only has another name belongs above:\n")
        lines += [wrapped("# - ", sentence) for sentence in off]
    return "".join(lines)


def key(name: str, value: Any, what: str = "") -> str:
    """A line of TOML."""
    return with_comment(f"{name} = {json.dumps(value, ensure_ascii=False)}", what)


def default(name: str, value: Any, what: str = "") -> str:
    """A line of TOML that is commented out."""
    return with_comment(f"# {name} = {json.dumps(value, ensure_ascii=False)}", what)


def wrapped(mark: str, sentence: str) -> str:
    """A sentence as lines of comment."""
    return textwrap.fill(sentence, WIDTH, initial_indent=mark, subsequent_indent=f"{'#':<{len(mark)}}") + "\n"


def with_comment(line: str, what: str) -> str:
    """The line with its comment at the usual column."""
    return line + (comment(line, what) if what else "\n")


def comment(line: str, what: str) -> str:
    """What follows a line: blanks, the comment, the line's end."""
    return " " * max(COMMENT_AT - len(line), 2) + f"# {what}\n"
