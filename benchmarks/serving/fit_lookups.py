"""What the bare lookups look up: implicit's item-item neighbours and ALS factors of the same purchases."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from real_requests import Source
from threadpoolctl import threadpool_limits

from mersalg_training.data.calendar import time_to_day
from mersalg_training.data.timeline import UNKNOWN
from mersalg_training.tables.shop_tables import ShopTables

NEIGHBOURS = 50
"""Of a product."""


def write_lookups(source: Source, tables: ShopTables, folder: Path) -> None:
    """Fit implicit's cosine neighbours and ALS on customers x products before the test window; write both."""
    folder.mkdir(parents=True, exist_ok=True)
    purchased = source.purchased
    timeline, n_items = purchased.timeline, tables.n_items
    customer, item = timeline.order_customer[timeline.line_order], tables.vocabulary.item_of_code[timeline.line_product]
    kept = (timeline.line_day < time_to_day(purchased.windows.test_from)) & (customer != UNKNOWN) & (item < n_items)
    shape = (len(timeline.customer_ids), n_items)
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
    ids = [timeline.product_ids[code] for code in tables.vocabulary.code.tolist()]
    (folder / "ids.json").write_text(json.dumps(ids))
