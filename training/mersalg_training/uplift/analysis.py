"""The whole analysis: every measure of every arm against the control, the checks before it, and the looks over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import duckdb
import numpy as np
from scipy.stats import chisquare, false_discovery_control

from mersalg.errors import ConfigError, DataError
from mersalg.names import KINDS
from mersalg_training.uplift.always_valid import MIN_LOOK, always_valid_ratio
from mersalg_training.uplift.estimates import Power, compare, power_of
from mersalg_training.uplift.measures import WINDOWS, Measure, customer_measures, order_measures
from mersalg_training.uplift.outcomes import ORDER_WINDOW, Booleans, Float64, Units, read_units, sum_offers, sum_window
from mersalg_training.uplift.record import Record
from mersalg_training.uplift.result import EffectLine, Look, Options, SampleRatio, Segment, Uplift

LOOKS: Final = 12


def analyse(connection: duckdb.DuckDBPyConnection, record: Record, options: Options, has_cost: bool) -> Uplift:
    """Compare every arm with the control; needs what `read_record` and `tie_orders` made.

    ConfigError: the control is no arm. DataError: no unit of some arm has a complete window.
    """
    arms = check_arms(record, options)
    units = read_units(connection)
    days = options.window_days if record.unit == "customer" else ORDER_WINDOW
    tables = {window: read_table(connection, record, options, window) for window in windows_of(record, days)}
    notes = check_windows(units, days, options.control, arms)
    measures = choose_measures(connection, record, has_cost)
    lines = []
    for arm in arms:
        for measure in measures:
            lines.append(measure_line(units, tables, measure, arm, "all", options, days))
        for segment in ("new", "existing"):
            told = [measures[0], *(m for m in measures if m.name == "revenue per order")]
            lines += [measure_line(units, tables, m, arm, segment, options, days) for m in told]
    looks = [look for arm in arms for look in look_back(units, tables[days], measures[0], arm, options, days)]
    attributed = {
        arm: float(tables[days]["attributed"][complete(units, days) & (units.arm == arm)].mean()) for arm in arms
    }
    power = {arm: primary_power(units, tables[days], measures[0], arm, options, days) for arm in arms}
    return Uplift(
        record.experiment, record.unit, options, check_ratio(units, record, options), adjust(lines), looks,
        attributed, {arm: seen for arm, seen in power.items() if seen is not None}, notes,
    )  # fmt: skip


def check_arms(record: Record, options: Options) -> list[str]:
    """The arms that are compared with the control; ConfigError where it is no arm, or the only one."""
    arms = [arm for arm in record.arms if arm != options.control]
    if options.control not in record.arms or not arms:
        raise ConfigError(
            f"--control {options.control}: expected one of two or more arms of the record, which has "
            f"{', '.join(record.arms)}"
        )
    return arms


def windows_of(record: Record, days: float) -> list[float]:
    """The windows that some measure needs, that of the analysis first."""
    return list(dict.fromkeys([days, *map(float, WINDOWS if record.unit == "customer" else ())]))


def read_table(
    connection: duckdb.DuckDBPyConnection, record: Record, options: Options, days: float
) -> dict[str, Float64]:
    """Every column of the measures over a window of days, (n,) each."""
    after = sum_window(connection, 0.0, days)
    table = {**after, "repeat": (after["orders"] >= 2).astype(np.float64)}
    table.update(sum_offers(connection, days, options.attribution_days))
    if record.unit == "customer":
        before = sum_window(connection, -options.before_days, 0.0)
        table.update({f"pre {name}": values for name, values in before.items()})
    return table


def choose_measures(connection: duckdb.DuckDBPyConnection, record: Record, has_cost: bool) -> list[Measure]:
    """The measures for which there are data."""
    has_returns = connection.execute("SELECT count(*) FROM brought_back").fetchall()[0][0] > 0
    offered = connection.execute(
        "SELECT DISTINCT kind FROM exposures WHERE product_id IS NOT NULL AND NOT shown"
    ).fetchall()
    kinds = tuple(kind for kind in KINDS if (kind,) in offered)
    make = customer_measures if record.unit == "customer" else order_measures
    return make(has_cost, has_returns, kinds)


def complete(units: Units, days: float) -> Booleans:
    """(n,) whether a unit's window of days lies within the data."""
    return np.asarray(units.observed_days >= days, dtype=bool)


def check_windows(units: Units, days: float, control: str, arms: list[str]) -> list[str]:
    """Say how many units wait for their window; DataError where an arm has fewer than two that do not."""
    counted = complete(units, days)
    for arm in (control, *arms):
        if (counted & (units.arm == arm)).sum() < 2:
            raise DataError(
                f"arm {arm}: expected at least 2 units with {days:g} days of orders after their assignment, got "
                f"{int((counted & (units.arm == arm)).sum())}; the longest there is has "
                f"{max(0.0, float(units.observed_days.max())):.1f} days: wait, or give a shorter --window-days"
            )
    waiting = len(units) - int(counted.sum())
    return [f"{waiting:,} of {len(units):,} units wait for the end of their {days:g} days"] if waiting else []


def measure_line(
    units: Units,
    tables: Mapping[float, dict[str, Float64]],
    measure: Measure,
    arm: str,
    segment: Segment,
    options: Options,
    days: float,
) -> EffectLine:
    """One measure of one arm, over the units of a segment whose window is complete."""
    window = float(measure.days or days)
    here = (units.arm == arm) | (units.arm == options.control)
    if segment != "all":
        here &= units.is_new if segment == "new" else ~units.is_new
    counted = here & complete(units, window)
    columns = {name: tables[window][name][counted] for name in measure.columns}
    effect = compare(measure, columns, units.arm[counted] == arm, options.confidence, options.planned_units)
    waiting = int(here.sum() - counted.sum())
    return EffectLine(arm, measure.name, measure.form, segment, window, waiting, effect)


def adjust(lines: list[EffectLine]) -> list[EffectLine]:
    """The lines with q-values: of all but the first one of each arm, which is the primary."""
    primary = lines[0].measure
    tested = [
        (place, line.effect.p_value)
        for place, line in enumerate(lines)
        if line.effect is not None and not (line.measure == primary and line.segment == "all")
    ]
    if not tested:
        return lines
    q_values = false_discovery_control([p_value for _, p_value in tested])
    result = dict(zip((place for place, _ in tested), q_values.tolist(), strict=True))
    return [EffectLine(**{**vars(line), "q_value": result.get(place)}) for place, line in enumerate(lines)]


def look_back(
    units: Units, table: dict[str, Float64], measure: Measure, arm: str, options: Options, days: float
) -> list[Look]:
    """The primary measure at at most twelve times, by units whose window was complete then."""
    places = np.flatnonzero(complete(units, days) & ((units.arm == arm) | (units.arm == options.control)))
    treated = units.arm[places] == arm
    smaller = np.minimum(np.cumsum(treated), np.cumsum(~treated))
    if not len(places) or smaller[-1] < MIN_LOOK:
        return []
    first = int(np.searchsorted(smaller, MIN_LOOK)) + 1
    looks = []
    for end in np.unique(np.linspace(first, len(places), LOOKS).round().astype(np.int64)).tolist():
        columns = {name: table[name][places[:end]] for name in measure.columns}
        effect = compare(measure, columns, treated[:end], options.confidence, options.planned_units)
        if effect is not None:
            at = units.assigned_at[places[end - 1]] + np.timedelta64(round(days * 24), "h")
            looks.append(Look(arm, at.astype("datetime64[D]").item(), effect))
    return looks


def check_ratio(units: Units, record: Record, options: Options) -> SampleRatio:
    """Whether the units fell into the arms as the shares say; ConfigError where shares and arms do not fit."""
    shares = options.shares or record.shares
    if shares is None:
        return SampleRatio(record.arms, None, None, None)
    if unknown := [arm for arm in record.arms if not shares.get(arm)]:
        raise ConfigError(f"--shares: no share for the arm {unknown[0]}, which the record has; got {dict(shares)}")
    drawn = [arm for arm, share in shares.items() if share > 0.0]
    counts = np.array([record.arms.get(arm, 0) for arm in drawn], dtype=np.float64)
    expected = np.array([shares[arm] for arm in drawn]) * counts.sum()
    once = float(chisquare(counts, expected).pvalue) if expected.min() >= 5.0 else None
    return SampleRatio(record.arms, shares, once, always_valid_ratio(units.arm, shares))


def primary_power(
    units: Units, table: dict[str, Float64], measure: Measure, arm: str, options: Options, days: float
) -> Power | None:
    """What the primary measure can see; None where there is no relative effect."""
    counted = complete(units, days) & ((units.arm == arm) | (units.arm == options.control))
    columns = {name: table[name][counted] for name in measure.columns}
    treated = units.arm[counted] == arm
    effect = compare(measure, columns, treated, options.confidence, options.planned_units)
    if effect is None or effect.relative is None:
        return None
    return power_of(measure, columns, treated, options.confidence, options.detect)
