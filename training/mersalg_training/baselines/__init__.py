"""The methods that every bundle is measured against, each in the file of its idea.

They see every line before the test window, so more than the bundle does, which fits on what lies before its
calibration window. They rank the whole catalogue.
"""

from __future__ import annotations

from mersalg_training.baselines.catalogue import Baseline, ScoredCatalogue, Scorer, Scores, best
from mersalg_training.baselines.fitting import fit_baselines

__all__ = ["Baseline", "ScoredCatalogue", "Scorer", "Scores", "best", "fit_baselines"]
