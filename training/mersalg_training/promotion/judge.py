"""A challenger compared with the champion; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mersalg.child import load_in_child
from mersalg.errors import BundleError, RegistryError
from mersalg.recommender import AnswersRequests, Recommender, load
from mersalg.table import SavedOutcome, SavedRequest, check_saved
from mersalg_training.config import TrackingConfig
from mersalg_training.drift.check import manifest_digest
from mersalg_training.drift.comparison import compare_kinds
from mersalg_training.evaluation.bundle_method import THREADS, BundleMethod
from mersalg_training.export.trained_config import bundle_config
from mersalg_training.progress import Stages
from mersalg_training.promotion.cost import TIMED, measure_cost
from mersalg_training.promotion.decision import Margins, decide, decide_first
from mersalg_training.promotion.logged_value import compare_logged
from mersalg_training.promotion.measure import ask, compare
from mersalg_training.promotion.promises import promises
from mersalg_training.promotion.record import CHAMPION
from mersalg_training.promotion.result import BundleComparison, Contestant, Promotion
from mersalg_training.promotion.window import Span, learned_until, read_shared
from mersalg_training.tracking.model_entry import ALIAS
from mersalg_training.tracking.registered_models import ModelVersions


@dataclass(frozen=True)
class PromotionTerms:
    """What a promotion is asked to look at."""

    overrides: Sequence[str] = ()
    """Laid over the challenger's configuration."""
    span: Span = field(default_factory=Span)
    margins: Margins = field(default_factory=Margins)
    saved: Sequence[SavedRequest] = ()
    under: Callable[[Recommender], AnswersRequests] = lambda recommender: recommender
    """The policy under which the saved requests are answered."""


@dataclass(frozen=True)
class Contenders:
    """The versions that the two aliases name."""

    challenger: str
    champion: str | None


def candidates(models: ModelVersions) -> Contenders:
    """Who challenges whom. RegistryError where nobody does."""
    aliases = models.aliases()
    if ALIAS not in aliases:
        raise RegistryError(
            f"models:/{models.name}@{ALIAS}: expected a version, got none; `mersalg train` registers one, or move the "
            "alias in MLflow"
        )
    return Contenders(aliases[ALIAS], aliases.get(CHAMPION))


def judge(models: ModelVersions, who: Contenders, asked: PromotionTerms, stages: Stages) -> Promotion:
    """Load the challenger as a shop does, and the champion where there is one, and decide; nothing is written."""
    with TemporaryDirectory(prefix="mersalg-promote-") as place:
        with stages.stage(f"Loading challenger, version {who.challenger}"):
            ours = load_version(models, who.challenger, Path(place))
        experiment = experiment_of(ours)
        if who.champion is None:
            outcomes = check_saved(asked.under(ours), asked.saved)
            pairs: list[tuple[SavedOutcome | None, SavedOutcome]] = [(None, outcome) for outcome in outcomes]
            decision = decide_first(outcomes)
            return Promotion(
                models.name, experiment, contestant(who.challenger, ours), None, asked.margins, pairs, None, decision
            )
        with stages.stage(f"Loading champion, version {who.champion}"):
            theirs = load_version(models, who.champion, Path(place))
        outcomes_of = [check_saved(asked.under(one), asked.saved) for one in (theirs, ours)]
        saved = list(zip(*outcomes_of, strict=True))
        evidence = gather(theirs, ours, asked, stages)
        decision = decide(evidence.measures, evidence.promises, evidence.cost, saved, asked.margins)
        pair = contestant(who.challenger, ours), contestant(who.champion, theirs)
        return Promotion(models.name, experiment, *pair, asked.margins, saved, evidence, decision)


def experiment_of(recommender: Recommender) -> str:
    """Where the runs of a bundle are kept."""
    tracking = recommender.manifest["config"].get("tracking") or {}
    return str(tracking.get("experiment") or TrackingConfig().experiment)


def load_version(models: ModelVersions, version: str, place: Path) -> Recommender:
    """A version, fetched and loaded in a process of its own first. BundleError names it."""
    folder = models.fetch(version, place)
    try:
        load_in_child(folder)
        return load(folder, threads=THREADS)
    except BundleError as error:
        raise BundleError(f"models:/{models.name}/{version}: {error}") from None


def contestant(version: str, recommender: Recommender) -> Contestant:
    """What a version is known by."""
    return Contestant(version, str(recommender.manifest["name"]), manifest_digest(recommender.folder))


def gather(champion: Recommender, challenger: Recommender, asked: PromotionTerms, stages: Stages) -> BundleComparison:
    """Both on the same requests, of days from which neither has learned."""
    config, _ = bundle_config(challenger.manifest, "challenger", asked.overrides)
    unseen = max(learned_until(challenger.manifest), learned_until(champion.manifest))
    with stages.stage("Reading and checking purchases"):
        window = read_shared(config, unseen, asked.span)
    answered = []
    for name, recommender in (("champion", champion), ("challenger", challenger)):
        with stages.stage(f"Asking the {name} for {len(window.cases):,} requests") as tick:
            answered.append(ask(BundleMethod(recommender, window.timeline), window, tick))
    with stages.stage("Comparing request by request"):
        measures = compare(window, (answered[0], answered[1]), config.seed)
        accepted, notes = compare_logged(window, champion, challenger, config.seed)
        kinds = [
            compare_kinds(recommender.manifest, of.outcomes, None)
            for recommender, of in zip((champion, challenger), answered, strict=True)
        ]
    with stages.stage("Timing both side by side"):
        requests = BundleMethod(champion, window.timeline).requests
        timed = [requests.make(window.cases, case) for case in range(min(TIMED, len(window.cases)))]
        cost = measure_cost(champion, challenger, timed, config.seed)
    return BundleComparison(
        since=f"{window.since:%Y-%m-%d}",
        until=f"{window.until:%Y-%m-%d}",
        requests=len(window.cases),
        customers=len(np.unique(answered[0].outcomes.requests.unit)),
        measures=[*measures, *accepted],
        promises=promises(*kinds),
        cost=cost,
        notes=[*window.notes, *notes],
    )
