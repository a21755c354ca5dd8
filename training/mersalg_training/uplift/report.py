"""What `mersalg uplift` shows: tables on the terminal, JSON and Markdown in a folder, a run in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mersalg.errors import DataError
from mersalg_training.export import as_json
from mersalg_training.report_run import finite
from mersalg_training.tracking import Run
from mersalg_training.uplift import pictures
from mersalg_training.uplift.analysis import Line, Uplift
from mersalg_training.uplift.measures import Form

HEADER = ("measure", "days", "control", "arm", "difference", "read once", "at every look", "relative", "CUPED", "q")
NOT_UPLIFT = "attributed, which is not uplift: most of it is bought without an offer"


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
    return "-" if low is None or high is None else f"{number(low, form, True)} to {number(high, form, True)}"


def cells(line: Line) -> list[str]:
    """A line of the table."""
    name = line.measure if line.segment == "all" else f"{line.measure}, {line.segment} customers"
    days = f"{line.days:g}"
    effect = line.effect
    if effect is None:
        return [name, days, "nothing to compare" + (f", {line.waiting:,} wait" if line.waiting else ""), *[""] * 7]
    relative = "-"
    if effect.relative is not None and effect.relative_low is not None and effect.relative_high is not None:
        relative = f"{effect.relative:+.1%} ({effect.relative_low:+.1%} to {effect.relative_high:+.1%})"
    return [
        name, days, number(effect.control, line.form), number(effect.treatment, line.form),
        number(effect.effect, line.form, True), between(effect.low, effect.high, line.form),
        between(effect.always_low, effect.always_high, line.form), relative,
        "-" if effect.variance_saved is None else f"-{effect.variance_saved:.0%}",
        "primary" if line.q_value is None else f"{line.q_value:.3f}",
    ]  # fmt: skip


def arms_of(found: Uplift) -> list[str]:
    """The arms that are compared with the control."""
    return list(dict.fromkeys(line.arm for line in found.lines))


def facts(found: Uplift) -> list[str]:
    """Sentences before the table: who was compared, whether that can be believed, what the test can see."""
    options, ratio = found.options, found.ratio
    told = [f"Experiment  {found.experiment or 'without a name'}, assigned by {found.unit}, control {options.control}"]
    sizes = ", ".join(f"{arm} {count:,}" for arm, count in ratio.units.items())
    if ratio.shares is None:
        told.append(f"Units       {sizes}; NOT CHECKED against what was drawn: the record has no propensity, give --shares")
    else:
        drawn = ", ".join(f"{arm} {share:.1%}" for arm, share in ratio.shares.items())
        tests = f"p = {'-' if ratio.p_value is None else f'{ratio.p_value:.3f}'}, at every look {ratio.always_p_value:.3f}"
        told.append(f"Units       {sizes}; drawn {drawn}; {tests}")
    if ratio.mismatch:
        told.append(
            "MISMATCH    the arms do not have the sizes that were drawn. Nothing below can be believed until it is known "
            "which units one arm lost or doubled"
        )
    for line in found.primary:
        effect = line.effect
        if effect is None:
            continue
        power = "-" if effect.detectable is None else f"{effect.detectable:.1%}"
        needed = "-" if found.needed is None else f"{found.needed:,}"
        told.append(
            f"Power       {line.measure}, {line.arm}: {power} is found with 80 % power by these "
            f"{effect.units_control + effect.units_treatment:,} units; {options.detect:.1%} needs {needed}"
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
        table = Table(*HEADER, title=f"{arm} against {found.options.control}", title_justify="left")
        for column in table.columns[2:]:
            column.justify = "right"
        for line in found.lines:
            if line.arm == arm:
                table.add_row(*cells(line))
        parts.append(table)
    parts.append(Text(f"Intervals of {found.options.confidence:.0%}. {reading(found)}"))
    parts += [Text(f"Note        {note}") for note in found.notes]
    return Group(*parts)


def reading(found: Uplift) -> str:
    """How to read the two intervals."""
    return (
        "'Read once' holds at one look at a time fixed before; 'at every look' holds however often one looks, and may "
        "be stopped on. q is the p-value after Benjamini and Hochberg over all lines but the primary one."
    )


def markdown(found: Uplift) -> str:
    """The same as a Markdown document."""
    lines = ["# Uplift", "", *(f"- {fact}" for fact in facts(found)), ""]
    for arm in arms_of(found):
        lines += [f"## {arm} against {found.options.control}", "", f"| {' | '.join(HEADER)} |", "| --- " * len(HEADER) + "|"]
        lines += [f"| {' | '.join(cells(line))} |" for line in found.lines if line.arm == arm]
        lines.append("")
    lines += [f"Intervals of {found.options.confidence:.0%}. {reading(found)}", "", *(f"- {note}" for note in found.notes)]
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
