"""What the bare lookups look up: implicit's item-item neighbours and ALS factors of the same purchases."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from real_requests import Source
from threadpoolctl import threadpool_limits

NEIGHBOURS = 50
"""Of a product."""


def write_lookups(source: Source, product_ids: Sequence[str], folder: Path) -> None:
    """Fit implicit's cosine neighbours and ALS on customers x products before the test window; write both.

    product_ids: those of the bundle. Items are numbered by them, the most bought first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    customer, product_id = source.lines_before_test()
    lines = Counter(product_id)
    ids = sorted(product_ids, key=lambda each: -lines[each])
    item_of = {each: item for item, each in enumerate(ids)}
    item = np.array([item_of.get(each, -1) for each in product_id])
    kept = (customer >= 0) & (item >= 0)
    shape = (len(source.purchased.timeline.customer_ids), len(ids))
    bought = sp.csr_matrix((np.ones(int(kept.sum()), np.float32), (customer[kept], item[kept])), shape=shape)
    cosine = CosineRecommender(K=NEIGHBOURS, num_threads=1)
    als = AlternatingLeastSquares(factors=source.config.factors.factors, iterations=10, random_state=0, num_threads=1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Method expects CSR input")  # implicit hands itself a matrix of another form
        cosine.fit(bought, show_progress=False)
        als.fit(bought, show_progress=False)
    cosine.save(str(folder / "item_item.npz"))
    als.save(str(folder / "als.npz"))
    np.save(folder / "factors.npy", np.asarray(als.item_factors, dtype=np.float32))
    (folder / "ids.json").write_text(json.dumps(ids))
