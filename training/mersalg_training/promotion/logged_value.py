"""What champion and challenger would have been worth on logged offers of days from which neither has learned."""

from __future__ import annotations

from typing import Final

import numpy as np

from mersalg.recommender import AnswersRequests
from mersalg_training.off_policy.comparison import PairedValue, compare_on_log
from mersalg_training.promotion.measure import ALL_KINDS, PairedFigure
from mersalg_training.promotion.window import SharedWindow

ACCEPTED: Final = "accepted a request"


def compare_logged(
    window: SharedWindow, champion: AnswersRequests, challenger: AnswersRequests, seed: int
) -> tuple[list[PairedFigure], list[str]]:
    """The off-policy values as guards, and in sentences why there are none; nothing where no log is given."""
    if window.offers is None:
        return [], []
    if not len(window.offers):
        return [], [f"no offer of data.offers was made from {window.since:%Y-%m-%d} to before {window.until:%Y-%m-%d}"]
    random = np.random.default_rng([seed, 8])
    value = compare_on_log(champion, challenger, window.timeline, window.offers, random)
    if value.missing is not None:
        return [], [f"logged offers tell no value: {told(value.missing)}"]
    return guards(value), [f"accepted a request: off-policy, on {value.offers:,} offers of {value.requests:,} requests"]


def guards(value: PairedValue) -> list[PairedFigure]:
    """A figure for each estimator: surely worse by more than the margin keeps the challenger back."""
    return [
        PairedFigure(f"{ACCEPTED}, {name}", ALL_KINDS, "guard", first.value, second.value, value.more[name])
        for name, (first, second) in value.values.items()
    ]


def told(missing: str) -> str:
    """The reason, with champion and challenger for the first and the second policy."""
    return missing.replace("first policy", "champion").replace("second policy", "challenger")
