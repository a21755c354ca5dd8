"""ranx's metrics of ranked lists, request by request; not compiled, which would take longer than to run them."""

import os
import sys

os.environ["NUMBA_DISABLE_JIT"] = "1"

import numpy as np
from ranx import Qrels, Run, evaluate  # numba reads the environment as it is loaded

given = np.load(sys.argv[1])
lists, targets = given["lists"], given["targets"]  # (n, width) product codes, -1 past the end
run = Run(
    {
        f"q{n:05}": {f"d{p}": float(len(row) - place) for place, p in enumerate(row) if p >= 0}
        for n, row in enumerate(lists)
    }
)
qrels = Qrels({f"q{n:05}": {f"d{p}": 1 for p in row if p >= 0} for n, row in enumerate(targets)})
names = [str(name) for name in given["names"]]
evaluate(qrels, run, names, return_mean=False)
scores = {name: np.array([run.scores[name][f"q{n:05}"] for n in range(len(lists))]) for name in names}
np.savez(sys.argv[2], **scores)
