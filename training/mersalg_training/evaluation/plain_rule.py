"""What a shop shows without learning: products often bought with something in the cart, by confidence."""

from __future__ import annotations

from typing import Final

import numpy as np

from mersalg_training.data.timeline import Timeline
from mersalg_training.evaluation.bundle_method import SHOWN, BundleAnswer, Offered
from mersalg_training.evaluation.counted_lift import CountedLift
from mersalg_training.ranking.cases import Cases

PLAIN_RULE: Final = "plain rule"
"""As it stands in tables."""
MIN_RULE_ORDERS: Final = 3
MIN_RULE_LIFT: Final = 2.0


def answers_by_rule(lift: CountedLift, timeline: Timeline, cases: Cases) -> list[BundleAnswer]:
    """For each case the SHOWN products of the highest confidence with a product of the cart; none where none is left.

    Both were in MIN_RULE_ORDERS orders or more, at a size-corrected lift of MIN_RULE_LIFT or more. Relevance and score
    are the confidence. What the history holds is more of the same, everything else a cross-sell.
    """
    anchors = np.unique(cases.cart.values)
    beside = lift.companions(anchors, MIN_RULE_ORDERS)
    holds = np.flatnonzero(beside.lift >= MIN_RULE_LIFT)
    anchor, product, confidence = beside.anchor[holds], beside.product[holds], beside.confidence[holds]
    first, last = np.searchsorted(anchor, anchors, "left"), np.searchsorted(anchor, anchors, "right")
    answers = []
    for case in range(len(cases)):
        cart = cases.cart[case]
        own = timeline.line_product[slice(*cases.history[case].tolist())]
        places = np.searchsorted(anchors, cart).tolist()
        rows = np.concatenate([np.arange(first[place], last[place]) for place in places] or [np.zeros(0, np.int64)])
        rows = rows[~np.isin(product[rows], cart)]
        rows = rows[np.lexsort((product[rows], -confidence[rows]))]
        best = rows[np.sort(np.unique(product[rows], return_index=True)[1])][:SHOWN]
        answers.append(
            BundleAnswer(
                [
                    Offered(
                        "more-of-same" if product[row] in own else "cross-sell",
                        int(product[row]),
                        float(confidence[row]),
                        float(confidence[row]),
                        int(anchor[row]),
                    )
                    for row in best.tolist()
                ]
            )
        )
    return answers
