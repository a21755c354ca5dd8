"""The search space: which keys of the configuration are searched, and between which bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from mersalg.errors import ConfigError, MersalgError
from mersalg_training.config import Config, flat, parse_config

Setting = int | float
Settings = dict[str, Setting]
"""`section.key` -> value."""

DIGITS: Final = 4
"""Significant digits of a real setting: a file that holds it reads well, and gives the very trial again."""


@dataclass(frozen=True)
class Dimension:
    """One searched key."""

    key: str
    low: Setting
    high: Setting
    scale: Literal["linear", "log"] = "linear"

    @property
    def whole(self) -> bool:
        """Only whole numbers are tried."""
        return isinstance(self.low, int)


SPACE: Final = (
    Dimension("counts.min_support", 2, 20, "log"),
    Dimension("counts.min_pairs", 1, 6, "log"),
    Dimension("counts.follow_days", 7.0, 120.0, "log"),
    Dimension("counts.cosine_cart", 0.3, 0.9),
    Dimension("factors.factors", 16, 96, "log"),
    Dimension("factors.iterations", 6, 24, "log"),
    Dimension("factors.regularization", 0.002, 1.0, "log"),
    Dimension("factors.alpha", 1.0, 100.0, "log"),
    Dimension("factors.taste_regularization", 0.05, 20.0, "log"),
    Dimension("factors.taste_alpha", 0.1, 20.0, "log"),
    Dimension("retrieve.basket_neighbours", 16, 96, "log"),
    Dimension("retrieve.ladder_steps", 12, 64, "log"),
    Dimension("retrieve.follow_neighbours", 0, 20),
    Dimension("retrieve.own_anchors", 5, 32, "log"),
    Dimension("retrieve.types", 4, 24, "log"),
    Dimension("retrieve.type_products", 4, 20, "log"),
    Dimension("retrieve.type_unsold", 0, 12),
    Dimension("retrieve.taste_candidates", 12, 64, "log"),
    Dimension("retrieve.popular_candidates", 8, 48, "log"),
    Dimension("retrieve.own_candidates", 24, 96, "log"),
    Dimension("retrieve.new_candidates", 48, 192, "log"),
    Dimension("retrieve.unsold_candidates", 0, 24),
    Dimension("ranker.trees", 20, 120, "log"),
    Dimension("ranker.leaves", 6, 32, "log"),
    Dimension("ranker.learning_rate", 0.03, 0.3, "log"),
    Dimension("ranker.min_leaf_rows", 20, 1000, "log"),
    Dimension("ranker.feature_share", 0.2, 1.0),
    Dimension("ranker.leaf_penalty", 0.5, 100.0, "log"),
    Dimension("ranker.negatives", 8, 48, "log"),
)
"""What makes a request slow (candidates, trees, leaves) stays within about twice the default."""


def choose(space: Sequence[Dimension], only: str | None) -> list[Dimension]:
    """The dimensions that `--only` names, keys or whole sections between commas; all of them where it is None."""
    if only is None:
        return list(space)
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names or [only]:
        if not any(named(dimension, name) for dimension in space):
            keys = ", ".join(dimension.key for dimension in space)
            raise MersalgError(
                f"--only {name}: expected keys or sections of the search space, got {name!r}; out of: {keys}"
            )
    return [dimension for dimension in space if any(named(dimension, name) for name in names)]


def named(dimension: Dimension, name: str) -> bool:
    """Whether a name is the dimension's key or its section."""
    return name in (dimension.key, dimension.key.partition(".")[0])


def around(space: Iterable[Dimension], config: Config) -> list[Dimension]:
    """The space, with bounds widened where they leave out the configuration's own value.

    ConfigError where that value is not above 0 on a logarithmic scale, or a bound is no value that the key takes.
    """
    own = settings_of(space, config)
    result = []
    for dimension in space:
        value = own[dimension.key]
        if dimension.scale == "log" and value <= 0:
            raise ConfigError(
                f"{dimension.key}: expected a value above 0, because it is searched on a logarithmic scale, "
                f"got {value}; set it to {dimension.low}, or name other keys with --only"
            )
        wide = replace(dimension, low=min(dimension.low, value), high=max(dimension.high, value))
        for bound in (wide.low, wide.high):
            with_settings(config, {wide.key: bound})
        result.append(wide)
    return result


def settings_of(space: Iterable[Dimension], config: Config) -> Settings:
    """What the configuration has at the searched keys."""
    values = flat(config)
    return {dimension.key: values[dimension.key] for dimension in space}


def with_settings(config: Config, settings: Mapping[str, Setting]) -> Config:
    """The configuration with other settings; ConfigError names one that does not hold."""
    tables: dict[str, Any] = config.model_dump()
    for key, value in settings.items():
        section, _, name = key.partition(".")
        tables[section][name] = value
    return parse_config(tables, "mersalg tune")


def rounded(space: Iterable[Dimension], drawn: Mapping[str, Any]) -> Settings:
    """Drawn values as settings: whole where the key is whole, else of DIGITS significant digits."""
    return {d.key: int(drawn[d.key]) if d.whole else float(f"{drawn[d.key]:.{DIGITS}g}") for d in space}
