"""What a bundle would have been worth on logged offers, and what acceptance teaches it (off-policy evaluation).

A purchase says "would buy"; a log of offers says "accepted when shown". In the order in which data flows:

    bundle_answers     what the bundle makes of each logged offer, and what it would have shown
    acceptance_rates   what was accepted of what was shown, by kind, moment and position
    examination        how often each position is looked at
    outcome            how likely a logged offer is accepted, for the doubly robust estimate
    estimators         what a policy would have been worth on another one's log (IPS, SNIPS, DR)
    value              these estimates with their intervals
    comparison         how much more one policy would have been worth than another
    correction         trees that add what is accepted to the ranker's score
    learned_acceptance whether a job takes them
    calibrate          calibration, thresholds and certificate from acceptance
"""

from mersalg_training.off_policy.bundle_answers import score_offers
from mersalg_training.off_policy.calibrate import calibrate_on_acceptance
from mersalg_training.off_policy.examination import Examination, estimate_examination, relevance_groups

__all__ = [
    "Examination",
    "calibrate_on_acceptance",
    "estimate_examination",
    "relevance_groups",
    "score_offers",
]
