"""An experiment that runs: assigns the unit, asks its arm's recommender, records the exposure, gives the offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mersalg.errors import ConfigError
from mersalg.offers import Offers
from mersalg_service.experiment.assignment import HOLD_OUT, Assignment, Experiment
from mersalg_service.experiment.explored_answers import ExploredOffers
from mersalg_service.experiment.exposures import Exposure

if TYPE_CHECKING:
    from mersalg.offers import Offer
    from mersalg.recommender import AnswersRequests


class Trial:
    """Answers requests as the experiment says. Holds nothing about a request; as safe to share as its parts."""

    def __init__(
        self,
        experiment: Experiment,
        recommenders: Mapping[str, AnswersRequests],
        record: Callable[[Sequence[Exposure]], None],
    ) -> None:
        """Take a recommender for each arm but the hold-out, and what keeps exposures, as an `ExposureLog` does."""
        wanted = {arm for arm in experiment.arms if arm != HOLD_OUT}
        if wanted != set(recommenders):
            raise ConfigError(
                f"experiment {experiment.name!r}: expected a recommender for each of {', '.join(sorted(wanted))}, "
                f"got {', '.join(sorted(recommenders)) or 'none'}"
            )
        self.experiment = experiment
        self.recommenders = dict(recommenders)
        self.record = record
        self.bundles = {arm: bundle_version(recommender.manifest) for arm, recommender in recommenders.items()}

    def recommend(
        self,
        *,
        customer_id: str | None = None,
        order_id: str | None = None,
        moment: str = "cart",
        at: datetime | str | None = None,
        **request: Any,
    ) -> Offers:
        """The offers of the unit's arm, after they were recorded; a hold-out unit gets none, for the reason `hold-out`.

        `request` has the other arguments of `Recommender.recommend`. A hold-out unit's would-be offers are computed
        and recorded where the experiment has a shadow arm. Errors are those of the recommender and of the record;
        nothing is recorded for a request that is refused.
        """
        from mersalg.requests import read_mapping  # noqa: PLC0415
        from mersalg.times import read_time  # noqa: PLC0415

        unit = customer_id if self.experiment.unit == "customer" else order_id
        assigned = self.experiment.assign(unit)
        held_out = assigned.arm == HOLD_OUT
        asked = self.experiment.shadow if held_out else assigned.arm
        answer = (
            Offers((), "hold-out", 0, {})
            if asked is None
            else self.recommenders[asked].answer(
                [read_mapping({"moment": moment, "at": at, **request})], threshold=True
            )[0]
        )
        rows = exposures_of(
            self.experiment.name,
            answer,
            assigned,
            customer_id=customer_id,
            order_id=order_id,
            unit=unit or None,
            moment=moment,
            offered_at=datetime.now(UTC).replace(tzinfo=None) if at is None else read_time(at, "at"),
            bundle=None if asked is None else self.bundles[asked],
        )
        self.record(rows)
        return Offers((), "hold-out", 0, {}) if held_out else answer


def exposures_of(
    experiment: str | None,
    answer: Sequence[Offer],
    assigned: Assignment | None,
    reason: str | None = None,
    **known: Any,
) -> list[Exposure]:
    """A row for each offer, or one that says that there is none, for the answer's reason where none is given.

    `known` are customer_id, order_id, unit, moment, offered_at and bundle, the same for all. Without a trial nobody is
    assigned.
    """
    share, arm = (None, None) if assigned is None else (assigned.share, assigned.arm)
    common = {**known, "accepted": None, "experiment": experiment, "arm": arm, "arm_propensity": share}
    common["explored"] = answer.explored if isinstance(answer, ExploredOffers) else None
    if not answer:
        nothing: dict[str, Any] = dict.fromkeys(("product_id", "kind", "position", "relevance", "because"))
        why = reason or getattr(answer, "reason", None)
        return [Exposure(**common, **nothing, propensity=share, shown=False, reason=why)]
    propensity = answer.propensity if isinstance(answer, ExploredOffers) else (share,) * len(answer)
    return [
        Exposure(
            **common,
            propensity=chance,
            product_id=offer.product_id,
            kind=offer.kind,
            position=offer.rank,
            relevance=offer.relevance,
            because=offer.because,
            shown=arm != HOLD_OUT,
            reason=None,
        )
        for offer, chance in zip(answer, propensity, strict=True)
    ]


def the_one_arm(experiment: Experiment) -> str:
    """The arm that shows offers, where there is one beside the hold-out. ConfigError for others: one bundle answers."""
    showing = [arm for arm in experiment.arms if arm != HOLD_OUT]
    if len(showing) != 1:
        raise ConfigError(
            f"experiment {experiment.name!r}: expected the arm {HOLD_OUT} and one that shows the offers of the bundle, "
            f"got {', '.join(experiment.arms)}; two bundles are compared with mersalg_service.experiment.Trial"
        )
    return showing[0]


def bundle_version(manifest: Mapping[str, Any]) -> str:
    """NAME:HASH, the first twelve digits of the scorer's SHA-256."""
    return f"{manifest['name']}:{manifest['files']['scorer.onnx']['sha256'][:12]}"
