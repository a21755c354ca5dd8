"""The search's memory: an Optuna study in an SQLite file. The only module that knows Optuna.

Each trial is drawn by the tree-structured Parzen estimator (Bergstra et al. 2011) from the trials that are settled
and a generator of its own, seeded by the configuration and by how many are settled. So what is tried does not depend
on how often the search was stopped: a trial that was cut off is drawn again, the same.
"""

from __future__ import annotations

import json
import math
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import optuna
import sqlalchemy.exc
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from mersalg.errors import ConfigError
from mersalg_training.tuning.objective import Ndcg
from mersalg_training.tuning.space import Dimension, Settings, rounded

STUDY: Final = "mersalg tune"
"""The name of the one study in the file."""
MAX_ATTEMPTS: Final = 3
"""A setting during which the process was killed so many times is given up."""
MIN_TRIALS_FOR_IMPORTANCE: Final = 8
"""Of fewer trials nothing can be said about what matters."""

Outcome = Literal["done", "refused", "broken off", "running"]


@dataclass(frozen=True)
class TuningTrial:
    """A setting that is or was tried."""

    number: int
    """In the study, from 0; the number of its run in MLflow, too."""
    settings: Settings
    outcome: Outcome
    value: float
    """The objective; NaN unless done."""
    ndcg: Ndcg
    """Task -> NDCG@10 of each of its requests; empty unless done."""
    reason: str
    """Why it was refused; empty unless it was."""
    run_id: str | None


class TuningStudy:
    """An open study; `open_study` makes one."""

    def __init__(
        self, study: optuna.Study, storage: optuna.storages.BaseStorage, space: Sequence[Dimension], seed: int
    ) -> None:
        self._study = study
        self._storage = storage
        self._study_id = storage.get_study_id_from_name(STUDY)
        self._space = space
        self._seed = seed

    @property
    def trials(self) -> list[TuningTrial]:
        """All trials, by number."""
        return [read_trial(frozen) for frozen in self._study.get_trials(deepcopy=False)]

    @property
    def settled(self) -> list[TuningTrial]:
        """The trials that are done or refused, and are not tried again."""
        return [trial for trial in self.trials if trial.outcome in ("done", "refused")]

    @property
    def done(self) -> list[TuningTrial]:
        """The trials with a result; the first one is the configuration as it stands."""
        return [trial for trial in self.trials if trial.outcome == "done"]

    @property
    def best(self) -> TuningTrial:
        """The highest objective; of equal ones the first. Needs a trial that is done."""
        return max(self.done, key=lambda trial: trial.value)

    def recover(self) -> list[TuningTrial]:
        """Mark the trials that a killed process left running as failed, and give them."""
        left = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for frozen in left:
            self._write(frozen.number, "killed", True)
            place = frozen.user_attrs.get("place")
            if place is not None and self._kills_at(place) + 1 >= MAX_ATTEMPTS:
                reason = f"the process was killed {MAX_ATTEMPTS} times while it was tried"
                self._write(frozen.number, "refused", reason)
            self._study.tell(frozen.number, state=TrialState.FAIL)
        numbers = {frozen.number for frozen in left}
        return [trial for trial in self.trials if trial.number in numbers]

    def _kills_at(self, place: int) -> int:
        """How many failed trials were killed at a place in the order of the search."""
        failed = self._study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        return sum(t.user_attrs.get("place") == place and bool(t.user_attrs.get("killed")) for t in failed)

    def ask(self, default: Settings) -> TuningTrial:
        """Begin the next trial: first of all the configuration as it stands, then what the sampler draws."""
        place = len(self.settled)
        state = np.random.SeedSequence([self._seed, place]).generate_state(1)
        self._study.sampler = optuna.samplers.TPESampler(seed=int(state[0]))
        if place == 0 and not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.enqueue_trial(dict(default))
        trial = self._study.ask({d.key: distribution(d) for d in self._space})
        settings = default if place == 0 else rounded(self._space, trial.params)
        trial.set_user_attr("place", place)
        trial.set_user_attr("settings", settings)
        return self._find(trial.number)

    def note_run(self, trial: TuningTrial, run_id: str | None) -> None:
        """Remember the trial's run in MLflow."""
        self._write(trial.number, "run_id", run_id)

    def finish(self, trial: TuningTrial, value: float, ndcg: Ndcg) -> None:
        """Settle a trial with its result."""
        self._write(trial.number, "ndcg", {task: list(values) for task, values in ndcg.items()})
        self._study.tell(trial.number, value)

    def refuse(self, trial: TuningTrial, reason: str) -> None:
        """Settle a trial whose setting does not work."""
        self._write(trial.number, "refused", reason)
        self._study.tell(trial.number, state=TrialState.FAIL)

    def break_off(self, trial: TuningTrial) -> None:
        """Mark a trial as failed that is to be tried again."""
        self._study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

    @property
    def parent_run(self) -> str | None:
        """The search's own run in MLflow, as far as it is known."""
        result = self._study.user_attrs.get("parent_run")
        return None if result is None else str(result)

    @parent_run.setter
    def parent_run(self, run_id: str | None) -> None:
        self._study.set_user_attr("parent_run", run_id)

    def importance(self) -> dict[str, float]:
        """Key -> its share of the objective's variance (fANOVA, Hutter et al. 2014), the largest first.

        Empty where there are fewer than MIN_TRIALS_FOR_IMPORTANCE trials, or all have the same objective.
        """
        values = [trial.value for trial in self.done]
        if len(values) < MIN_TRIALS_FOR_IMPORTANCE or math.isclose(min(values), max(values)):
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        return dict(optuna.importance.get_param_importances(self._study, evaluator=evaluator))

    def _find(self, number: int) -> TuningTrial:
        return next(trial for trial in self.trials if trial.number == number)

    def _write(self, number: int, name: str, value: Any) -> None:
        """Write to a running trial."""
        self._storage.set_trial_user_attr(
            self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number), name, value
        )


def read_trial(frozen: FrozenTrial) -> TuningTrial:
    """A trial as Optuna keeps it."""
    known = frozen.user_attrs
    outcomes: dict[TrialState, Outcome] = {TrialState.COMPLETE: "done", TrialState.FAIL: "broken off"}
    outcome: Outcome = "refused" if "refused" in known else outcomes.get(frozen.state, "running")
    value = frozen.value if outcome == "done" and frozen.value is not None else math.nan
    return TuningTrial(
        frozen.number, known.get("settings", {}), outcome, value, known.get("ndcg", {}), known.get("refused", ""),
        known.get("run_id"),
    )  # fmt: skip


def distribution(dimension: Dimension) -> BaseDistribution:
    """The dimension in Optuna's terms."""
    log = dimension.scale == "log"
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(dimension.high), log=log)
    return FloatDistribution(float(dimension.low), float(dimension.high), log=log)


@contextmanager
def open_study(path: Path, search: Mapping[str, Any], space: Sequence[Dimension], seed: int) -> Iterator[TuningStudy]:
    """Open the study in a file, which is made if there is none, for this process alone.

    search: all that makes two trials comparable, in values that JSON knows. ConfigError if the file holds another
    search, is no study, or is in use.
    """
    told = json.loads(json.dumps(search))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with alone(path), refusals(path):
        storage = open_storage(path)
        try:
            study = optuna.create_study(storage=storage, study_name=STUDY, direction="maximize", load_if_exists=True)
            if not study.get_trials(deepcopy=False):
                study.set_user_attr("search", told)
            check_search(path, study.user_attrs.get("search", {}), told)
            yield TuningStudy(study, storage, space, seed)
        finally:
            storage.remove_session()
            storage.engine.dispose()


def open_storage(path: Path) -> optuna.storages.RDBStorage:
    """Open Optuna's tables in the file; ConfigError where they are of a version that the installed one cannot read."""
    try:
        return optuna.storages.RDBStorage(f"sqlite:///{path}")
    except RuntimeError as error:
        raise ConfigError(
            f"--study {path}: Optuna {optuna.__version__} cannot read it: {error}; name another file with --study"
        ) from None


def check_search(path: Path, result: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """ConfigError names all in which the study's search is another than the one that is asked for."""
    for name, value in expected.items():
        if result.get(name) != value:
            raise ConfigError(
                f"--study {path}: holds a search with other {name}, so that its trials cannot be compared: "
                f"{differences(result.get(name), value)}; name another file with --study, or remove this one"
            )


def differences(result: Any, expected: Any) -> str:
    """What is different, at most three entries of it."""
    if not isinstance(result, dict) or not isinstance(expected, dict):
        return f"expected {short(expected)}, got {short(result)}"
    keys = [key for key in sorted({*result, *expected}) if result.get(key) != expected.get(key)]
    told = [f"{key}: expected {short(expected.get(key))}, got {short(result.get(key))}" for key in keys[:3]]
    return "; ".join([*told, *([f"and {len(keys) - 3} more"] if len(keys) > 3 else [])])


def short(value: Any) -> str:
    """A value as JSON, cut."""
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the file's lock, which the system frees when the process ends, however it ends.

    It is SQLite's own, on a file beside the study, so that it works wherever SQLite does.
    """
    lock = Path(f"{path}.lock")
    try:
        connection = sqlite3.connect(lock, isolation_level=None, timeout=0.0)
    except sqlite3.Error as error:
        raise ConfigError(
            f"--study {path}: cannot be written: {error}; name a file in a folder that is there"
        ) from None
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise ConfigError(
                f"--study {path}: another search is at work on it ({error}); wait for it, or name another file"
            ) from None
        yield


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn what Optuna or its database driver raises into a ConfigError that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise ConfigError(
            f"--study {path}: expected the study of a search in SQLite, got {error}; name another file with --study"
        ) from error
