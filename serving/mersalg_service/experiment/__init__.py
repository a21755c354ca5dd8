"""A hold-out and arms: who is shown offers, and the record of what was shown, from which uplift is measured.

`Explorer` draws the order of some answers, with the chance of each offer, so that a record can be learned from.
`Experiment` assigns, `Trial` asks the recommender of the arm and records the exposure, `ExposureLog` keeps it in a
file, `ExposureFolder` in a file a day; `ExposureQueue` before one of them lets no answer wait.
"""

from __future__ import annotations

from mersalg_service.experiment.assignment import HOLD_OUT, Assignment, Experiment, read_experiment
from mersalg_service.experiment.exploration import Exploration
from mersalg_service.experiment.explored_answers import ExploredOffers, Explorer
from mersalg_service.experiment.exposures import EXPOSURE_FIELDS, Exposure, ExposureLog
from mersalg_service.experiment.folder import ExposureFolder
from mersalg_service.experiment.trial import Trial
from mersalg_service.experiment.waiting import ExposureQueue

__all__ = [
    "EXPOSURE_FIELDS",
    "HOLD_OUT",
    "Assignment",
    "Experiment",
    "Exploration",
    "ExploredOffers",
    "Explorer",
    "Exposure",
    "ExposureFolder",
    "ExposureLog",
    "ExposureQueue",
    "Trial",
    "read_experiment",
]
