"""The calibration curves as the graph holds them: piecewise linear, from score to relevance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mersalg_training.data.timeline import Float32, Int64

KNOTS = 24


@dataclass(frozen=True)
class Calibration:
    """(5, KNOTS) float32 each, by kind: relevance + slope * (score - knot) from a knot to the next.

    Below the first knot the first relevance holds. Unused knots lie at +inf.
    """

    score: Float32
    relevance: Float32
    slope: Float32

    def apply(self, score: Float32, kind: Int64) -> Float32:
        """(n,) relevance of scores (n,) of kinds (n,), in the arithmetic of the graph."""
        piece = np.maximum((score[:, None] >= self.score[kind]).sum(axis=1) - 1, 0)
        start, base, slope = (table[kind, piece] for table in (self.score, self.relevance, self.slope))
        relevance = base + np.maximum(score - start, np.float32(0.0)) * slope
        return np.asarray(np.clip(relevance, 0.0, 1.0), dtype=np.float32)
