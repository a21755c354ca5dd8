"""An analysis for people: sentences and tables for a terminal, and the same in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from mersalg_training.figure_table import FigureTable, as_markdown, as_text
from mersalg_training.uplift.estimates import Effect
from mersalg_training.uplift.measures import Form
from mersalg_training.uplift.result import EffectLine, Uplift
from mersalg_training.uplift.trial_check import TrialCheck

COLUMNS: Final = (
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


def render(uplift: Uplift) -> RenderableType:
    """Everything for a terminal."""
    return Group(
        *(Text(line, style="bold red" if line.startswith("MISMATCH") else "") for line in facts(uplift)),
        *map(as_text, tables(uplift)),
        *map(Text, reading(uplift)),
        *(Text(f"Note        {note}") for note in [*uplift.notes, *not_told(uplift)]),
    )


def render_check(found: TrialCheck) -> RenderableType:
    """The verdicts on a trial, and what each fault means."""
    rows = [
        [check.name, check.verdict, check.found, "-" if check.p_value is None else f"{check.p_value:.3f}"]
        for check in found.checks
    ]
    table = FigureTable("", ["check", "verdict", "found", "p"], rows, words=[1, 2])
    faults = [f"FAULT       {check.name}: {check.advice}" for check in found.checks if check.verdict == "FAULT"]
    return Group(
        Text(f"Experiment  {found.experiment or 'without a name'}, assigned by {found.unit}"),
        as_text(table),
        *(Text(fault, style="bold red") for fault in faults),
        *([] if faults else [Text("Sound       nothing speaks against this trial")]),
        *(Text(f"Note        {note}") for note in found.notes),
    )


def markdown(uplift: Uplift) -> str:
    """The same as a Markdown document."""
    parts = ["# Uplift", "\n".join(f"- {fact}" for fact in facts(uplift))]
    for table in tables(uplift):
        parts += [f"## {table.title}", as_markdown(replace(table, title=""))]
    parts += [*reading(uplift), "\n".join(f"- {note}" for note in [*uplift.notes, *not_told(uplift)])]
    return "\n\n".join(parts).rstrip() + "\n"


def tables(uplift: Uplift) -> Iterator[FigureTable]:
    """A table for each arm, of the lines of which there is something to tell."""
    for arm in arms_of(uplift):
        rows = [cells(line, line.effect) for line in uplift.lines if line.arm == arm and line.effect is not None]
        yield FigureTable(f"{arm} against {uplift.options.control}", COLUMNS, rows)


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


def cells(line: EffectLine, effect: Effect) -> list[str]:
    """A line of the table."""
    return [
        line.measure if line.segment == "all" else f"{line.measure}, {line.segment}",
        f"{line.days:g}",
        number(effect.control, line.form),
        number(effect.treatment, line.form),
        f"{number(effect.effect, line.form, True)} ({between(effect.low, effect.high, line.form)})",
        between(effect.always_low, effect.always_high, line.form),
        "-" if effect.relative is None else f"{effect.relative:+.1%}",
        "-" if effect.variance_saved is None else f"{-effect.variance_saved:+.0%}",
        "primary" if line.q_value is None else f"{line.q_value:.3f}",
    ]


def not_told(uplift: Uplift) -> list[str]:
    """A sentence for each line without an effect, and why."""
    told = []
    for line in uplift.lines:
        if line.effect is None:
            whom = "" if line.segment == "all" else f", {line.segment} customers"
            why = (
                f"{line.waiting:,} units wait for the end of it"
                if line.waiting
                else "too few units, no variance, or few units that carry it"
            )
            told.append(f"not told: {line.measure} over {line.days:g} days, {line.arm}{whom}: {why}")
    return told


def arms_of(uplift: Uplift) -> list[str]:
    """The arms that are compared with the control."""
    return list(dict.fromkeys(line.arm for line in uplift.lines))


def facts(uplift: Uplift) -> list[str]:
    """Sentences before the table: who was compared, whether that can be believed, what the test can see."""
    options, ratio = uplift.options, uplift.ratio
    name = uplift.experiment or "without a name"
    told = [f"Experiment  {name}, assigned by {uplift.unit}, control {options.control}"]
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
    for arm, power in uplift.power.items():
        told.append(
            f"Power       {uplift.primary[0].measure}, {arm}: {power.detectable:.1%} is found with 80 % power by these "
            f"units; {options.detect:.1%} needs {power.units_needed:,}"
        )
    for arm, revenue in uplift.attributed.items():
        told.append(f"Attributed  {arm}: {revenue:,.2f} revenue a unit ({NOT_UPLIFT})")
    return told


def reading(uplift: Uplift) -> list[str]:
    """How to read the table."""
    return [
        f"Intervals of {uplift.options.confidence:.0%}. 'Read once' holds at one look, at a time fixed before; 'at "
        "every look' holds however often one looks, so one may stop on it.",
        "CUPED: variance that the time before explains. q: p-value after Benjamini and Hochberg over all lines but the "
        "primary one.",
    ]
