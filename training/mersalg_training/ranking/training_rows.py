"""The ranker's training rows: what the graph retrieves for past requests, bought or not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mersalg.names import KINDS, MOMENTS
from mersalg_training.config import Config
from mersalg_training.data.timeline import Float32, Int64, Timeline
from mersalg_training.graph.facts import STANDING, standing_signals
from mersalg_training.graph.kinds import UPSELL
from mersalg_training.graph.shortlist import GROUPS, SIGNALS, START_SHARE
from mersalg_training.graph.trees import Bool
from mersalg_training.progress import Tick
from mersalg_training.ranking import FittedTrees, make_ranker
from mersalg_training.ranking.cases import Cases
from mersalg_training.ranking.featurise import CandidateFeatures, Featuriser
from mersalg_training.ranking.first_stage import fit_first_weights
from mersalg_training.tables.shop_tables import ShopTables

FIRST_CASES = 2000
"""Requests that fit the first score."""
FIRST_POOL = 4
"""The first score is fitted on so many times the candidates that it later keeps."""
UPSELL_NEGATIVES = 64
"""Of a request in which another product was considered, at most so many upsells that were not bought."""
EVEN_WEIGHTS = np.concatenate(
    [np.ones((len(SIGNALS), len(GROUPS))), np.zeros((len(STANDING) + 1, len(GROUPS)))]
).astype(np.float32)
"""Of the wide shortlists on which the first score is fitted."""


SOURCES = {
    "basket neighbours": "cosine",
    "price ladder": "ladder",
    "bought first afterwards": "follow",
    "near own products": "near",
    "taste": "taste",
}
"""Sources of new products, and the feature that is above 0 where a source speaks."""


COLUMNS = ("X", "y", "weight", "first_score", "request")


RISING = ("first_score", "month_share")
"""Features that never speak against a product. Where they are all that is known, an unlucky fit would."""


@dataclass(frozen=True)
class Matrix:
    """Training rows: X (n, F) float32, y, weight and first score (n,) float32, request (n,) int64 among the cases."""

    X: Float32
    y: Float32
    weight: Float32
    first_score: Float32
    request: Int64

    def rows(self, kept: Bool) -> Matrix:
        """Some rows, by a mask."""
        return Matrix(**{name: getattr(self, name)[kept] for name in COLUMNS})

    def beside(self, other: Matrix) -> Matrix:
        """These rows and another side's."""
        return Matrix(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in COLUMNS})


def learn_first_weights(
    timeline: Timeline, cases: Cases, tables: ShopTables, random: np.random.Generator, tick: Tick
) -> Float32:
    """(len(SIGNALS) + len(STANDING) + 1, len(GROUPS)) the first score, fitted on wide shortlists of some requests."""
    featuriser = Featuriser(replace(tables, config=wider(tables.config)), EVEN_WEIGHTS)
    some = cases.take(random.permutation(len(cases))[:FIRST_CASES])
    standing = standing_signals(tables.vocabulary)
    signals, bought, group, request = [], [], [], []
    for candidates in featuriser.run(timeline, some, tick):
        valid = candidates.valid(tables.n_items)
        signals.append(np.concatenate([candidates.signals[valid], standing[candidates.item[valid]]], axis=1))
        bought.append(candidates.bought[valid])
        group.append(candidates.group[valid])
        request.append(np.repeat(candidates.rows, valid.sum(axis=1)))
    X, y = np.concatenate(signals), np.concatenate(bought).astype(np.float32)
    of, asked = np.concatenate(group), np.concatenate(request)
    fitted = [fit_first_weights(X[of == g], y[of == g], asked[of == g]) for g in range(len(GROUPS))]
    return np.stack(fitted, axis=1)


def training_matrices(
    timeline: Timeline,
    cases: Cases,
    featuriser: Featuriser,
    negatives: int,
    random: np.random.Generator,
    tick: Tick,
) -> tuple[Matrix, Matrix]:
    """The rows of own and of new products: all that were bought and, of the others, at most `negatives` a request.

    A kept negative weighs as much as the negatives that it stands for, so that the share of positives, and with it
    the probability that the trees give, stays that of what is retrieved.
    """
    sides: list[list[Matrix]] = [[], []]
    for candidates in featuriser.run(timeline, cases, tick):
        for side, places in zip(sides, featuriser.sides, strict=True):
            side.append(sampled(candidates, places, featuriser.tables.n_items, negatives, random))
    own, new = (joined(side) for side in sides)
    return own, new


def upsell_rows(
    timeline: Timeline,
    considered: Cases,
    tables: ShopTables,
    first_weights: Float32,
    usual: Matrix,
    random: np.random.Generator,
    tick: Tick,
) -> Matrix:
    """The rows of upsells: those of the requests as they come, and of those in which another product was considered.

    usual: all rows of the requests as they come. Of the considered ones more are bought, so they start from log-odds
    that are higher by as much: they teach which upsell is taken, not how often one is. Their shortlists are wide, for
    a request may name all dearer products of a type.
    """
    featuriser = Featuriser(replace(tables, config=wider(tables.config)), first_weights)
    alone = np.broadcast_to(np.arange(len(KINDS)) == UPSELL, (len(MOMENTS), len(KINDS)))
    rows = [
        sampled(candidates, slice(None), tables.n_items, UPSELL_NEGATIVES, random)
        for candidates in featuriser.run(timeline, considered, tick, alone)
    ]
    usual = usual.rows(usual.X[:, featuriser.feature_names.index("kind")] == UPSELL)
    if not rows:
        return usual
    made = joined(rows)
    rise = np.float32((log_odds_of(made) - log_odds_of(usual)) / START_SHARE)
    return usual.beside(replace(made, first_score=made.first_score + rise))


def wider(config: Config) -> Config:
    """The same with FIRST_POOL times the candidates."""
    retrieve = config.retrieve
    wide = {name: FIRST_POOL * getattr(retrieve, name) for name in ("own_candidates", "new_candidates")}
    return config.model_copy(update={"retrieve": retrieve.model_copy(update=wide)})


def log_odds_of(matrix: Matrix) -> float:
    """Of being bought, over all rows by their weight."""
    bought = float((matrix.y * matrix.weight).sum())
    return float(np.log((bought + 0.5) / (float(matrix.weight.sum()) - bought + 0.5)))


def recall_by_source(own: Matrix, new: Matrix, feature_names: list[str], targets: int) -> dict[str, float]:
    """The share of `targets`, all that the requests were followed by, that each source and their union retrieved.

    What the first score left out is not retrieved. New products may be found by several sources.
    """
    result = {"own products": float(own.y.sum())}
    for name, feature in SOURCES.items():
        result[name] = float(new.y[new.X[:, feature_names.index(feature)] > 0.0].sum())
    result["all together"] = float(own.y.sum() + new.y.sum())
    return {name: count / max(1, targets) for name, count in result.items()}


def joined(parts: list[Matrix]) -> Matrix:
    """The rows of all batches, in the order of the requests. parts: at least one."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    order = np.argsort(columns["request"], kind="stable")
    return Matrix(**{name: column[order] for name, column in columns.items()})


def sampled(
    candidates: CandidateFeatures, places: slice, n_items: int, negatives: int, random: np.random.Generator
) -> Matrix:
    """The rows of one batch and one side."""
    valid, bought = candidates.valid(n_items)[:, places], candidates.bought[:, places]
    draw = np.where(valid & ~bought, random.random(valid.shape), np.inf)
    last = min(negatives, draw.shape[1]) - 1
    kept = np.isfinite(draw) & (draw <= np.partition(draw, last, axis=1)[:, last : last + 1])
    each = np.isfinite(draw).sum(axis=1) / np.maximum(1, kept.sum(axis=1))
    keep = kept | bought
    weight = np.where(bought, 1.0, each[:, None])
    return Matrix(
        X=candidates.features[:, places][keep],
        y=bought[keep].astype(np.float32),
        weight=weight[keep].astype(np.float32),
        first_score=candidates.first_score[:, places][keep],
        request=np.repeat(candidates.rows, keep.sum(axis=1)),
    )


def fit_ranker(matrix: Matrix, feature_names: list[str], config: Config, tick: Tick) -> FittedTrees:
    """The trees, on all rows of a side."""
    least = max(1, min(config.ranker.min_leaf_rows, len(matrix.y) // 200))
    ranker = make_ranker(config.ranker.model_copy(update={"min_leaf_rows": least}))
    return ranker.fit(
        matrix.X,
        matrix.y,
        matrix.weight,
        start=START_SHARE * matrix.first_score,
        rising=[feature_names.index(name) for name in RISING],
        seed=config.seed,
        progress=tick,
    )
