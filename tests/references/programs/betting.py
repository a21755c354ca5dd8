"""Lower bounds of a mean by confseq's betting intervals, of which one part alone is Python and is taken."""

import sys

import numpy as np

if not hasattr(np, "float_"):
    np.float_ = np.float64  # NumPy 2 has one spelling, confseq 0.0.11 uses the other

from confseq.betting import betting_ci

given = np.load(sys.argv[1])
alpha = 1.0 - float(given["confidence"])
np.savez(sys.argv[2], low=[betting_ci(row, alpha=alpha, theta=1.0)[0] for row in given["outcomes"]])
