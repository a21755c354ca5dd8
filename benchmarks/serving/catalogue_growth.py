"""How one `recommend` grows with the catalogue: scorers over drawn catalogues, asked in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import OpenContender, interleaved_times, summary
from request_lengths import USUAL_CART, USUAL_HISTORY, drawn
from synthetic_catalogue import synthetic_recommender

import mersalg
from mersalg_training.config import parse_config


@dataclass(frozen=True)
class Grown:
    """A catalogue's figures."""

    products: int
    micros: dict[str, float]
    """p50, p90, p99, mean of one `recommend`, and cpu."""
    seconds_to_make: float
    """To draw the tables, write the graph and open it."""


def by_catalogue(
    bundle: Path, sizes: Sequence[int], n: int, repeats: int, progress: Callable[[str], None]
) -> list[Grown]:
    """One row a size; carts of 5, histories of 300 lines.

    All scorers are open at once; with one of a million products that takes 7.5 GB at the peak.
    """
    manifest: dict[str, Any] = dict(mersalg.load(bundle).manifest)
    config = parse_config(manifest["config"], f"{bundle}/manifest.json: config")
    asked, seconds = {}, {}
    for size in sizes:
        progress(f"Drawing a catalogue of {size:,} products")
        start = time.perf_counter()
        recommender, ids = synthetic_recommender(size, config, len(manifest["features"]), seed=0)
        seconds[size] = time.perf_counter() - start
        requests = drawn(ids, n, USUAL_CART, USUAL_HISTORY, np.random.default_rng(1))
        asked[str(size)] = OpenContender(lambda request, by=recommender: by.recommend(**request), requests)
    micros = interleaved_times(asked, repeats)
    return [Grown(size, summary(micros[str(size)]), seconds[size]) for size in sizes]
