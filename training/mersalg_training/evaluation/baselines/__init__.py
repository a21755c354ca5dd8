"""The methods that every bundle is measured against, each in the file of its idea.

They see every line before the test window, as the bundle's tables do; its trees and thresholds are fitted on carts
from before it, which is more than a lookup needs. They rank the whole catalogue.
"""

from __future__ import annotations

from mersalg_training.evaluation.baselines.catalogue import ScoredCatalogue, Scorer, best
from mersalg_training.evaluation.baselines.fitting import fit_baselines

__all__ = ["ScoredCatalogue", "Scorer", "best", "fit_baselines"]
