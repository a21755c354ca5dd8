"""Whether what a default answer shows follows on from its request: best-sellers, lift, upsells, what was just paid for.

Lift and best-sellers are counted from the orders before the window, apart from what a bundle says of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from mersalg.names import KINDS, MOMENTS, Kind
from mersalg_training.data.attributes import Attributes
from mersalg_training.data.timeline import UNKNOWN, Int64, Timeline
from mersalg_training.evaluation.beyond_best_sellers import best_sellers, orders_holding
from mersalg_training.evaluation.bundle_method import BundleAnswer, BundleMethod, Offered
from mersalg_training.evaluation.counted_lift import CountedLift, counted_lift
from mersalg_training.evaluation.metrics import OURS, Estimate, ratio, resample_customers
from mersalg_training.evaluation.plain_rule import PLAIN_RULE, answers_by_rule
from mersalg_training.evaluation.tasks.follow_on import follow_on_cases, known_outcome
from mersalg_training.evaluation.tasks.task import Bools, without_history
from mersalg_training.ranking.cases import Cases

NEW_KINDS: Final[tuple[Kind, ...]] = ("cross-sell", "add-on")
"""Kinds of products that are new to the customer and need something that brings them."""
MIN_LIFT: Final = 1.2
"""From this size-corrected lift on a product follows on from its anchor."""
WITH_HISTORY, ANONYMOUS = "with history", "anonymous"


@dataclass(frozen=True)
class KindShown:
    """The offers of one kind."""

    kind: str
    requests: int
    """That see one."""
    offers: int
    most_shown: str
    """The name of the product that is offered most often."""
    most_shown_offers: int
    least_relevance: float
    judged: int
    """Offers of requests whose outcome is known."""
    bought: int
    """Of the judged ones."""
    precision: Estimate | None
    """Bought of judged; None where none is judged."""


@dataclass(frozen=True)
class FollowOnShown:
    """What one method shows for the same requests, with or without their history."""

    method: str
    history: str
    """WITH_HISTORY or ANONYMOUS."""
    requests: int
    empty: int
    """Requests that see nothing."""
    new_offers: int
    """Offers of NEW_KINDS; the next two are some of them."""
    best_sellers: int
    lifted: int
    """Whose lift with their `because` is at least MIN_LIFT."""
    upsells: int
    unnamed_upsells: int
    """Upsells that are told by nothing but the price: they have the name of their anchor."""
    confirmation_offers: int
    """Offers at order confirmation; the next two are some of them."""
    just_paid: int
    """Of a product of the order."""
    type_just_paid: int
    """Of another product of a type in the order."""
    kinds: Sequence[KindShown]
    """In the order of the format; a kind that is never shown is left out."""

    def metrics(self) -> dict[str, float]:
        """The figures under flat names; a share of nothing is left out."""
        shares = {
            "empty": (self.empty, self.requests),
            "best_sellers": (self.best_sellers, self.new_offers),
            "lifted": (self.lifted, self.new_offers),
            "unnamed_upsells": (self.unnamed_upsells, self.upsells),
            "just_paid": (self.just_paid, self.confirmation_offers),
            "type_just_paid": (self.type_just_paid, self.confirmation_offers),
        }
        for row in self.kinds:
            shares[f"{row.kind}/most_shown"] = (row.most_shown_offers, row.offers)
            shares[f"{row.kind}/precision"] = (row.bought, row.judged)
        counts = {f"{row.kind}/offers": float(row.offers) for row in self.kinds}
        least = {f"{row.kind}/least_relevance": row.least_relevance for row in self.kinds}
        return {name: part / whole for name, (part, whole) in shares.items() if whole} | counts | least


class Shown(NamedTuple):
    """An offer and the case that it is for."""

    case: int
    offered: Offered


def judge_follow_on(
    bundle: BundleMethod,
    attributes: Attributes,
    window: tuple[float, float],
    horizon_days: float,
    most: int,
    random: np.random.Generator,
) -> list[FollowOnShown]:
    """The bundle and the plain rule on at most `most` requests, with their history and, a follow-up aside, without."""
    timeline = bundle.timeline
    cases = follow_on_cases(timeline, window, horizon_days, most, random)
    lift = counted_lift(timeline, window[0])
    judge = Judge(timeline, attributes, lift, best_sellers(orders_holding(timeline, window[0])))
    hidden = without_history(cases.take(np.flatnonzero(cases.moment != MOMENTS.index("follow-up"))))
    rows = []
    for history, asked in ((WITH_HISTORY, cases), (ANONYMOUS, hidden)):
        known = known_outcome(asked, window[1], horizon_days)
        if len(asked):
            rows.append(judge.judged(OURS, history, asked, list(bundle.show(asked)), known, random))
            rows.append(judge.judged(PLAIN_RULE, history, asked, answers_by_rule(lift, timeline, asked), known, random))
    return rows


@dataclass(frozen=True)
class Judge:
    """What offers are judged by."""

    timeline: Timeline
    attributes: Attributes
    lift: CountedLift
    is_best_seller: Bools
    """(n_products,)."""

    def judged(
        self,
        method: str,
        history: str,
        cases: Cases,
        answers: Sequence[BundleAnswer],
        known: Bools,
        random: np.random.Generator,
    ) -> FollowOnShown:
        """The figures of one answer for each case. known: (n,) whether what followed the case is known."""
        shown = [Shown(case, offered) for case, answer in enumerate(answers) for offered in answer.offers]
        new = [offer for offer in shown if offer.offered.kind in NEW_KINDS]
        upsells = [offer for offer in shown if offer.offered.kind == "upsell"]
        confirmed = [o for o in shown if cases.moment[o.case] == MOMENTS.index("order-confirmation")]
        paid = [o.offered.product in cases.cart[o.case] for o in confirmed]
        of_kind = {kind: [o for o in shown if o.offered.kind == kind] for kind in KINDS}
        return FollowOnShown(
            method=method,
            history=history,
            requests=len(cases),
            empty=sum(not answer.offers for answer in answers),
            new_offers=len(new),
            best_sellers=sum(bool(self.is_best_seller[offer.offered.product]) for offer in new),
            lifted=self.lifted(new),
            upsells=len(upsells),
            unnamed_upsells=sum(self.unnamed(offer.offered) for offer in upsells),
            confirmation_offers=len(confirmed),
            just_paid=sum(paid),
            type_just_paid=sum(self.of_type_in(o.offered.product, cases.cart[o.case]) for o in confirmed) - sum(paid),
            kinds=[self.kind_shown(kind, some, cases, known, random) for kind, some in of_kind.items() if some],
        )

    def lifted(self, offers: Sequence[Shown]) -> int:
        """How many of the offers have a `because` with which their lift is at least MIN_LIFT."""
        pairs = [(o.offered.because, o.offered.product) for o in offers if o.offered.because != UNKNOWN]
        anchor, product = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return int(np.count_nonzero(self.lift.of(anchor, product) >= MIN_LIFT))

    def unnamed(self, upsell: Offered) -> bool:
        """Nothing is told of the upsell that its anchor has not: the two have one name."""
        names = self.attributes.names
        return upsell.because != UNKNOWN and names[upsell.because] == names[upsell.product]

    def of_type_in(self, product: int, cart: Int64) -> bool:
        """The product stands in the cart or shares its type with something there."""
        types, unknown = self.attributes.product_type, len(self.attributes.product_types)
        return bool(product in cart or (types[product] != unknown and types[product] in types[cart]))

    def kind_shown(
        self, kind: Kind, offers: Sequence[Shown], cases: Cases, known: Bools, random: np.random.Generator
    ) -> KindShown:
        """The figures of one kind, of which there is an offer."""
        case = np.array([offer.case for offer in offers])
        hit = np.array([offer.offered.product in cases.target[offer.case] for offer in offers])
        judged = known[case]
        bought, of = (
            np.bincount(case[some], minlength=len(cases)).astype(np.float64) for some in (judged & hit, judged)
        )
        draws = resample_customers(cases.customer, cases.order, random)
        ((most_shown, times),) = Counter(offer.offered.product for offer in offers).most_common(1)
        return KindShown(
            kind=kind,
            requests=len(np.unique(case)),
            offers=len(offers),
            most_shown=self.attributes.names[most_shown],
            most_shown_offers=times,
            least_relevance=min(offer.offered.relevance for offer in offers),
            judged=int(judged.sum()),
            bought=int((judged & hit).sum()),
            precision=ratio(bought, of, draws) if judged.any() else None,
        )
