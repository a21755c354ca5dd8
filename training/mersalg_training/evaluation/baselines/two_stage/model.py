"""The hand-made two-stage model: candidates from many sources, then boosted trees on 86 features.

It is what a good data scientist builds in some days from libraries and groupings, and the strongest rival. Sources are
fitted on the first nine tenths, and the trees on carts of the last tenth. Then the sources are fitted anew on
everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mersalg.names import Kind
from mersalg_training.config import RankerConfig
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Float32, Float64, Int64, Timeline
from mersalg_training.evaluation.baselines.item_item import count_pairs
from mersalg_training.evaluation.baselines.two_stage.carts import QUESTIONS, Carts, Question, make_carts
from mersalg_training.evaluation.baselines.two_stage.facts import Bools, ProductFacts, make_facts
from mersalg_training.evaluation.baselines.two_stage.features import CandidateRows, featurise
from mersalg_training.evaluation.baselines.two_stage.lookups import fit_lookups
from mersalg_training.evaluation.baselines.two_stage.past import make_past
from mersalg_training.evaluation.baselines.two_stage.sources import Sources, candidates
from mersalg_training.evaluation.methods import ScoredList
from mersalg_training.evaluation.tasks.task import Restriction
from mersalg_training.progress import Tick, quiet
from mersalg_training.ranking.cases import Cases, ragged
from mersalg_training.ranking.lightgbm_trees import fit_scorer

CARTS_SHARE: Final = 0.1
"""Of the span, the last part, whose orders are the training carts."""
NEGATIVES: Final = 60
"""Candidates that were not bought, kept for each question and weighted back to all of them."""
MIN_BOUGHT: Final = 100
"""A question with fewer candidates that were bought is answered by a model of all questions."""
NEARLY: Final = 0.95
"""So many of the permitted products tell which question it is."""
CHUNK: Final = 32
"""Requests that are scored over the whole catalogue at once."""
TREES: Final = RankerConfig(
    trees=250, leaves=47, learning_rate=0.05, min_leaf_rows=50, leaf_penalty=5.0, feature_share=0.6
)

Predict = Callable[[Float32], Float64]
Ask = Callable[[int, Int64], list[tuple[Question, Bools]]]
"""(case, own products) -> the questions about it, each with the permitted products (n_products,)."""
Taught = tuple[Float32, Float32, Float32]
"""X, y and weight."""


@dataclass(frozen=True)
class Looked:
    """Some questions with their candidates."""

    case: Int64
    """(n_questions,) position among the cases."""
    question: Int64
    """(n_questions,) position in QUESTIONS."""
    rows: CandidateRows
    """Of the questions."""
    X: Float32


@dataclass(frozen=True)
class TwoStage:
    """The fitted model."""

    timeline: Timeline
    sources: Sources
    models: Mapping[Question, Predict]
    tie_place: Int64
    """(n_products,) of equal scores the lowest place comes first."""
    name: str = "two-stage"

    def rank(self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None) -> list[Int64]:
        """For each case at most k permitted product codes, the best first, by the model of what is asked for."""
        return [products for products, _ in self.scored(cases, restriction, k, kinds)]

    def scored(
        self, cases: Cases, restriction: Restriction, k: int, kinds: Sequence[Kind] | None = None
    ) -> list[ScoredList]:
        """The same with their log-odds. Upsells alone are a question; of other kinds the restriction tells it."""
        upsells = kinds is not None and tuple(kinds) == ("upsell",)
        return self.answered(cases, restriction, k, "upsell" if upsells else None)

    def answered(
        self, cases: Cases, restriction: Restriction, k: int, question: Question | None = None
    ) -> list[ScoredList]:
        """The lists by one model; None = for each case the one that fits what the restriction permits."""

        def ask(case: int, own: Int64) -> list[tuple[Question, Bools]]:
            permitted = restriction.mask(case)
            return [(question or question_of(permitted, own, cases.cart[case], self.sources.facts), permitted)]

        ranked: list[ScoredList] = []
        for looked in look(self.timeline, self.sources, cases, ask):
            scores = self.predict(looked)
            ends = np.searchsorted(looked.rows.owner, np.arange(len(looked.case) + 1)).tolist()
            for first, end in pairwise(ends):
                products = looked.rows.product[first:end]
                first_k = np.lexsort((self.tie_place[products], -scores[first:end]))[:k]
                ranked.append((products[first_k], scores[first:end][first_k]))
        return ranked

    def predict(self, looked: Looked) -> Float64:
        """(n_rows,) log-odds by the model of each question."""
        of_row = looked.question[looked.rows.owner]
        scores = np.zeros(len(of_row))
        for code in np.unique(of_row).tolist():
            scores[of_row == code] = self.models[QUESTIONS[code]](looked.X[of_row == code])
        return scores


def question_of(permitted: Bools, own: Int64, cart: Int64, facts: ProductFacts) -> Question:
    """Which question the permitted products (n_products,) pose."""
    allowed, types = np.flatnonzero(permitted), facts.groups["type"]
    in_cart = np.unique(types[cart])
    of_cart = np.isin(types[allowed], in_cart[in_cart != UNKNOWN])
    if len(of_cart) and of_cart.mean() >= NEARLY and len(allowed) < 0.5 * np.count_nonzero(facts.sold):
        return "upsell"
    of_own = np.count_nonzero(permitted[own])
    if len(own) and of_own == 0:
        return "new"
    return "own" if of_own and of_own >= NEARLY * len(allowed) else "all"


def fit_two_stage(
    timeline: Timeline,
    attributes: Attributes,
    before_day: float,
    random: np.random.Generator,
    tick: Tick = quiet,
) -> TwoStage | None:
    """The model, fitted on lines before the day (days since 1970-01-01); None where too few carts teach anything.

    tick is told the training carts, and that all are done when the last trees stand.
    """
    if not np.any(timeline.order_day < before_day):
        return None
    cut = before_day - CARTS_SHARE * (before_day - float(timeline.order_day.min()))
    early = fit_sources(timeline, attributes, cut, random)
    made = make_carts(timeline, early.facts, (cut, before_day), random)
    taught = training_rows(timeline, early, made, random, tick)
    del early
    everything = tuple(np.concatenate(columns) for columns in zip(*taught.values(), strict=True))
    if not taught or everything[1].sum() < MIN_BOUGHT:
        return None
    models: dict[Question, Predict] = {}
    for question in QUESTIONS:
        enough = question in taught and taught[question][1].sum() >= MIN_BOUGHT
        X, y, weight = taught[question] if enough else everything
        models[question] = fit_scorer(TREES, X, y, weight, int(random.integers(2**31)))
    sources = fit_sources(timeline, attributes, before_day, random)
    return TwoStage(timeline, sources, models, random.permutation(len(timeline.product_ids)).astype(np.int64))


def fit_sources(timeline: Timeline, attributes: Attributes, before_day: float, random: np.random.Generator) -> Sources:
    """Every source on the lines before the day."""
    return Sources(
        make_facts(timeline, attributes, before_day),
        count_pairs(timeline, before_day).together,
        fit_lookups(timeline, before_day, random),
    )


def look(timeline: Timeline, sources: Sources, cases: Cases, ask: Ask) -> Iterator[Looked]:
    """The questions about the cases with their candidates, some cases at a time, in order."""
    popular = np.argsort(-sources.facts.orders, kind="stable")
    for first in range(0, len(cases), CHUNK):
        some = cases.take(np.arange(first, min(first + CHUNK, len(cases))))
        past = make_past(timeline, some, sources.facts)
        with threadpool_limits(1, "blas"):  # many small systems, for which threads cost more than they bring
            scores = sources.score(some, past)
        case, question, chosen = [], [], []
        for row in range(len(some)):
            for asked, permitted in ask(first + row, past.own(row)):
                case.append(row)
                question.append(QUESTIONS.index(asked))
                chosen.append(candidates(scores, row, permitted, popular))
        result = ragged(chosen)
        rows = CandidateRows(result.row, np.array(case, dtype=np.int64)[result.row], result.values)
        X = featurise(rows, scores, some, past, sources.facts)
        yield Looked(np.array(case, dtype=np.int64) + first, np.array(question, dtype=np.int64), rows, X)


def training_rows(
    timeline: Timeline, sources: Sources, made: list[Carts], random: np.random.Generator, tick: Tick
) -> dict[Question, Taught]:
    """By question every candidate that was bought and some of the others."""
    parts: dict[Question, list[Taught]] = {}
    done, of = 0, sum(len(carts.cases) for carts in made)
    for carts in made:

        def ask(case: int, own: Int64, carts: Carts = carts) -> list[tuple[Question, Bools]]:
            return list(carts.asked(case, own, sources.facts.sold))

        for looked in look(timeline, sources, carts.cases, ask):
            kept, y, weight = sampled(looked, carts.cases, random)
            of_row = looked.question[looked.rows.owner[kept]]
            for code in np.unique(of_row).tolist():
                part = of_row == code
                parts.setdefault(QUESTIONS[code], []).append((looked.X[kept[part]], y[part], weight[part]))
            done += len(np.unique(looked.case))
            tick(done, of)
    return {question: joined(result) for question, result in parts.items()}


def joined(parts: list[Taught]) -> Taught:
    """All rows, in order."""
    X, y, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return X, y, weight


def sampled(looked: Looked, cases: Cases, random: np.random.Generator) -> tuple[Int64, Float32, Float32]:
    """Kept rows, whether each was bought, and its weight, which makes up for the candidates that are left out."""
    kept, bought, weight = [], [], []
    ends = np.searchsorted(looked.rows.owner, np.arange(len(looked.case) + 1)).tolist()
    for case, (first, end) in zip(looked.case.tolist(), pairwise(ends), strict=True):
        hit = np.isin(looked.rows.product[first:end], cases.target[case])
        others = np.flatnonzero(~hit)
        some = random.permutation(others)[:NEGATIVES]
        of_question = np.sort(np.concatenate([np.flatnonzero(hit), some]))
        kept.append(first + of_question)
        bought.append(hit[of_question])
        weight.append(np.where(hit[of_question], 1.0, len(others) / max(1, len(some))))
    y = np.concatenate(bought).astype(np.float32)
    return np.concatenate(kept), y, np.concatenate(weight).astype(np.float32)
