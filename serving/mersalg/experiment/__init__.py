"""A hold-out and arms: who is shown offers, and the record of what was shown, from which uplift is measured.

`Experiment` assigns, `Trial` asks the recommender of the arm and records the exposure, `ExposureLog` keeps it.
"""

from __future__ import annotations

from mersalg.experiment.assignment import HOLD_OUT, Assignment, Experiment, read_experiment
from mersalg.experiment.exposures import EXPOSURE_FIELDS, Exposure, ExposureLog
from mersalg.experiment.trial import Trial

__all__ = [
    "EXPOSURE_FIELDS",
    "HOLD_OUT",
    "Assignment",
    "Experiment",
    "Exposure",
    "ExposureLog",
    "Trial",
    "read_experiment",
]
