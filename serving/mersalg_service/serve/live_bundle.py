"""Which bundle answers now. A newer one takes its place when it has loaded; otherwise the last good one goes on.

Requests read one attribute and keep what they got until they have answered, so that a swap needs no lock and no
request sees two bundles.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mersalg.child import load_after_child
from mersalg.errors import BundleError, MersalgError, RegistryError
from mersalg.recommender import AnswersRequests
from mersalg_service.serve.sources import BundleSource, Sighting

Outcome = Literal["unchanged", "swapped", "refused", "unreachable"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("unchanged", "swapped", "refused", "unreachable")
log: Final = logging.getLogger("mersalg.serve")


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded bundle."""

    answerer: AnswersRequests
    name: str
    version: str
    """The first twelve hexadecimal digits of the scorer's SHA-256: equal graphs give equal offers."""
    address: str
    stamp: str
    since: float
    """Seconds since 1970."""
    folder: Path
    """Where its files were when it was loaded, with links followed."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why what the source has is not what answers."""

    error: str
    since: float
    stamp: str | None
    """What was refused; None where the source did not even say what it has."""
    may_pass: bool
    """Whether it is a server that is down, rather than a bundle that is wrong."""


class NoBundleError(MersalgError):
    """No bundle has been loaded yet."""


class LiveBundle:
    """The bundle that answers now, and the look for the next one."""

    def __init__(self, source: BundleSource, open_bundle: Callable[[Path], AnswersRequests] = load_after_child) -> None:
        self.source = source
        self.refusal: Refusal | None = None
        self.served: Served | None = None
        self._open = open_bundle
        self._looking = threading.Lock()

    @property
    def current(self) -> Served:
        """The loaded bundle; NoBundleError before the first one."""
        if self.served is None:
            raise NoBundleError(f"no bundle yet: {self.refusal.error if self.refusal else 'it is being loaded'}")
        return self.served

    def check(self) -> Outcome:
        """Look for another bundle and take it when it is whole. Blocks; no two at a time."""
        with self._looking:
            try:
                sighting = self.source.look()
            except MersalgError as error:
                return self._without_sight(error)
            return self._take(self.source, sighting)

    def replace(self, source: BundleSource) -> Served:
        """Change to another source for good, if what it has is a whole bundle; raises, and nothing changes, if not."""
        with self._looking:
            sighting = source.look()
            served = self._load(source, sighting)
            self.source, self.refusal = source, None
            return self._swap(source, sighting, served)

    def _take(self, source: BundleSource, sighting: Sighting) -> Outcome:
        """Swap to what was seen, unless it answers already or was refused before."""
        if self.served is not None and sighting.stamp == self.served.stamp:
            self.refusal = None
            return "unchanged"
        if self.refusal is not None and self.refusal.stamp == sighting.stamp:
            return "refused"
        try:
            served = self._load(source, sighting)
        except MersalgError as error:
            down = isinstance(error, RegistryError) and error.unreachable
            self._refuse(error, None if down else sighting.stamp)
            if self.served is None:
                self._fall_back()
            return "unreachable" if down else "refused"
        self.refusal = None
        self._swap(source, sighting, served)
        return "swapped"

    def _without_sight(self, error: MersalgError) -> Outcome:
        """The source is not there: what answers goes on; at the start, what was good before."""
        self._refuse(error, None)
        if self.served is None:
            self._fall_back()
        return "unreachable" if self.refusal is not None and self.refusal.may_pass else "refused"

    def _fall_back(self) -> None:
        """Take what the source knows to have been good; it is loaded, and so verified, like any other."""
        kept = self.source.last_good()
        if kept is None:
            return
        try:
            self._swap(self.source, kept, self._load(self.source, kept))
        except BundleError as error:
            log.error("the last good bundle does not load either: %s", error)
        else:
            log.warning("answering from %s, the last good bundle in the cache", kept.address)

    def _load(self, source: BundleSource, sighting: Sighting) -> Served:
        folder = source.fetch(sighting)
        followed = folder.resolve()
        answerer = self._open(folder)
        answerer.name("")  # reads the names now, while the folder is there
        manifest = answerer.manifest
        version = manifest["files"]["scorer.onnx"]["sha256"][:12]
        return Served(answerer, manifest["name"], version, sighting.address, sighting.stamp, time.time(), followed)

    def _swap(self, source: BundleSource, sighting: Sighting, served: Served) -> Served:
        """One assignment, which is the swap."""
        before, self.served = self.served, served
        was = f" in place of {before.version}" if before is not None else ""
        log.info("answering from %s: %s, version %s%s", served.address, served.name, served.version, was)
        try:
            source.mark_good(sighting)
        except RegistryError as error:
            log.warning("%s", error)
        return served

    def _refuse(self, error: MersalgError, stamp: str | None) -> None:
        """Remember an error, and say it once while it stays the same."""
        known = self.refusal is not None and self.refusal.error == str(error)
        if not known:
            log.warning("no new bundle: %s", error)
        since = self.refusal.since if known and self.refusal is not None else time.time()
        down = isinstance(error, RegistryError) and error.unreachable
        self.refusal = Refusal(str(error), since, stamp, down)
