"""The training graph of a shop's tables, asked one request at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime

from mersalg.names import KINDS, MOMENTS, Kind, Moment
from mersalg_training.graph.facts import STANDING
from mersalg_training.graph.scorer import featurise_model
from mersalg_training.graph.shortlist import GROUPS, SIGNALS
from mersalg_training.tables.shop_tables import ShopTables


def opened(tables: ShopTables) -> onnxruntime.InferenceSession:
    """The graph, with first weights of zero."""
    weights = np.zeros((len(SIGNALS) + len(STANDING) + 1, len(GROUPS)), dtype=np.float32)
    model, _ = featurise_model(tables, weights)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def offerable(
    session: onnxruntime.InferenceSession,
    tables: ShopTables,
    ids: Sequence[str],
    cart: str,
    history: str = "",
    moment: Moment = "cart",
) -> dict[str, Kind]:
    """What the graph may offer, with its kind. ids: by product code; cart and history: product ids between blanks.

    The history was bought 50 days ago.
    """
    item_of = tables.vocabulary.item_of_code

    def items(names: str) -> np.ndarray:  # type: ignore[type-arg]
        return np.array([item_of[ids.index(name)] for name in names.split()] or [tables.n_items])

    bought = items(history)
    feeds = {
        "cart": items(cart),
        "history": bought,
        "exclude": items(""),
        "history_age_days": np.full(len(bought), 50.0, dtype=np.float32),
        "history_quantity": np.ones(len(bought), dtype=np.float32),
        "moment": np.array([MOMENTS.index(moment)]),
        "kinds": np.ones(len(KINDS), dtype=np.bool_),
    }
    found, kinds, shown = session.run(["item", "kind", "offerable"], feeds)
    return {ids[tables.vocabulary.code[i]]: KINDS[k] for i, k in zip(found[shown], kinds[shown], strict=True)}
