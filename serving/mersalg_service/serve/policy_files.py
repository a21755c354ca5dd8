"""The policy and the catalogue of a service: files that are read again when they change.

A wrong file is refused and said; the last good one goes on, as with bundles.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mersalg.errors import MersalgError
from mersalg.offers import Offers
from mersalg.policy import Catalogue, Policy, PolicyRecommender, read_catalogue, read_policy
from mersalg.recommender import Recommender, load
from mersalg.requests import Request

log: Final = logging.getLogger("mersalg.serve")

Stamp = tuple[tuple[str | int, ...], ...]


class UnderPolicy:
    """A bundle under the policy of today; each answer keeps to one policy and one catalogue."""

    def __init__(self, by: PolicyRecommender) -> None:
        self.by = by

    @property
    def manifest(self) -> Mapping[str, Any]:
        """That of the bundle."""
        return self.by.manifest

    def name(self, product_id: str) -> str:
        """The product's name, or its id when the bundle knows no name."""
        return self.by.name(product_id)

    def answer(self, requests: list[Request], *, threshold: bool) -> list[Offers]:
        """The offers for checked requests, in their order."""
        return self.by.answer(requests, threshold=threshold)


class PolicyFiles:
    """Opens bundles under a policy, and brings the policy up to date. Used by one thread, the changing one."""

    def __init__(self, policy: Path, catalogue: Path | None, opened: Callable[[Path], Recommender] = load) -> None:
        self._load = opened
        self.policy_file = policy
        self.catalogue_file = catalogue
        self.opened: UnderPolicy | None = None
        self.refused: str | None = None
        """What is wrong with the newest files; None while they are those that act."""
        self._stamp = self.stamp()
        self._policy, self._catalogue = self._read()

    def open(self, folder: Path) -> UnderPolicy:
        """The bundle of a folder under the policy."""
        self.opened = UnderPolicy(self._around(self._load(folder)))
        return self.opened

    def refresh(self) -> bool:
        """Read changed files and put them to use; whether there were any that could be read."""
        stamp = self.stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._policy, self._catalogue = self._read()
        except MersalgError as error:
            self.refused = str(error)
            log.warning("the policy stays as it was: %s", error)
            return False
        self.refused = None
        if self.opened is not None:
            self.opened.by = self._around(self.opened.by.recommender)
        log.info("a new policy or catalogue acts: %d products", len(self._catalogue))
        return True

    def stamp(self) -> Stamp:
        """Inode, size and time of each file; none of one that is not there, which reading it then says.

        One that is still being written may get its end within the tick of the clock in which it was looked at.
        """
        result: list[tuple[str | int, ...]] = []
        for file in (self.policy_file, self.catalogue_file):
            if file is not None:
                status = file.stat() if file.exists() else None
                told = (status.st_ino, status.st_size, status.st_mtime_ns) if status else ()
                result.append((str(file), *told))
        return tuple(result)

    def _read(self) -> tuple[Policy, Catalogue]:
        catalogue = read_catalogue(self.catalogue_file) if self.catalogue_file is not None else Catalogue()
        return read_policy(self.policy_file), catalogue

    def _around(self, recommender: Recommender) -> PolicyRecommender:
        made = PolicyRecommender(recommender, self._policy, self._catalogue)
        for rule, facts in made.switched_off.items():
            log.warning("the rule %r is switched off: the catalogue does not know %s", rule, " or ".join(facts))
        return made
