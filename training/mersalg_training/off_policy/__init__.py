"""From purchases to acceptance: logged offers read, weighed and learned from.

A purchase says "would buy"; a log of offers says "accepted when shown". In the order in which data flows:

    offers        a table of offers, checked; every rejected row counted by reason
    logged        the offers as arrays, gathered into requests with their carts and histories
    answered      what the bundle makes of each logged offer, and what it would have shown
    examination   how often each position is looked at
    estimators    what a policy would have been worth on another one's log
    calibrating   calibration, thresholds and certificate from acceptance
"""

from mersalg_training.logged_offers.read import OffersReport, read_offers
from mersalg_training.logged_offers.requests import LoggedOffers, gather_offers
from mersalg_training.off_policy.bundle_answers import Scored, score_offers
from mersalg_training.off_policy.calibrate import calibrate_on_acceptance
from mersalg_training.off_policy.examination import Examination, estimate_examination, relevance_groups

__all__ = [
    "Examination",
    "LoggedOffers",
    "OffersReport",
    "Scored",
    "calibrate_on_acceptance",
    "estimate_examination",
    "gather_offers",
    "read_offers",
    "relevance_groups",
    "score_offers",
]
