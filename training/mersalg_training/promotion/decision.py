"""Whether a challenger becomes the champion: nothing may be worse beyond a margin, and something has to be better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from mersalg.table import SavedOutcome
from mersalg_training.promotion import COST_MARGIN, MARGIN
from mersalg_training.promotion.cost import Cost
from mersalg_training.promotion.measure import ALL_KINDS, PairedFigure
from mersalg_training.promotion.promises import KindPromises

Verdict = Literal["better", "not worse", "open", "WORSE", ""]
Outcome = Literal["promote", "not shown", "worse"]
EXIT_STATUS: Final[dict[Outcome, int]] = {"promote": 0, "not shown": 3, "worse": 4}


@dataclass(frozen=True)
class Margins:
    """How much worse still counts as not worse, as shares of what the champion has."""

    figures: float = MARGIN
    cost: float = COST_MARGIN


@dataclass(frozen=True)
class PromotionDecision:
    """What is to be done with the challenger, and why, in sentences."""

    outcome: Outcome
    worse: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    """What is neither shown to be worse nor shown not to be."""
    better: list[str] = field(default_factory=list)

    @property
    def why(self) -> list[str]:
        """The sentences that the outcome rests on."""
        if self.outcome == "promote":
            return [f"better: {sentence}" for sentence in self.better]
        told = [f"worse: {one}" for one in self.worse] or [f"open: {one}" for one in self.open]
        return told or ["nothing is better"]


def verdict(measure: PairedFigure, margin: float) -> Verdict:
    """Better where the whole interval is above 0; WORSE where it is wholly beyond the margin; open where it reaches it.

    What is told alone has no verdict.
    """
    tolerated = -margin * abs(measure.champion)
    if measure.weight == "told":
        return ""
    if measure.difference.low > 0.0:
        return "better"
    if measure.difference.high < tolerated:
        return "WORSE"
    return "not worse" if measure.difference.low >= tolerated else "open"


def decide(
    measures: Sequence[PairedFigure],
    promised: Sequence[KindPromises],
    cost: Cost,
    saved: Sequence[tuple[SavedOutcome, SavedOutcome]],
    margins: Margins,
) -> PromotionDecision:
    """What the evidence says. saved: the outcomes of each saved request, the champion's and the challenger's.

    A headline that is open keeps the challenger back, as does that no headline, cost or saved request is better; a
    guard only if it is worse.
    """
    worse, unsure, better = list[str](), list[str](), list[str]()
    for measure in measures:
        found = verdict(measure, margins.figures)
        if found == "WORSE":
            worse.append(sentence(measure))
        elif measure.weight == "headline" and found in ("open", "better"):
            (unsure if found == "open" else better).append(sentence(measure))
    for kind in promised:
        worse += kind.worse()
    for theirs, ours in saved:
        if theirs.kept and not ours.kept:
            worse.append(f"saved request {ours.saved.request_id}: kept by the champion, broken by the challenger")
        elif ours.kept and not theirs.kept:
            better.append(f"saved request {ours.saved.request_id}: broken by the champion, kept by the challenger")
    dearer, cheaper = costs(cost, margins.cost)
    return decided(worse + dearer, unsure, better + cheaper)


def decided(worse: list[str], unsure: list[str], better: list[str]) -> PromotionDecision:
    """The outcome of the sentences."""
    outcome: Outcome = "worse" if worse else "promote" if better and not unsure else "not shown"
    return PromotionDecision(outcome, worse, unsure, better)


def decide_first(saved: Sequence[SavedOutcome]) -> PromotionDecision:
    """A bundle that verifies, where there is no champion: it may break no saved request."""
    broken = [f"saved request {outcome.saved.request_id} is broken" for outcome in saved if not outcome.kept]
    if broken:
        return PromotionDecision("worse", worse=broken)
    kept = f" and keeps {len(saved):,} saved requests" if saved else ""
    return PromotionDecision("promote", better=[f"the first; it verifies{kept}"])


def costs(cost: Cost, margin: float) -> tuple[list[str], list[str]]:
    """What is dearer beyond the margin, and what is cheaper beyond it."""
    times, size = cost.times, cost.size
    time_told = (
        f"an answer takes {times.value:.2f} times as long ({times.low:.2f} to {times.high:.2f}; "
        f"{cost.challenger_ms:.2f} ms for {cost.champion_ms:.2f} ms)"
    )
    size_told = f"the files are {size:.2f} times as large ({cost.challenger_bytes / 1e6:.1f} MB)"
    dearer = [told for is_so, told in ((times.low > 1 + margin, time_told), (size > 1 + margin, size_told)) if is_so]
    least = 1 / (1 + margin)
    return dearer, [told for is_so, told in ((times.high < least, time_told), (size < least, size_told)) if is_so]


def sentence(measure: PairedFigure) -> str:
    """A measure in words."""
    of = "" if measure.kind == ALL_KINDS else f", {measure.kind}"
    apart = measure.difference
    return (
        f"{measure.name}{of}: {measure.challenger:.4f} for the champion's {measure.champion:.4f} "
        f"({apart.value:+.4f}, {apart.low:+.4f} to {apart.high:+.4f})"
    )
