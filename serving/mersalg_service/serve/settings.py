"""What a service is told at its start."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from mersalg.errors import ConfigError

KEYS_VARIABLE: Final = "MERSALG_API_KEYS"
ADMIN_VARIABLE: Final = "MERSALG_ADMIN_KEY"
SETTINGS_VARIABLE: Final = "MERSALG_SERVE_SETTINGS"
"""How a worker process hears what the command was told."""
MIN_KEY_BYTES: Final = 16
CALLS_SHARE: Final = 0.75
"""Of `stop_seconds`, for calls in flight; the rest is for what they leave to be written."""


@dataclass(frozen=True)
class Settings:
    """The settings of a service; none of them is a secret."""

    bundle: str
    """A folder, or `models:/NAME@ALIAS`."""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    """Processes, each with its own copy of the bundle."""
    threads: int = 1
    """Answers computed at once in one process."""
    check_seconds: float = 10.0
    """Between two looks for a newer bundle."""
    largest_body: int = 2**20
    """Bytes of a request."""
    most_requests: int = 256
    """Requests in one call of `/v1/score`."""
    most_waiting: int = 64
    """Calls in one process that are answered or wait; the next one gets 503."""
    timeout_seconds: float = 10.0
    """For one call, from its first byte to its answer."""
    rate: float = 0.0
    """Calls a second for each key, or each address where there are no keys; 0 = no limit."""
    stop_seconds: float = 20.0
    """At most, for what is in flight when the service is told to stop."""
    policy: str = ""
    """The policy's file; empty = none."""
    catalogue: str = ""
    """The file of today's facts about products, for a policy; empty = none."""
    trial: str = ""
    """The file of an experiment whose hold-out is shown nothing; empty = none."""
    explore: float = 0.0
    """The share of requests whose offers stand in a drawn order; 0 = none."""
    exposures: str = ""
    """A folder, or a file of JSON Lines, where the answers of a trial or of drawn orders are recorded."""
    customers: int = 0
    """Whose history is kept in memory, so that it need not be sent again; 0 = nobody's."""
    customer_seconds: float = 3600.0
    """For which a history is kept once it was sent."""
    public_key: str = ""
    """The file of the key whose private one signs bundles; empty = unsigned ones are taken, too."""
    deployment_file: str = ""
    """Where it is written which bundle was put into the running service; empty = nowhere."""
    otel: bool = False
    """Whether spans go to an OpenTelemetry receiver."""

    playground: str = ""
    """The folder of onnxruntime-web's files, with which `/playground/` is served; empty = it is not."""

    def __post_init__(self) -> None:
        """Refuse numbers that make no service."""
        for name in ("workers", "threads", "largest_body", "most_requests", "most_waiting"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected a whole number from 1, got {getattr(self, name)}")
        for name in ("check_seconds", "timeout_seconds", "stop_seconds", "customer_seconds"):
            if not 0 < getattr(self, name) <= 86_400:
                raise ConfigError(f"{name}: expected seconds above 0, at most a day, got {getattr(self, name)}")
        if self.customers < 0:
            raise ConfigError(f"customers: expected a whole number from 0, got {self.customers}")
        if self.customers and self.workers > 1:  # one would answer, and forget, what another one keeps
            raise ConfigError(f"customers: expected one worker with it, got {self.workers}; add threads instead")
        if not 0 <= self.rate <= 1e9:
            raise ConfigError(f"rate: expected calls a second from 0, got {self.rate}")
        if self.catalogue and not self.policy:
            raise ConfigError("catalogue: expected a policy with it; `mersalg policy show` prints one to start from")
        if not 0.0 <= self.explore <= 1.0:
            raise ConfigError(f"explore: expected a share of the requests from 0 to 1, got {self.explore}")
        if self.is_recorded != bool(self.exposures):
            missing = "exposures: expected a folder" if self.is_recorded else "trial or explore: expected one"
            raise ConfigError(f"{missing} for the record; a trial or drawn orders and exposures are given together")
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port: expected a number from 0 to 65535, got {self.port}")

    @property
    def is_recorded(self) -> bool:
        """Whether every answer is recorded: a trial runs, or orders are drawn."""
        return bool(self.trial) or self.explore > 0.0

    def to_json(self) -> str:
        """The settings as text for a worker process."""
        return json.dumps(asdict(self))


def settings_from_environment() -> Settings:
    """The settings that the command left for its worker processes."""
    text = os.environ.get(SETTINGS_VARIABLE)
    if text is None:
        raise ConfigError(f"{SETTINGS_VARIABLE}: expected the settings of a service, got nothing; run `mersalg serve`")
    return Settings(**json.loads(text))


@dataclass(frozen=True)
class Keys:
    """Who may call, and who may change the bundle; empty = nobody has to say."""

    callers: frozenset[str]
    admin: str

    def __repr__(self) -> str:
        return f"Keys({len(self.callers)} callers, {'an' if self.admin else 'no'} admin)"


def read_keys(environment: Mapping[str, str]) -> Keys:
    """The keys in MERSALG_API_KEYS, between commas, and MERSALG_ADMIN_KEY. ConfigError for one that is guessed soon."""
    callers = frozenset(key.strip() for key in environment.get(KEYS_VARIABLE, "").split(",") if key.strip())
    admin = environment.get(ADMIN_VARIABLE, "").strip()
    for variable, keys in ((KEYS_VARIABLE, callers), (ADMIN_VARIABLE, {admin} - {""})):
        for key in keys:
            if len(key) < MIN_KEY_BYTES or not key.isascii() or not key.isprintable() or " " in key:
                raise ConfigError(
                    f"{variable}: expected keys of at least {MIN_KEY_BYTES} ASCII characters without blanks, got one "
                    f"of {len(key)}; `python -c 'import secrets; print(secrets.token_urlsafe())'` makes one"
                )
    return Keys(callers, admin)
