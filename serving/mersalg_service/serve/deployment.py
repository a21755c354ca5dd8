"""Which bundle was put into a running service, and what to go back to; kept in a file that all its workers read."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mersalg.errors import BundleError, ConfigError, MersalgError, RequestError
from mersalg.registry.address import is_registered
from mersalg_service.serve.live_bundle import LiveBundle, Served
from mersalg_service.serve.metrics import Metrics
from mersalg_service.serve.problems import CallError
from mersalg_service.serve.sources import source_of

MAX_EARLIER_BUNDLES: Final = 10
FIRST: Final = "default"
"""The name of what a service was started with."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a service is to answer from."""

    name: str
    bundle: str
    """A folder, `models:/NAME@ALIAS` or `models:/NAME/VERSION`."""
    earlier: tuple[str, ...] = ()
    """What answered before, the latest last; each names one very bundle."""

    def after(self, address: str) -> Deployment:
        """The same, with one more to go back to."""
        if self.earlier[-1:] == (address,):
            return self
        return replace(self, earlier=(*self.earlier, address)[-MAX_EARLIER_BUNDLES:])


class Deployments:
    """The bundle of a running service and how it is changed. Calls block, and none overtakes another."""

    def __init__(self, live: LiveBundle, first: Deployment, file: Path | None, metrics: Metrics) -> None:
        self.live = live
        self.first = first
        self.file = file
        self.metrics = metrics
        self.now = first
        self._changing = threading.Lock()

    def check(self) -> None:
        """Follow the file, and within the bundle's source whatever is newer; what is refused is said by the bundle."""
        with self._changing:
            wanted = self._read()
            if wanted.bundle != self.now.bundle:
                self.live.source = source_of(wanted.bundle)
            self.now = wanted
            before = self.live.served
            outcome = self.live.check()
            if outcome == "swapped" and before is not None and self.live.current.address != before.address:
                self._write(self.now.after(before.address))
            self.metrics.show(self.live, outcome)

    def deploy(self, name: str, bundle: str) -> Served:
        """Answer from another bundle of the registry. Raises, and nothing changes, when it is not a whole one."""
        if not is_registered(bundle):
            raise RequestError("bundle", "models:/NAME@ALIAS or models:/NAME/VERSION", bundle)
        with self._changing:
            return self._change(Deployment(name, bundle, self._read().earlier))

    def roll_back(self) -> Served:
        """Answer from the latest earlier bundle that is not the present one, and stay there."""
        with self._changing:
            present, earlier = self.live.current.address, list(self._read().earlier)
            while earlier and earlier[-1] == present:
                earlier.pop()
            if not earlier:
                raise CallError(409, "expected an earlier bundle of this service to go back to, got none")
            return self._change(Deployment(self.now.name, earlier[-1], tuple(earlier[:-1])), remember=False)

    def withdraw(self) -> Served:
        """Answer again from what the service was started with."""
        with self._changing:
            return self._change(replace(self.first, earlier=self._read().earlier))

    def _change(self, wanted: Deployment, *, remember: bool = True) -> Served:
        before = self.live.served
        served = self.live.replace(source_of(wanted.bundle))
        if remember and before is not None and before.address != served.address:
            wanted = wanted.after(before.address)
        self._write(wanted)
        self.metrics.show(self.live, "swapped")
        return served

    def _read(self) -> Deployment:
        """What the file says; what is known already where there is none."""
        if self.file is None or not self.file.exists():
            return self.now
        try:
            document = json.loads(self.file.read_text(encoding="utf-8"))
            earlier = tuple(str(address) for address in document["earlier"])
            return Deployment(str(document["name"]), str(document["bundle"]), earlier)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self.file}: expected the deployment of a service, got {error}; delete it to begin anew"
            ) from None

    def _write(self, wanted: Deployment) -> None:
        """Keep it in the file, at one stroke."""
        self.now = wanted
        if self.file is None:
            return
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}.part")
        try:
            part.write_text(json.dumps(asdict(wanted)), encoding="utf-8")
            part.replace(self.file)
        except OSError as error:
            raise MersalgError(
                f"{self.file}: cannot be written: {error.strerror}; this process answers from {wanted.bundle}, "
                "a restarted one will not"
            ) from None


def open_first(deployments: Deployments) -> None:
    """Load what the service begins with. BundleError when there is nothing to answer from and waiting will not help.

    A registry that is down, with nothing in the cache, is waited for: the service starts and is not ready.
    """
    deployments.check()
    live = deployments.live
    if live.served is None and live.refusal is not None and not live.refusal.may_pass:
        raise BundleError(live.refusal.error)
