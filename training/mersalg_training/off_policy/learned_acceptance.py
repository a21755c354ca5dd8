"""Whether the ranker learns acceptance: fitted on the offers of the rank window, taken if those after it say so.

The correction is fitted where the rankers are, and judged on the offers of the calibrate window by what both would have
been worth there. Calibration, thresholds and certificates are made anew for the corrected score, from purchases as
always: what a relevance promises is still that it is bought.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mersalg.bundle import Bundle
from mersalg.names import KINDS
from mersalg.recommender import Recommender
from mersalg.session import Session
from mersalg_training.calibration.fit import Calibrated
from mersalg_training.data.calendar import time_to_day
from mersalg_training.evaluation.bundle_method import THREADS
from mersalg_training.evaluation.metrics import Estimate
from mersalg_training.graph.decide import decision_of
from mersalg_training.graph.scorer import scorer_model
from mersalg_training.learn import Fitted, Learned, Purchased, calibrate_shop
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.bundle_answers import score_offers
from mersalg_training.off_policy.comparison import PairedValue, compare_on_log
from mersalg_training.off_policy.correction import corrected, correction_rows, fit_correction
from mersalg_training.off_policy.examination import estimate_examination, relevance_groups
from mersalg_training.progress import Stages, Tick
from mersalg_training.ranking.featurise import Featuriser
from mersalg_training.tables.build import learn_shop
from mersalg_training.tables.relations import as_it_was
from mersalg_training.tables.shop_tables import ShopTables

MIN_OFFERS: Final = 500
"""Logged offers that are candidates; fewer teach nothing."""
MIN_ACCEPTED: Final = 50
MARGIN: Final = 0.05
"""How far the value may lie below that without the correction, as a share of it: surely not further."""


@dataclass(frozen=True)
class AcceptanceOutcome:
    """What the log of offers taught, and whether it is in the bundle."""

    taken: bool
    why: str
    """In a sentence."""
    fitted_on: int
    """Logged offers of the rank window that are candidates."""
    accepted: int
    """Of them."""
    judged: PairedValue | None

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)

    def lines(self) -> list[str]:
        """What a person wants to know, in sentences."""
        verb = "learned" if self.taken else "not learned"
        told = [f"Acceptance  {verb}: {self.why}"]
        if self.judged is not None:
            told += [f"  {name}: {shown(gain)} accepted a request more" for name, gain in self.judged.more.items()]
            if self.judged.area is not None:
                told.append(f"  an accepted offer scores above another: {shown(self.judged.area)} oftener")
        return told


def learn_acceptance(
    purchased: Purchased, learned: Learned, offers: LoggedOffers, stages: Stages
) -> tuple[Learned, AcceptanceOutcome]:
    """What was learned of purchases, corrected by acceptance where the later offers surely lose nothing by it."""
    windows, config = purchased.windows, learned.fitted.config
    rank_day, calibrate_day, test_day = map(time_to_day, (windows.rank_from, windows.calibrate_from, windows.test_from))
    for_examination, for_value = np.random.default_rng([config.seed, 5]).spawn(2)
    with stages.stage("Learning from logged offers") as tick:
        early = offers.between(rank_day, calibrate_day)
        tables = tables_at(purchased, learned.fitted, rank_day, tick)
        rankers = learned.fitted.rankers
        featuriser = Featuriser(tables, learned.fitted.first_weights)
        trees = rankers.tables.as_one(featuriser.feature_names)
        rows = correction_rows(purchased.timeline, early, featuriser, trees, tick) if len(early) else None
        n, accepted = (0, 0) if rows is None else (len(rows.row), int(early.accepted[rows.row].sum()))
        if rows is None or n < MIN_OFFERS or accepted < MIN_ACCEPTED:
            why = (
                f"the rank window has {n:,} logged offers that are candidates, {accepted:,} of them accepted; "
                f"{MIN_OFFERS} and {MIN_ACCEPTED} are needed"
            )
            return learned, AcceptanceOutcome(False, why, n, accepted, None)
        plain = in_memory(purchased, learned.fitted, learned.calibrated, tables)
        weight = np.where(np.isnan(early.propensity), 1.0, 1.0 / early.propensity)
        groups = relevance_groups(score_offers(plain, purchased.timeline, early))
        looked_at = estimate_examination(early, groups, weight, for_examination)
        examination = None if isinstance(looked_at, str) else looked_at
        correction = fit_correction(rows, early, examination, config.acceptance, config.seed)
        each = {name: corrected(ranker, correction) for name, ranker in rankers.by_name().items()}
        fitted = replace(learned.fitted, rankers=replace(rankers, **each))
        tables = tables_at(purchased, fitted, calibrate_day, tick)
    with stages.stage("Calibrating and certifying what acceptance corrects") as tick:
        calibrated = calibrate_shop(purchased, fitted, tables, tick)
    with stages.stage("Comparing on later offers"):
        later = offers.between(calibrate_day, test_day)
        before, after = (
            in_memory(purchased, *scored, tables)
            for scored in ((learned.fitted, learned.calibrated), (fitted, calibrated))
        )
        judged = compare_on_log(before, after, purchased.timeline, later, for_value)
    taken, why = is_taken(judged)
    outcome = AcceptanceOutcome(taken, why, n, accepted, judged)
    return (replace(learned, fitted=fitted, calibrated=calibrated) if taken else learned), outcome


def is_taken(judged: PairedValue) -> tuple[bool, str]:
    """Whether nothing surely falls and something surely rises, and the reason."""
    if judged.missing is not None:
        return False, judged.missing
    for name, gain in judged.more.items():
        least = -MARGIN * abs(judged.values[name][0].value)
        if not gain.low >= least:
            return False, f"{name} of the later offers may fall by more than {MARGIN:.0%}"
    rising = [name for name, gain in judged.more.items() if gain.low > 0.0]
    if judged.area is not None and judged.area.low > 0.0:
        rising.append("the order of accepted offers")
    if not rising:
        return False, "nothing of the later offers surely rises"
    return True, f"of the later offers {' and '.join(rising)} surely rises, and nothing falls by more than {MARGIN:.0%}"


def tables_at(purchased: Purchased, fitted: Fitted, day: float, tick: Tick) -> ShopTables:
    """The tables of what lies before a day."""
    then = as_it_was(purchased.attributes, purchased.history.sold_before(day))
    return learn_shop(purchased.history, then, day, fitted.config, tick, fitted.rhythm)


def in_memory(purchased: Purchased, fitted: Fitted, calibrated: Calibrated, tables: ShopTables) -> Recommender:
    """What a bundle of these parts answers, without a bundle."""
    thresholds = {kind: chosen.threshold for kind, chosen in calibrated.thresholds.items()}
    decision = decision_of(fitted.rankers.tables, calibrated.calibration, thresholds)
    product_ids = [purchased.timeline.product_ids[code] for code in tables.vocabulary.code.tolist()]
    model = scorer_model(tables, fitted.first_weights, decision, product_ids).SerializeToString()
    manifest = {
        "name": fitted.config.name,
        "customers_return": tables.rhythm.is_known,
        "kinds": {kind: {"threshold": thresholds[kind]} for kind in KINDS},
    }
    return Recommender(Bundle(Path(), manifest, model, []), Session(model, "scorer.onnx"), threads=THREADS)


def shown(estimate: Estimate) -> str:
    """A gain with its interval."""
    return f"{estimate.value:+.4f} ({estimate.low:+.4f} to {estimate.high:+.4f})"
