"""Who is in which arm: a keyed hash of the unit's id, the same in every process and on every machine.

Each arm draws a number for the unit; of -ln(number) / share the smallest wins (weighted rendezvous hashing,
Schindelhauer and Schomaker 2005). So nobody moves between two arms whose shares keep their ratio: a hold-out that
grows takes its units from the other arms and gives none back, a new arm does the same, and an arm that ends hands its
own to those that stay.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, get_args

from mersalg.errors import ConfigError, MersalgError
from mersalg.ids import id_text
from mersalg.policy.values import unknown
from mersalg.toml import read_toml

HOLD_OUT: Final = "hold-out"
"""The arm that is never shown offers."""
MIN_KEY_BYTES: Final = 16
KEY_VARIABLE: Final = "MERSALG_EXPERIMENT_KEY"
PERSON: Final = b"mersalg-arm"
FIELDS: Final = ("name", "unit", "shadow", "without_unit", "arms")

Unit = Literal["customer", "order"]
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arm of a unit."""

    arm: str
    share: float | None
    """The probability with which this arm is drawn; None where nothing was drawn, for want of a unit's id."""


@dataclass(frozen=True)
class Experiment:
    """What is compared, on whom, with which shares. ConfigError names what does not hold."""

    name: str
    """Another name draws anew, independent of every other."""
    arms: Mapping[str, float]
    """Arm -> share of the units; they sum to 1. `hold-out` is the one that is never shown offers."""
    key: bytes = field(repr=False)
    """Secret, at least 16 bytes: without it nobody can tell or choose an arm. Above 64 its hash counts."""
    unit: Unit = "customer"
    """What is assigned: all of a customer's requests together, or those of one order."""
    shadow: str | None = None
    """The arm whose offers are computed for hold-out units too, and recorded as not shown; None = none are."""
    without_unit: str | None = None
    """The arm of requests without the unit's id, outside of the comparison; None = such a request is refused."""

    def __post_init__(self) -> None:
        """Check every field."""
        if not isinstance(self.name, str) or not self.name:
            raise ConfigError(f"experiment: name: expected a text, got {self.name!r}")
        where = f"experiment {self.name!r}"
        if self.unit not in UNITS:
            raise ConfigError(f"{where}: unit: expected one of {', '.join(UNITS)}, got {self.unit!r}")
        if not isinstance(self.key, bytes) or len(self.key) < MIN_KEY_BYTES:
            raise ConfigError(
                f"{where}: key: expected at least {MIN_KEY_BYTES} bytes; `openssl rand -hex 32` makes one"
            )
        check_arms(where, self.arms)
        object.__setattr__(self, "arms", dict(self.arms))
        if self.shadow is not None and (self.shadow == HOLD_OUT or self.shadow not in self.arms):
            raise ConfigError(f"{where}: shadow: expected an arm that shows offers, got {self.shadow!r}")
        if self.without_unit is not None and self.without_unit not in self.arms:
            raise ConfigError(
                f"{where}: without_unit: expected one of {', '.join(self.arms)}, got {self.without_unit!r}"
            )

    def assign(self, unit_id: str | None) -> Assignment:
        """The arm of a unit; equal ids, however spelled, give equal arms while name, key and shares are the same.

        MersalgError where the id is missing and the experiment has no arm for that.
        """
        if unit_id is not None and not isinstance(unit_id, str):
            raise MersalgError(f"experiment {self.name!r}: {self.unit}_id: expected a text, got {unit_id!r}")
        unit = id_text(unit_id)
        if not unit:
            if self.without_unit is None:
                raise MersalgError(
                    f"experiment {self.name!r}: a request without {self.unit}_id cannot be assigned; pass the id, or "
                    "set without_unit to the arm that such requests get outside of the comparison"
                )
            return Assignment(self.without_unit, None)
        drawn = {arm: -math.log(self.uniform(arm, unit)) / share for arm, share in self.arms.items() if share > 0.0}
        arm = min(drawn, key=lambda name: (drawn[name], name))
        return Assignment(arm, self.arms[arm])

    def uniform(self, arm: str, unit_id: str) -> float:
        """The arm's number for a unit, above 0 and below 1."""
        return keyed_uniform(self.key, PERSON, (self.name, arm, unit_id))


def keyed_uniform(key: bytes, person: bytes, texts: Sequence[str]) -> float:
    """A number above 0 and below 1, the same everywhere for the same key, personalisation and texts.

    BLAKE2b of 8 bytes (RFC 7693) over the texts in UTF-8, each behind its length in bytes as 4 bytes, big-endian; of
    the number, big-endian, the upper 53 bits. Of a key above 64 bytes the hash counts.
    """
    digest = blake2b(digest_size=8, key=key if len(key) <= 64 else blake2b(key).digest(), person=person)
    for text in texts:
        encoded = text.encode("utf-8")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return ((int.from_bytes(digest.digest(), "big") >> 11) + 0.5) / 2.0**53


def check_arms(where: str, arms: Any) -> None:
    """ConfigError unless at least two arms have shares that sum to 1."""
    if not isinstance(arms, Mapping) or len(arms) < 2:
        raise ConfigError(f"{where}: arms: expected at least two arms with their shares, got {arms!r}")
    for arm, share in arms.items():
        if not isinstance(arm, str) or not arm:
            raise ConfigError(f"{where}: arms: expected names, got {arm!r}")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
            raise ConfigError(f"{where}: arms.{arm}: expected a share from 0 to 1, got {share!r}")
    if abs(math.fsum(arms.values()) - 1.0) > 1e-9:
        raise ConfigError(f"{where}: arms: expected shares that sum to 1, got {math.fsum(arms.values()):.6g}")


def read_experiment(path: str | Path, key: bytes | None = None) -> Experiment:
    """The experiment of a TOML file; its key is not in it: it is given, or MERSALG_EXPERIMENT_KEY has it.

    ConfigError where the file does not hold, has an unknown key, or there is no key.
    """
    where = Path(path)
    tables = read_tables(where)
    return Experiment(key=key_of_environment(str(where)) if key is None else key, **tables)


def key_of_environment(where: str) -> bytes:
    """What MERSALG_EXPERIMENT_KEY holds; ConfigError, which names where it is needed, for nothing."""
    text = os.environ.get(KEY_VARIABLE, "")
    if not text:
        raise ConfigError(f"{where}: no key; set {KEY_VARIABLE}, for example to what `openssl rand -hex 32` prints")
    return text.encode("utf-8")


def read_tables(where: Path) -> dict[str, Any]:
    """The file's values, of known keys alone; `name` and `arms` are there."""
    try:
        tables = read_toml(where.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: expected TOML in UTF-8, got {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    for name in tables:
        if name not in FIELDS:
            raise unknown(f"{where}: ", name, FIELDS)
    if missing := [name for name in ("name", "arms") if name not in tables]:
        raise ConfigError(f"{where}: {missing[0]}: expected a value, got none")
    return tables
