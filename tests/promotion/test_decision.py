"""Claims about what decides: intervals against margins, promises, costs and saved requests, on hand-made figures."""

from __future__ import annotations

import json

import pytest

from mersalg.errors import RegistryError
from mersalg_training.drift.rules import BrokenRule
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.promotion.cost import Cost
from mersalg_training.promotion.decision import Margins, decide, verdict
from mersalg_training.promotion.measure import ALL_KINDS, PairedFigure, Weight
from mersalg_training.promotion.promises import KindPromises, Promise
from mersalg_training.promotion.record import (
    MAX_REASON_CHARACTERS,
    PROMOTION,
    ROLLBACK,
    PromotionRecord,
    RollbackRecord,
    as_tag,
    in_short,
    promotion_of,
    standings,
)
from promotion.made_versions import version


def figure(low: float, high: float, weight: Weight = "headline", champion: float = 1.0) -> PairedFigure:
    middle = (low + high) / 2
    kind = ALL_KINDS if weight == "headline" else "add-on"
    return PairedFigure("NDCG@10", kind, weight, champion, champion + middle, Estimate(middle, low, high, 100))


def cost(times: tuple[float, float] = (0.9, 1.1), size: float = 1.0) -> Cost:
    return Cost(1.0, 1.0, Estimate(sum(times) / 2, *times, 10), 1000, int(1000 * size))


def promise(*broken: BrokenRule, certified: float | None = None) -> Promise:
    return Promise(0.1, certified, 100, 0.2, 0.2, 0.01, broken)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.001, 0.2, "better"),
        (-0.05, 0.2, "not worse"),
        (-0.051, 0.2, "open"),
        (-0.2, -0.05, "open"),
        (-0.2, -0.051, "WORSE"),
        (0.0, 0.0, "not worse"),
    ],
)
def test_an_interval_is_judged_against_the_margin(low: float, high: float, expected: str) -> None:
    assert verdict(figure(low, high), 0.05) == expected
    assert verdict(figure(low * 2, high * 2, champion=2.0), 0.05) == expected
    assert verdict(figure(low, high, "told"), 0.05) == ""


def outcome(*figures: PairedFigure, kinds: tuple[KindPromises, ...] = (), costs: Cost | None = None) -> str:
    return decide(figures, kinds, costs or cost(), [], Margins()).outcome


def test_something_has_to_be_better_and_no_headline_open() -> None:
    better, equal, unsure = figure(0.01, 0.02), figure(-0.01, 0.01), figure(-0.1, 0.1)
    assert outcome(better, equal) == "promote"
    assert outcome(equal) == "not shown"
    assert outcome(better, unsure) == "not shown"
    assert outcome(better, figure(-0.1, 0.1, "guard")) == "promote"
    assert outcome(equal, figure(0.01, 0.02, "guard")) == "not shown"
    assert outcome(better, figure(-0.2, -0.1, "guard")) == "worse"
    assert outcome(better, figure(-0.2, -0.1, "told")) == "promote"


def test_a_promise_that_the_champion_keeps_has_to_be_kept() -> None:
    better = figure(0.01, 0.02)
    broken = BrokenRule("calibration", "add-on", "recalibrate", "promises more than comes")
    assert outcome(better, kinds=(KindPromises("add-on", promise(), promise(broken)),)) == "worse"
    assert outcome(better, kinds=(KindPromises("add-on", promise(broken), promise(broken)),)) == "promote"
    assert outcome(better, kinds=(KindPromises("add-on", promise(certified=0.2), promise()),)) == "worse"
    assert outcome(better, kinds=(KindPromises("add-on", promise(), promise(certified=0.2)),)) == "promote"


def test_a_challenger_may_be_dearer_up_to_the_margin_and_is_better_beyond_it_below() -> None:
    better, equal = figure(0.01, 0.02), figure(-0.01, 0.01)
    assert outcome(better, costs=cost((1.2, 1.4))) == "promote"
    assert outcome(better, costs=cost((1.26, 1.4))) == "worse"
    assert outcome(better, costs=cost(size=1.3)) == "worse"
    assert outcome(equal, costs=cost((0.5, 0.79))) == "promote"
    assert outcome(equal, costs=cost((0.5, 0.81))) == "not shown"
    assert outcome(equal, costs=cost(size=0.7)) == "promote"


def promoted(previous: str | None, at: str) -> dict[str, str]:
    return {PROMOTION: as_tag(PromotionRecord("promote", at, previous, ("better",), None))}


def taken_back(to: str, undoes: str) -> dict[str, str]:
    return {ROLLBACK: as_tag(RollbackRecord("later", to, "quiet", undoes))}


def test_what_became_of_versions_is_told_by_the_alias_and_not_by_a_tag_alone() -> None:
    first, second = version("1", promoted(None, "a")), version("2", promoted("1", "b"))

    def states(champion: str | None, *versions: object) -> dict[str, str]:
        return {one.version.version: one.state for one in standings(versions, champion)}  # type: ignore[arg-type]

    assert states("2", first, second) == {"1": "was champion", "2": "champion"}
    assert states("1", first, second) == {"1": "champion", "2": "not carried out"}
    back = version("2", promoted("1", "b") | taken_back("1", "b"))
    assert states("1", first, back) == {"1": "champion", "2": "rolled back"}
    assert states("2", first, back) == {"1": "was champion", "2": "champion"}  # the alias was not moved
    again = version("2", promoted("1", "c") | taken_back("1", "b"))
    third = version("3", promoted("2", "d"))
    assert states("3", first, again, third) == {"1": "was champion", "2": "was champion", "3": "champion"}
    assert states("1", first, again) == {"1": "champion", "2": "not carried out"}
    round_about = version("1", promoted("2", "e"))
    assert states("1", round_about, again) == {"1": "champion", "2": "was champion"}


def test_reasons_fit_a_tag_and_what_something_else_wrote_is_refused() -> None:
    reasons = in_short(["ä" * 1000, *(f"reason {number}" for number in range(30))])
    assert len(reasons[0]) == MAX_REASON_CHARACTERS
    assert reasons[-1] == "and 22 more"
    record = PromotionRecord("worse", "a", "1", in_short(["x" * 1000] * 40), "run")
    assert len(as_tag(record)) < 5000
    assert promotion_of(version("2", {PROMOTION: as_tag(record)})) == record
    for wrong in ("yes", "[]", json.dumps({"why": []})):
        with pytest.raises(RegistryError, match=r"version 2: tag mersalg\.promotion: expected JSON with"):
            promotion_of(version("2", {PROMOTION: wrong}))
