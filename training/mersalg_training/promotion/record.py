"""Who is champion and why, in the tags of registered versions.

The alias `champion` alone says which version answers: one call moves it. What explains a move is written before it, in
one tag of the version that it is about, so that a server which dies in between leaves the old champion and a decision
that was not carried out, or the new champion and its reason.

    mersalg.promotion   on a version that is to become champion: when, why, and who was champion before
    mersalg.kept_back   on a challenger that is not to: the same
    mersalg.rollback    on a champion that is taken back: when, why, to which, and which promotion that undoes
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

from mersalg.errors import RegistryError
from mersalg_training.promotion.decision import Outcome
from mersalg_training.tracking.registered_models import RegisteredVersion

CHAMPION: Final = "champion"
PROMOTION, KEPT_BACK, ROLLBACK = "mersalg.promotion", "mersalg.kept_back", "mersalg.rollback"
MAX_REASONS, MAX_REASON_CHARACTERS = 10, 300
"""Of a tag, which holds 5,000 characters in MLflow's narrowest store."""
State = Literal["champion", "was champion", "rolled back", "kept back", "not carried out", ""]


@dataclass(frozen=True)
class PromotionRecord:
    """A decision on a challenger."""

    outcome: Outcome
    at: str
    """ISO 8601, UTC."""
    previous: str | None
    """The champion that it was compared with; None = there was none."""
    why: tuple[str, ...]
    run: str | None
    """The run that holds promotion.json."""


@dataclass(frozen=True)
class RollbackRecord:
    """A champion that is taken back."""

    at: str
    to: str
    """The version that answers again."""
    why: str
    undoes: str | None
    """The `at` of the promotion that is undone, which tells it from a later one of the same version."""


Kept = TypeVar("Kept", PromotionRecord, RollbackRecord)


@dataclass(frozen=True)
class VersionStanding:
    """A version, and what became of it."""

    version: RegisteredVersion
    state: State
    record: PromotionRecord | RollbackRecord | None
    """Of the state."""


def now() -> str:
    """The time as records hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def promotion_of(version: RegisteredVersion, tag: str = PROMOTION) -> PromotionRecord | None:
    """The decision that a version's tag holds. RegistryError where something else wrote it."""
    document = read_tag(version, tag, PromotionRecord)
    return PromotionRecord(**{**document, "why": tuple(map(str, document["why"]))}) if document is not None else None


def rollback_of(version: RegisteredVersion) -> RollbackRecord | None:
    """How a version was taken back, if it was, after the promotion that its other tag holds."""
    document = read_tag(version, ROLLBACK, RollbackRecord)
    record = RollbackRecord(**document) if document is not None else None
    promoted = promotion_of(version)
    undone = promoted.at if promoted is not None else None
    return record if record is not None and record.undoes == undone else None


def read_tag(version: RegisteredVersion, key: str, record: type[Kept]) -> Mapping[str, Any] | None:
    """The fields of a record in a tag; None without the tag."""
    text = version.tags.get(key)
    if text is None:
        return None
    names = set(record.__dataclass_fields__)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or set(document) != names or not isinstance(document.get("why"), list | str):
        raise RegistryError(
            f"version {version.version}: tag {key}: expected JSON with {', '.join(sorted(names))}, got {text[:80]!r}; "
            "something else wrote it: delete the tag"
        )
    return document


def as_tag(record: PromotionRecord | RollbackRecord) -> str:
    """A record as the value of a tag."""
    return json.dumps(asdict(record), ensure_ascii=False)


def in_short(sentences: Sequence[str]) -> tuple[str, ...]:
    """Reasons that fit a tag; the whole of them is in promotion.json."""
    cut = [one if len(one) <= MAX_REASON_CHARACTERS else one[: MAX_REASON_CHARACTERS - 3] + "..." for one in sentences]
    more = len(cut) - MAX_REASONS
    return tuple(cut) if more <= 0 else (*cut[: MAX_REASONS - 1], f"and {more + 1} more")


def standings(versions: Iterable[RegisteredVersion], champion: str | None) -> list[VersionStanding]:
    """What became of each version: the alias says who is champion, and each champion's record who was before."""
    known = {version.version: version for version in versions}
    reigned = line_of(known, champion)
    return [standing(version, champion, reigned) for version in known.values()]


def line_of(known: Mapping[str, RegisteredVersion], champion: str | None) -> list[str]:
    """The champion and its predecessors, the latest first, as far as they are known."""
    line: list[str] = []
    while champion is not None and champion in known and champion not in line:
        line.append(champion)
        record = promotion_of(known[champion])
        champion = record.previous if record is not None else None
    return line


def standing(version: RegisteredVersion, champion: str | None, line: Sequence[str]) -> VersionStanding:
    """What became of one version. One of the line was not taken back, whatever a tag says that came to nothing."""
    promoted, taken_back, kept_back = promotion_of(version), rollback_of(version), promotion_of(version, KEPT_BACK)
    if version.version in line:
        return VersionStanding(version, "champion" if version.version == champion else "was champion", promoted)
    if taken_back is not None:
        return VersionStanding(version, "rolled back", taken_back)
    if promoted is not None:
        return VersionStanding(version, "not carried out", promoted)
    return VersionStanding(version, "kept back" if kept_back is not None else "", kept_back)
