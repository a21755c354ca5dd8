"""A bundle that explains its answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mersalg.bundle import Bundle
from mersalg.errors import MersalgError
from mersalg.ids import check_product_ids
from mersalg.offers import Offer, Offers
from mersalg.policy.recommender import PolicyRecommender
from mersalg.recommender import open_recommender
from mersalg.registry.opening import open_bundle
from mersalg.requests import Request, read_mapping
from mersalg_training.explanation.contributions import explain_offer
from mersalg_training.explanation.result import Explanation, OfferExplanation, WhyNot
from mersalg_training.explanation.traced_scorer import TracedScorer
from mersalg_training.explanation.why_not import Asked, why_not
from mersalg_training.progress import Tick, quiet


def open_explainer(path: str | Path) -> Explainer:
    """An explainer of a bundle: a folder or an address as `mersalg.load` takes them.

    BundleError where the bundle does not hold, or was made by a version that builds its graph in another way.
    """
    return Explainer(open_bundle(path))


class Explainer:
    """Explains the answers of one bundle. Holds nothing about a request."""

    def __init__(self, bundle: Bundle) -> None:
        """Open a verified bundle twice: as a shop does, and with its inner values in sight."""
        self.recommender = open_recommender(bundle)
        self.scorer = TracedScorer(bundle)

    def explain(
        self,
        request: Mapping[str, Any],
        *,
        product: str | None = None,
        policy: PolicyRecommender | None = None,
        tick: Tick = quiet,
    ) -> Explanation:
        """Why a request, with the fields of `recommend`, is answered with these offers, or with none.

        product: explain this one alone, why it is offered or why it is not. policy: answer under it; it holds this
        explainer's `recommender`. tick: called with how many offers are explained, of how many. RequestError names a
        field that does not hold.
        """
        if product is not None:
            check_product_ids([product], "product")
        original = read_mapping(request)
        by = self.recommender if policy is None else policy
        (answer,) = by.answer([original], threshold=True)
        asked = original if policy is None else policy.widened(original)
        offers = [offer for offer in answer if product in (None, offer.product_id)]
        explained = []
        for done, offer in enumerate(offers, start=1):
            explained.append(self.explain_offer(asked, offer))
            tick(done, len(offers))
        missing = None
        if product is not None and not offers:
            missing = self.why_not(asked, original, product, policy)
        return Explanation(tuple(explained), answer.reason, missing)

    def explain_offer(self, asked: Request | Offers, offer: Offer) -> OfferExplanation:
        """Why an offer is made. asked: the request as the graph is asked."""
        if isinstance(asked, Offers):
            raise MersalgError("policy: expected a request behind an offer, got an answer; report this as a bug")
        least: float | None = self.recommender.manifest["kinds"][offer.kind]["threshold"]
        return explain_offer(self.scorer, asked, offer, self.recommender.name, least)

    def why_not(
        self, asked: Request | Offers, original: Request, product: str, policy: PolicyRecommender | None
    ) -> WhyNot:
        """Why a product is not offered. asked: the request as the graph is asked, or what the policy answers itself."""
        request = original if isinstance(asked, Offers) else asked
        return why_not(
            Asked(
                recommender=self.recommender,
                scorer=self.scorer,
                policy=policy,
                request=request,
                original=original,
                product_id=product,
                refused=asked.reason if isinstance(asked, Offers) else None,
            )
        )
