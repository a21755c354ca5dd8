# Kept as it ran at commit 389de9e, there benchmarks/trees.py; not brought up to later code.
"""How fast each kind of ranker fits, and how fast its trees score alone: python benchmarks/trees.py.

The rows are made up, so nothing here says which kind ranks better. Score times are medians and 99th percentiles
of one request's candidates on one thread; the scorers take turns, so that noise falls on all of them alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from threadpoolctl import threadpool_limits

from mersalg_training.config import RankerConfig
from mersalg_training.rankers import Rows, histogram_trees, lightgbm_trees
from mersalg_training.trees import Float32, TreeTable, predict_raw, tree_node

Scorer = Callable[[Float32], np.ndarray]


def made_up_rows(n_rows: int, n_features: int, rng: np.random.Generator) -> Rows:
    """Skewed, partly missing features, and a rare label that some of them make likelier."""
    X = rng.gamma(0.5, size=(n_rows, n_features)).astype(np.float32)
    X[:, ::5][rng.random((n_rows, len(range(0, n_features, 5)))) < 0.2] = np.nan
    log_odds = np.nan_to_num(X[:, :8]).clip(0, 3) @ rng.normal(size=8) - 4
    y = (rng.random(n_rows) < 1 / (1 + np.exp(-log_odds))).astype(np.float32)
    return X, y, rng.choice([1.0, 6.0], n_rows).astype(np.float32)


def in_onnxruntime(table: TreeTable) -> Scorer:
    """Score by the exported node alone, on one thread."""
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", table.n_features])
    score = helper.make_tensor_value_info("score", TensorProto.FLOAT, ["rows", 1])
    graph = helper.make_graph([tree_node(table, "features", "score")], "trees", [features], [score])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run(["score"], {"features": X})[0][:, 0]


def times_in_turn(scorers: dict[str, Scorer], requests: list[Float32], rounds: int) -> dict[str, list[float]]:
    """Microseconds a request, by scorer; ten calls in a row a turn, of which the first warms the caches."""
    found: dict[str, list[float]] = {name: [] for name in scorers}
    for turn in range(rounds):
        for name, scorer in scorers.items():
            for call in range(11):
                X = requests[(turn * 11 + call) % len(requests)]
                started = time.perf_counter()
                scorer(X)
                if call:
                    found[name].append((time.perf_counter() - started) * 1e6)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--features", type=int, default=45)
    parser.add_argument("--candidates", type=int, default=160)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    config = RankerConfig(trees=arguments.trees, leaves=arguments.leaves)
    rows = made_up_rows(arguments.rows, arguments.features, rng)
    requests = [made_up_rows(arguments.candidates, arguments.features, rng)[0] for _ in range(64)]

    started = time.perf_counter()
    booster, _ = lightgbm_trees.boost(config, rows, None, seed=0)
    lightgbm_seconds = time.perf_counter() - started
    with threadpool_limits(2, "openmp"):
        started = time.perf_counter()
        classifier = histogram_trees.boost(config, rows, None, seed=0)
        histogram_seconds = time.perf_counter() - started
    tables = {
        "lightgbm": lightgbm_trees.read_model(booster.model_to_string()),
        "histogram": histogram_trees.read_trees(classifier, config.trees),
    }
    scorers: dict[str, Scorer] = {f"{kind}: exported node": in_onnxruntime(table) for kind, table in tables.items()}
    scorers["lightgbm: Booster.predict"] = lambda X: booster.predict(X, raw_score=True, num_threads=1)
    scorers["histogram: decision_function"] = classifier.decision_function
    with threadpool_limits(1):
        found = times_in_turn(scorers, requests, arguments.rounds)

    names = ("numpy", "onnx", "onnxruntime", "lightgbm", "scikit-learn")
    print(f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names), sep=", ")
    print(f"{vars(arguments)}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    fits = f"lightgbm {lightgbm_seconds:.1f} s, histogram {histogram_seconds:.1f} s"
    print(f"fit, 2 threads: {fits}")
    print(f"{'score, 1 thread':32}{'p50 us':>10}{'p99 us':>10}{'splits':>10}{'off by':>12}")
    native = {"lightgbm": scorers["lightgbm: Booster.predict"], "histogram": scorers["histogram: decision_function"]}
    for name, micros in found.items():
        kind = name.partition(":")[0]
        off = max(np.abs(scorers[name](X) - native[kind](X)).max() for X in requests)
        p99 = statistics.quantiles(micros, n=100)[98]
        print(f"{name:32}{statistics.median(micros):10.0f}{p99:10.0f}{len(tables[kind].feature):10}{off:12.1e}")
    for kind, table in tables.items():
        off = max(np.abs(predict_raw(table, X) - native[kind](X)).max() for X in requests)
        print(f"{kind}: tree table against its library: off by {off:.1e}")


if __name__ == "__main__":
    main()
