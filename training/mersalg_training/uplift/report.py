"""What `mersalg uplift` shows: tables on the terminal, JSON and Markdown in a folder, a run in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mersalg.errors import DataError
from mersalg_training.json_values import as_json, finite
from mersalg_training.tracking.mlflow_run import Run
from mersalg_training.uplift import pictures
from mersalg_training.uplift.estimates import Effect
from mersalg_training.uplift.measures import Form
from mersalg_training.uplift.result import Line, Uplift

HEADER: Final = (
    "measure",
    "days",
    "control",
    "arm",
    "difference, read once",
    "at every look",
    "relative",
    "CUPED",
    "q",
)
NOT_UPLIFT: Final = "attributed, which is not uplift: most of it is bought without an offer"


def number(value: float | None, form: Form, signed: bool = False) -> str:
    """A value as a person reads it; a dash for none."""
    if value is None:
        return "-"
    sign = "+" if signed else ""
    if form == "share":
        return f"{100.0 * value:{sign}.2f}{' pp' if signed else ' %'}"
    return f"{value:{sign},.2f}" if form == "money" else f"{value:{sign},.3f}"


def between(low: float | None, high: float | None, form: Form) -> str:
    """An interval; a dash for none."""
    if low is None or high is None:
        return "-"
    return f"{number(low, form, True)} to {number(high, form, True)}".replace(" pp to", " to")


def cells(line: Line, effect: Effect) -> list[str]:
    """A line of the table."""
    return [
        line.measure if line.segment == "all" else f"{line.measure}, {line.segment}",
        f"{line.days:g}",
        number(effect.control, line.form),
        number(effect.treatment, line.form),
        f"{number(effect.effect, line.form, True)} ({between(effect.low, effect.high, line.form)})",
        between(effect.always_low, effect.always_high, line.form),
        "-" if effect.relative is None else f"{effect.relative:+.1%}",
        "-" if effect.variance_saved is None else f"-{effect.variance_saved:.0%}",
        "primary" if line.q_value is None else f"{line.q_value:.3f}",
    ]


def rows(found: Uplift, arm: str) -> list[list[str]]:
    """The lines of an arm of which there is something to tell."""
    return [cells(line, line.effect) for line in found.lines if line.arm == arm and line.effect is not None]


def not_told(found: Uplift) -> list[str]:
    """A sentence for each line without an effect, and why."""
    told = []
    for line in found.lines:
        if line.effect is None:
            whom = "" if line.segment == "all" else f", {line.segment} customers"
            why = f"{line.waiting:,} units wait for the end of it" if line.waiting else "too few units, or no variance"
            told.append(f"not told: {line.measure} over {line.days:g} days, {line.arm}{whom}: {why}")
    return told


def arms_of(found: Uplift) -> list[str]:
    """The arms that are compared with the control."""
    return list(dict.fromkeys(line.arm for line in found.lines))


def facts(found: Uplift) -> list[str]:
    """Sentences before the table: who was compared, whether that can be believed, what the test can see."""
    options, ratio = found.options, found.ratio
    told = [f"Experiment  {found.experiment or 'without a name'}, assigned by {found.unit}, control {options.control}"]
    sizes = ", ".join(f"{arm} {count:,}" for arm, count in ratio.units.items())
    if ratio.shares is None:
        told.append(
            f"Units       {sizes}; NOT CHECKED against what was drawn: the record has no propensity, give --shares"
        )
    else:
        drawn = ", ".join(f"{arm} {share:.1%}" for arm, share in ratio.shares.items())
        tests = (
            f"p = {'-' if ratio.p_value is None else f'{ratio.p_value:.3f}'}, at every look {ratio.always_p_value:.3f}"
        )
        told.append(f"Units       {sizes}; drawn {drawn}; {tests}")
    if ratio.mismatch:
        told.append(
            "MISMATCH    the arms do not have the sizes that were drawn. Nothing below can be believed until it is "
            "known which units one arm lost or doubled"
        )
    for arm, power in found.power.items():
        told.append(
            f"Power       {found.primary[0].measure}, {arm}: {power.detectable:.1%} is found with 80 % power by these "
            f"units; {options.detect:.1%} needs {power.units_needed:,}"
        )
    for arm, revenue in found.attributed.items():
        told.append(f"Attributed  {arm}: {revenue:,.2f} revenue a unit ({NOT_UPLIFT})")
    return told


def render(found: Uplift) -> RenderableType:
    """Everything for the terminal."""
    parts: list[RenderableType] = [
        Text(line, style="bold red" if line.startswith("MISMATCH") else "") for line in facts(found)
    ]
    for arm in arms_of(found):
        table = Table(
            *HEADER,
            title=f"{arm} against {found.options.control}",
            title_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        table.pad_edge = False
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows(found, arm):
            table.add_row(*row)
        parts.append(table)
    parts += [Text(line) for line in reading(found)]
    parts += [Text(f"Note        {note}") for note in [*found.notes, *not_told(found)]]
    return Group(*parts)


def reading(found: Uplift) -> list[str]:
    """How to read the table."""
    return [
        f"Intervals of {found.options.confidence:.0%}. 'Read once' holds at one look, at a time fixed before; 'at "
        "every look' holds however often one looks, so one may stop on it.",
        "CUPED: variance that the time before explains. q: p-value after Benjamini and Hochberg over all lines but the "
        "primary one.",
    ]


def markdown(found: Uplift) -> str:
    """The same as a Markdown document."""
    lines = ["# Uplift", "", *(f"- {fact}" for fact in facts(found)), ""]
    for arm in arms_of(found):
        lines += [
            f"## {arm} against {found.options.control}",
            "",
            f"| {' | '.join(HEADER)} |",
            "| --- " * len(HEADER) + "|",
        ]
        lines += [f"| {' | '.join(row)} |" for row in rows(found, arm)]
        lines.append("")
    lines += [*reading(found), "", *(f"- {note}" for note in [*found.notes, *not_told(found)])]
    return "\n".join(lines) + "\n"


def plots(found: Uplift) -> dict[str, bytes]:
    """File name -> PNG."""
    drawn = {"cuped.png": pictures.variance_saved(found.lines)}
    for arm in arms_of(found):
        drawn[f"effects_{arm}.png"] = pictures.effects([line for line in found.lines if line.arm == arm])
        looks = [look for look in found.looks if look.arm == arm]
        drawn[f"looks_{arm}.png"] = pictures.looks_over_time(looks, found.primary[0].measure)
        primary = next(line for line in found.primary if line.arm == arm)
        drawn[f"attributed_{arm}.png"] = pictures.attributed_beside(primary, found.attributed[arm])
    return drawn


def write_report(found: Uplift, folder: Path) -> None:
    """Write uplift.json, uplift.md and the plots into a folder, which is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "uplift.json").write_bytes(as_json(finite(found.to_json())))
        (folder / "uplift.md").write_text(markdown(found), encoding="utf-8")
        for name, png in plots(found).items():
            (folder / name).write_bytes(png)
    except OSError as error:
        raise DataError(f"--out {folder}: cannot be written: {error.strerror or error}") from None


def log_uplift(run: Run, found: Uplift, sources: Mapping[str, str], digest: str) -> None:
    """Parameters, a metric for each bound of each line, the report and the plots."""
    options = {f"uplift.{name}": value for name, value in vars(found.options).items() if name != "shares"}
    run.log_params({**options, "uplift.experiment": found.experiment or "", "uplift.unit": found.unit})
    run.log_dataset("orders and exposures", digest, sources["orders"], {"offers": sources["offers"]})
    run.log_metrics(metrics(found))
    run.set_tags({"uplift.sample_ratio_mismatch": str(found.ratio.mismatch).lower()})
    run.log_text("uplift.json", as_json(finite(found.to_json())).decode())
    run.log_text("uplift.md", markdown(found))
    for name, png in plots(found).items():
        run.log_figure(f"plots/{name}", png)


def metrics(found: Uplift) -> dict[str, float]:
    """Metric name -> value; what there is nothing of is left out."""
    values: dict[str, float | None] = {
        "uplift/sample_ratio/p": found.ratio.p_value,
        "uplift/sample_ratio/p_at_every_look": found.ratio.always_p_value,
    }
    for line in found.lines:
        name = f"uplift/{line.arm}/{line.measure}/{line.days:g} days".replace(",", "")
        name += "" if line.segment == "all" else f"/{line.segment}"
        if line.effect is not None:
            for field in ("effect", "low", "high", "always_low", "always_high", "relative", "variance_saved"):
                values[f"{name}/{field}"] = getattr(line.effect, field)
    values.update({f"attributed_not_uplift/{arm}/revenue": value for arm, value in found.attributed.items()})
    return {name.replace(" ", "_"): value for name, value in values.items() if value is not None}
