"""The pictures of an uplift analysis, as PNG bytes: effects, looks over time, what CUPED saves, attributed beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mersalg_training.plots.style import FAINT, INK, QUIET, RULE, STRONG, canvas, percent_ticks, plain_axes, png
from mersalg_training.plots.training import bars

if TYPE_CHECKING:
    from mersalg_training.uplift.result import EffectLine, Look


def label(line: EffectLine) -> str:
    """The line's name beside its bar."""
    return f"{line.measure} ({'' if line.segment == 'all' else line.segment + ', '}{line.days:g} days)"


def effects(lines: Sequence[EffectLine]) -> bytes:
    """Draw the relative effect of every measure with its interval for a single look; the primary one in blue."""
    drawn = [line for line in lines if line.effect is not None and line.effect.relative is not None]
    figure = canvas(8.6, 1.4 + 0.3 * max(len(drawn), 1), "What the offers add, relative to the control")
    if not drawn:
        return png(figure)
    axes = figure.add_subplot()
    axes.axvline(0.0, color=QUIET, linewidth=1)
    for place, line in enumerate(drawn):
        effect = line.effect
        if effect is None or effect.relative is None or effect.relative_low is None or effect.relative_high is None:
            continue
        colour = STRONG if place == 0 else INK
        bounds = [effect.relative_low, effect.relative_high]
        axes.plot(bounds, [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(effect.relative, place, "o", color=colour, markersize=5)
    plain_axes(axes, "relative effect, interval for a single look", "", grid="x")
    axes.set_yticks(range(len(drawn)), [label(line) for line in drawn])
    axes.set_ylim(len(drawn) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(percent_ticks())
    return png(figure)


def looks_over_time(looks: Sequence[Look], measure: str) -> bytes:
    """Draw the primary effect at every look, with the interval for one look and the one for all of them."""
    figure = canvas(8.4, 4.4, f"{measure}: the effect as customers came in")
    if not looks:
        return png(figure)
    axes = figure.add_subplot()
    units = [look.effect.units_control + look.effect.units_treatment for look in looks]
    axes.axhline(0.0, color=QUIET, linewidth=1)
    always = [(u, look.effect) for u, look in zip(units, looks, strict=True) if look.effect.always_low is not None]
    axes.fill_between(
        [u for u, _ in always], [e.always_low or 0.0 for _, e in always], [e.always_high or 0.0 for _, e in always],
        color=RULE, label="holds at every look",
    )  # fmt: skip
    low, high = [look.effect.low for look in looks], [look.effect.high for look in looks]
    axes.fill_between(units, low, high, color=FAINT, label="holds at one look")
    axes.plot(units, [look.effect.effect for look in looks], color=STRONG, linewidth=1.8, marker="o", markersize=4)
    plain_axes(axes, f"units with a complete window (last look {looks[-1].day})", "difference from the control")
    axes.legend(fontsize=9, edgecolor=RULE)
    return png(figure)


def variance_saved(lines: Sequence[EffectLine]) -> bytes:
    """Draw the share of the variance that the time before the assignment takes away."""
    saved = {
        f"{line.arm}: {label(line)}": line.effect.variance_saved
        for line in lines
        if line.effect is not None and line.effect.variance_saved is not None and line.segment == "all"
    }
    return bars(saved, "CUPED: variance that is explained by the time before", "share of the variance", percent=True)


def attributed_beside(primary: EffectLine, attributed: float) -> bytes:
    """Draw attributed revenue beside what was added, the latter with both of its intervals."""
    figure = canvas(7.6, 2.6, "Attributed is not added: revenue a unit")
    axes = figure.add_subplot()
    axes.axvline(0.0, color=QUIET, linewidth=1)
    axes.barh(1, attributed, height=0.5, color=FAINT)
    if primary.effect is not None:
        axes.barh(0, primary.effect.effect, height=0.5, color=STRONG)
        axes.plot([primary.effect.low, primary.effect.high], [0, 0], color=INK, linewidth=1.6)
    plain_axes(axes, "revenue a unit; black: interval for a single look", "", grid="x")
    axes.set_yticks([0, 1], ["added, by the hold-out", "attributed"])
    axes.set_ylim(-0.6, 1.6)
    return png(figure)
