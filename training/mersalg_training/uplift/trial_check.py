"""Whether a trial can be believed, before its effects are read: who was assigned, when, alike before, A/A splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import duckdb
import numpy as np
from scipy.stats import binomtest, ks_2samp, kstest

from mersalg_service.experiment.assignment import HOLD_OUT
from mersalg_training.uplift.analysis import check_arms, check_ratio, complete, read_table
from mersalg_training.uplift.estimates import compare
from mersalg_training.uplift.measures import Measure, customer_measures, order_measures
from mersalg_training.uplift.outcomes import ORDER_WINDOW, Booleans, Float64, Units, read_units
from mersalg_training.uplift.record import MAX_CROSSED, Record
from mersalg_training.uplift.result import MISMATCH, Options

Verdict = Literal["sound", "FAULT", "not told"]

SPLITS: Final = 400
"""So often an arm is divided by chance, each time in two halves between which there is no difference."""
MIN_SPLIT: Final = 50
"""Units of an arm that can be divided."""
NOMINAL: Final = 0.05
"""Of splits without a difference, the share that may look like one."""
BEFORE: Final = (
    Measure("revenue before", "money", "pre revenue"),
    Measure("orders before", "number", "pre orders"),
    Measure("pieces before", "number", "pre units"),
    Measure("new customers", "share", "new"),
)
"""What the arms must be alike in, where customers are assigned."""


@dataclass(frozen=True)
class TrialFinding:
    """One question to the trial, and its answer."""

    name: str
    verdict: Verdict
    found: str
    p_value: float | None = None
    """Of what was found, if the trial is sound."""
    advice: str = ""
    """What a fault means, and what to do."""


@dataclass(frozen=True)
class TrialCheck:
    """All answers. A fault has a p-value below 0.001, or concerns more than 1 % of the units or rows."""

    experiment: str | None
    unit: str
    checks: list[TrialFinding]
    notes: list[str]

    @property
    def is_sound(self) -> bool:
        """No check found a fault."""
        return all(check.verdict != "FAULT" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "sound": self.is_sound}


def check_trial(
    connection: duckdb.DuckDBPyConnection, record: Record, options: Options, seed: int, splits: int = SPLITS
) -> TrialCheck:
    """Every check; needs what `read_record` and `tie_orders` made. The seed draws the splits.

    ConfigError: the control is no arm.
    """
    arms = check_arms(record, options)
    units = read_units(connection)
    days = options.window_days if record.unit == "customer" else ORDER_WINDOW
    table = read_table(connection, record, options, days)
    checks = [ratio(units, record, options), *assignment(connection, options), together(units, options.control, arms)]
    checks.append(dates(units))
    if record.unit == "customer":
        before = {**table, "new": units.is_new.astype(np.float64)}
        checks += balance(units, before, options, arms)
    random = np.random.default_rng(seed)
    make = customer_measures if record.unit == "customer" else order_measures
    measures = [m for m in make(False, False, ()) if m.days is None and m.name.startswith("revenue")]
    for arm in (options.control, *arms):
        members = {name: values[complete(units, days) & (units.arm == arm)] for name, values in table.items()}
        checks += [divided(arm, measure, members, options, splits, random) for measure in measures]
    return TrialCheck(record.experiment, record.unit, checks, record.notes)


def ratio(units: Units, record: Record, options: Options) -> TrialFinding:
    """Whether the arms have the sizes that were drawn."""
    name, found = "sample ratio", check_ratio(units, record, options)
    sizes = ", ".join(f"{arm} {count:,}" for arm, count in found.units.items())
    if found.always_p_value is None:
        return TrialFinding(name, "not told", f"{sizes}; the record has no propensity: give --shares")
    p_value = min(found.always_p_value, 1.0 if found.p_value is None else found.p_value)
    drawn = ", ".join(f"{share:.1%}" for arm, share in (found.shares or {}).items() if arm in found.units)
    advice = "one arm lost or doubled units: look for what is recorded of one arm alone"
    return TrialFinding(name, verdict(found.mismatch), f"{sizes}; drawn {drawn}", p_value, advice)


def assignment(connection: duckdb.DuckDBPyConnection, options: Options) -> Iterator[TrialFinding]:
    """Whether each row and unit has one arm, and a control of nobody's offers saw none."""

    def counted(name: str, query: str, what: str, advice: str) -> TrialFinding:
        some, of = connection.execute(query, {"arm": options.control} if "$arm" in query else None).fetchall()[0]
        return TrialFinding(name, verdict(some > MAX_CROSSED * of), f"{some:,} of {of:,} {what}", None, advice)

    yield counted(
        "one arm for each",
        "SELECT count(*) FILTER (arms > 1), count(*) FROM units",
        "units were seen in two arms",
        "were shares or key changed without a new name? Look at the time before alone",
    )
    yield counted(
        "every row is assigned",
        "SELECT count(*) FILTER (unit IS NULL OR arm IS NULL OR offered_at IS NULL), count(*) FROM read_exposures",
        "rows lack unit, arm or time",
        "what is recorded without an arm may have been shown to anyone: find who writes it",
    )
    if options.control == HOLD_OUT:
        yield counted(
            "the hold-out saw nothing",
            "SELECT count(DISTINCT unit) FILTER (shown), count(DISTINCT unit) FROM exposures WHERE arm = $arm",
            f"units of {HOLD_OUT} were shown an offer",
            "the hold-out leaks, and the effect is told too small: find the place that shows without asking the trial",
        )


def together(units: Units, control: str, arms: list[str]) -> TrialFinding:
    """Whether all arms were filled in the same days."""
    at = units.assigned_at.astype("datetime64[us]").astype(np.float64)
    tests = {arm: ks_2samp(at[units.arm == arm], at[units.arm == control]).pvalue for arm in arms}
    worst = min(tests, key=lambda arm: tests[arm])
    p_value = min(1.0, float(tests[worst]) * len(tests))
    days = ", ".join(f"{arm} around {middle(units, arm)}" for arm in (control, *arms))
    advice = "seasons and actions then look like an effect: look at the days alone in which all arms were drawn"
    return TrialFinding("assigned in the same days", verdict(p_value < MISMATCH), days, p_value, advice)


def middle(units: Units, arm: str) -> str:
    """The day on which half of an arm was assigned."""
    at = np.sort(units.assigned_at[units.arm == arm])
    return str(at[len(at) // 2].astype("datetime64[D]"))


def dates(units: Units) -> TrialFinding:
    """Whether the orders reach over the time of the assignments."""
    first, last = np.datetime64(units.first_order, "us"), np.datetime64(units.last_order, "us")
    outside = int(((units.assigned_at < first) | (units.assigned_at > last)).sum())
    found = f"{outside:,} of {len(units):,} units were assigned outside {units.first_order:%Y-%m-%d} to "
    found += f"{units.last_order:%Y-%m-%d}, of which there are orders"
    advice = "orders and record are of other days, or of other clocks"
    return TrialFinding("orders of those days", verdict(outside > MAX_CROSSED * len(units)), found, None, advice)


def balance(units: Units, before: Mapping[str, Float64], options: Options, arms: list[str]) -> Iterator[TrialFinding]:
    """Whether the arms were alike before anything was shown; p-values are those of all comparisons together."""
    for measure in BEFORE:
        found, p_values = [], []
        for arm in arms:
            here = (units.arm == arm) | (units.arm == options.control)
            columns = {name: before[name][here] for name in measure.columns}
            effect = compare(measure, columns, units.arm[here] == arm, options.confidence, options.planned_units)
            if effect is not None:
                found.append(f"{options.control} {effect.control:,.2f}, {arm} {effect.treatment:,.2f}")
                p_values.append(effect.p_value)
        name = f"alike: {measure.name}"
        if not p_values:
            yield TrialFinding(name, "not told", "nothing that differs lies before the assignment")
            continue
        p_value = min(1.0, min(p_values) * len(BEFORE) * len(arms))
        advice = "the arms differed before anything was shown: the draw was not by chance, or one arm lost units"
        yield TrialFinding(name, verdict(p_value < MISMATCH), "; ".join(found), p_value, advice)


def divided(
    arm: str,
    measure: Measure,
    members: Mapping[str, Float64],
    options: Options,
    splits: int,
    random: np.random.Generator,
) -> TrialFinding:
    """Whether the estimators find no difference, in halves of one arm, as often as they should."""
    name = f"A/A in {arm}: {measure.name}"
    columns = {column: members[column] for column in measure.columns}
    size = len(columns[measure.over])
    if size < MIN_SPLIT:
        return TrialFinding(name, "not told", f"{size:,} units, of at least {MIN_SPLIT} that can be divided")
    half = np.arange(size) < size // 2
    told = [p_of(measure, columns, random.permutation(half), options) for _ in range(splits)]
    if all(p_value is None for p_value in told):
        return TrialFinding(name, "not told", "no variance")
    p_values = [1.0 if p_value is None else p_value for p_value in told]  # a test that tells nothing finds nothing
    wrong = sum(p_value < NOMINAL for p_value in p_values)
    p_value = min(1.0, 2.0 * min(binomtest(wrong, splits, NOMINAL).pvalue, kstest(p_values, "uniform").pvalue))
    advice = "few units carry the variance, as resellers or tills: leave them out of both arms by a rule from before"
    found = f"{wrong / splits:.1%} of {splits} splits differ at {NOMINAL:.0%}"
    return TrialFinding(name, verdict(p_value < MISMATCH), found, p_value, advice)


def p_of(measure: Measure, columns: Mapping[str, Float64], treated: Booleans, options: Options) -> float | None:
    """The p-value of a measure as `analyse` tells it."""
    effect = compare(measure, columns, treated, options.confidence, options.planned_units)
    return None if effect is None else effect.p_value


def verdict(is_fault: bool) -> Verdict:
    """The word for it."""
    return "FAULT" if is_fault else "sound"
