"""What was accepted when shown, as a correction of the ranker: trees that add to its score.

The ranker's score stands for what is bought; a second, small ensemble starts from it and is fitted to what was accepted
of what was logged. Its trees stand behind those of the ranker in the same node of the graph, so that training and
serving cannot differ and nothing of the graph is new. Two things are taken out of a log first:

- The logging policy chose. A row weighs 1 / propensity, cut at a quantile (Ionides 2008).
- The position decided whether it was looked at. Where a log tells how often each is, a row starts from
  log(examination) below its score: a small acceptance is examination times attraction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mersalg_training.config import AcceptanceConfig, RankerConfig
from mersalg_training.data.timeline import Float32, Float64, Int64, Timeline
from mersalg_training.graph.shortlist import START_SHARE
from mersalg_training.graph.trees import TreeTable, join_trees, predict_raw
from mersalg_training.logged_offers.requests import LoggedOffers
from mersalg_training.off_policy.examination import Examination
from mersalg_training.progress import Tick
from mersalg_training.ranking import FittedTrees, make_ranker
from mersalg_training.ranking.featurise import Featuriser

CLIP: Final = 0.99
"""Quantile of the weights from which on they count no more."""
MIN_EXAMINATION: Final = 0.02
"""Of the first position, however rarely a position is looked at."""
LEARNING_RATE: Final = 0.1
LEAF_PENALTY: Final = 20.0
FEATURE_SHARE: Final = 0.5
LEAVES_OF_ROWS: Final = 100
"""A leaf holds one in so many rows at least."""
NEWTON_STEPS: Final = 50


@dataclass(frozen=True)
class CorrectionRows:
    """n logged offers that the graph retrieves."""

    X: Float32
    """(n, F) features of the candidate."""
    score: Float64
    """(n,) log-odds of the ranker."""
    row: Int64
    """(n,) among the log's offers."""


def correction_rows(
    timeline: Timeline, offers: LoggedOffers, featuriser: Featuriser, trees: TreeTable, tick: Tick
) -> CorrectionRows:
    """The features and the score of each logged offer that is a candidate of its request; the others say nothing.

    trees: all rankers as one.
    """
    item_of = featuriser.tables.vocabulary.item_of_code
    start = np.concatenate([[0], np.cumsum(np.bincount(offers.request, minlength=len(offers.cases)))])
    parts: list[tuple[Float32, Float64, Int64]] = []
    for candidates in featuriser.run(timeline, offers.cases, tick):
        for line, request in enumerate(candidates.rows.tolist()):
            rows = np.arange(start[request], start[request + 1])
            place_of = {item: place for place, item in enumerate(candidates.item[line].tolist())}
            places = [place_of.get(item, -1) for item in item_of[offers.product[rows]].tolist()]
            place = np.array(places, dtype=np.int64)
            known = (place >= 0) & (item_of[offers.product[rows]] < featuriser.tables.n_items)
            place, rows = place[known], rows[known]
            X = candidates.features[line, place]
            first = candidates.first_score[line, place] * START_SHARE if trees.adds_to_start else 0.0
            parts.append((X, predict_raw(trees, X) + first, rows))
    return CorrectionRows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def fit_correction(
    rows: CorrectionRows, offers: LoggedOffers, examination: Examination | None, config: AcceptanceConfig, seed: int
) -> FittedTrees:
    """Trees to be added to the ranker's score; what lifts or lowers all scores alike is no part of them."""
    accepted, weight = offers.accepted[rows.row], weights(offers.propensity[rows.row])
    start = rows.score
    if examination is not None:
        start = start + np.log(np.maximum(examination.at(offers.position[rows.row]), MIN_EXAMINATION))
    start = start + level(start, accepted, weight)
    ranker = make_ranker(
        RankerConfig(
            kind="lightgbm",
            trees=config.trees,
            leaves=config.leaves,
            learning_rate=LEARNING_RATE,
            leaf_penalty=LEAF_PENALTY,
            feature_share=FEATURE_SHARE,
            min_leaf_rows=max(1, len(accepted) // LEAVES_OF_ROWS),
        )
    )
    return ranker.fit(
        rows.X,
        accepted.astype(np.float32),
        weight.astype(np.float32),
        start=start.astype(np.float32),
        seed=seed,
    )


def weights(propensity: Float64) -> Float64:
    """(n,) 1 / propensity, cut at the CLIP quantile, 1 on average; 1 throughout where one is unknown."""
    if np.isnan(propensity).any():
        return np.ones(len(propensity))
    weight = 1.0 / propensity
    cut = np.minimum(weight, np.quantile(weight, CLIP))
    return np.asarray(cut / cut.mean())


def level(start: Float64, accepted: Float64, weight: Float64) -> float:
    """What has to be added to all log-odds for them to promise as much as was accepted (Newton)."""
    shift = 0.0
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(start + shift, -30.0, 30.0)))
        step = float((weight * (accepted - p)).sum() / max(1e-12, float((weight * p * (1.0 - p)).sum())))
        shift += float(np.clip(step, -2.0, 2.0))
        if abs(step) < 1e-9:
            break
    return shift


def corrected(ranker: FittedTrees, correction: FittedTrees) -> FittedTrees:
    """The ranker with the correction's trees behind its own, and the gains of both."""
    adds = ranker.table.adds_to_start
    table = join_trees([ranker.table, correction.table], ranker.table.n_features, adds_to_start=adds)
    return replace(ranker, table=table, gain=ranker.gain + correction.gain)
