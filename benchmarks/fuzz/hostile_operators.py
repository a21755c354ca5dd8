"""Allowed operators on drawn values, opened and asked by the runtime: places, counts, shapes and features beyond all.

What ends the process ends the run, and its input stays as crash-*. An index that lies outside has to be refused.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from onnx import numpy_helper

from attacks.operator_attacks import HostileUse, hostile_scorer, hostile_uses, outcome
from mersalg.bundle.onnx.graph import OPERATORS

NUMBERS = (0, 1, -1, 2, 3, 4, 5, 7, 16, 63, 64, 255, 256, 4095, 4096, 65_535, 2**31 - 1, 2**31, -(2**31), 2**32 - 1,
           2**32, 2**40, -(2**40), 2**62, 2**63 - 1, -(2**63))  # fmt: skip
SHAPES = ((), (0,), (1,), (4,), (1, 4), (4, 4), (2, 2, 2), (0, 3), (64,))
LISTS = ("axis", "to", "keepdims", "start", "end", "batch_dims", "largest", "sorted", "exclusive", "reverse",
         "allowzero", "transA", "transB", "num_outputs")  # fmt: skip
MORE_BYTES = 2**29
FIXED = [use for use in hostile_uses() if use.domain]
"""Encoders and trees, of which numbers are drawn anew."""


def ask(content: bytes) -> bool:
    """Whether a drawn graph was answered; what indexes outside must not be."""
    rng = random.Random(content)
    use = drawn_again(rng.choice(FIXED), rng) if rng.random() < 0.3 else drawn(rng)
    with bounded():
        came = outcome(hostile_scorer(use, late=rng.random() < 0.5))
    assert not (use.outside and came == "answered"), f"{use} was answered"
    return came == "answered"


@contextmanager
def bounded() -> Iterator[None]:
    """At most MORE_BYTES of address space than now, so that a vast tensor is refused rather than filled."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def drawn(rng: random.Random) -> HostileUse:
    """An operator on values of any type and shape."""
    if rng.random() < 0.3:
        return indexed(rng)
    operator = rng.choice(sorted(OPERATORS))
    inputs = tuple(value(rng) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 5))))
    attributes: dict[str, Any] = {name: number(rng) for name in rng.sample(LISTS, rng.choice((0, 0, 1, 2)))}
    if rng.random() < 0.1:
        attributes["perm"] = [number(rng) for _ in range(rng.randrange(1, 4))]
    return HostileUse("drawn", operator, inputs, outputs=rng.choice((1, 1, 1, 2, 3)), attributes=attributes)


def indexed(rng: random.Random) -> HostileUse:
    """Something at a drawn place of four."""
    place, of = number(rng), rng.choice((np.arange(4, dtype=np.float32), np.array(list("abcd"), dtype=object)))
    inputs: tuple[Any, ...] = (of, np.array([place], dtype=np.int64))
    operator = rng.choice(("Gather", "GatherElements", "ScatterElements"))
    if operator == "ScatterElements":
        inputs = (*inputs, of[:1])
    return HostileUse("indexed", operator, inputs, outside=not -4 <= place < 4)


def drawn_again(use: HostileUse, rng: random.Random) -> HostileUse:
    """The same node with a few numbers of its attributes drawn anew."""
    attributes = dict(use.attributes)
    for name in rng.sample(sorted(attributes), min(len(attributes), rng.choice((1, 1, 2)))):
        if isinstance(attributes[name], int):
            attributes[name] = number(rng)
        elif isinstance(attributes[name], list) and isinstance(attributes[name][0], int):
            attributes[name] = [number(rng) if rng.random() < 0.5 else old for old in attributes[name]]
        elif hasattr(attributes[name], "raw_data"):
            attributes[name] = numpy_helper.from_array(np.atleast_1d(numeric(rng)), name)
    features = attributes.get("nodes_featureids", [])
    outside = any(feature >= 4 for feature in features) and use.inputs[0].shape == (3, 4)
    return HostileUse("drawn again", use.operator, use.inputs, outside, use.outputs, use.domain, attributes)


def number(rng: random.Random) -> int:
    """A whole number of 64 bits, mostly at an edge."""
    return rng.choice(NUMBERS) if rng.random() < 0.8 else rng.randrange(-(2**63), 2**63)


def value(rng: random.Random) -> Any:
    """A tensor."""
    choice = rng.random()
    if choice < 0.1:
        return np.array(rng.choices(["a", "b", ""], k=4), dtype=object)
    if choice < 0.2:
        return np.array([rng.random() < 0.5 for _ in range(rng.choice((0, 1, 4, 9)))])
    return numeric(rng)


def numeric(rng: random.Random) -> Any:
    """A tensor of numbers."""
    shape = rng.choice(SHAPES)
    size = int(np.prod(shape))
    if rng.random() < 0.5:
        return np.array([number(rng) for _ in range(size)], dtype=np.int64).reshape(shape)
    kinds = (np.float32, np.float64, np.float16, np.uint8, np.int32)
    odd = (0, 1, -1, 0.5, np.nan, np.inf, -np.inf, 1e30)
    with np.errstate(all="ignore"):
        return np.array([rng.choice(odd) for _ in range(size)]).astype(rng.choice(kinds)).reshape(shape)
