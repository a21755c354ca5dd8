from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mersalg import Recommender, RequestError
from mersalg.pyfunc import _load_pyfunc

HISTORY = [{"product_id": "butter", "ordered_at": "2017-05-01", "quantity": 40}]
FRAME = pd.DataFrame(
    {
        "request_id": ["a", "b", "c"],
        "cart": [["milk"], '["milk"]', np.array(["bag"], dtype=object)],
        "history": [HISTORY, json.dumps(HISTORY), None],
        "at": [pd.Timestamp("2017-06-01"), pd.Timestamp("2017-06-01"), pd.NaT],
        "kinds": [None, float("nan"), ["cross-sell"]],
        "limit": [2, 2, None],
        "customer": [1, 2, 3],
    }
)


def test_a_frame_of_requests_gives_a_frame_of_offers(toy: Recommender, toy_folder: Path) -> None:
    offers = _load_pyfunc(str(toy_folder)).predict(FRAME)
    request = {"cart": ["milk"], "history": HISTORY, "at": datetime(2017, 6, 1), "limit": 2}
    asked = [{"request_id": name, **request} for name in "ab"]
    asked.append({"request_id": "c", "cart": ["bag"], "kinds": ["cross-sell"]})
    expected = [offer.to_dict() for answer in toy.score(asked) for offer in answer]
    assert offers.astype(object).where(offers.notna(), None).to_dict(orient="records") == expected


def test_a_frame_may_name_the_order_and_what_alone_is_offered(toy_folder: Path) -> None:
    frame = pd.DataFrame(
        {
            "request_id": ["a", "b", "c"],
            "only": [["bread", "wine"], '["bread", "wine"]', None],
            "order": ["value", None, float("nan")],
        }
    )
    offers = _load_pyfunc(str(toy_folder)).predict(frame)
    assert offers["product_id"].tolist() == ["wine", "bread", "bread", "wine", "milk", "bread", "butter"]


def test_the_threshold_is_a_parameter(toy_folder: Path) -> None:
    model = _load_pyfunc(str(toy_folder))
    frame = pd.DataFrame({"cart": [[]], "limit": [100]})
    assert len(model.predict(frame)) == 5
    assert len(model.predict(frame, params={"threshold": False})) == 7
    with pytest.raises(RequestError, match="threshold"):
        model.predict(frame, params={"threshold": "no"})


def test_no_offers_are_a_frame_with_the_columns_of_an_offer(toy_folder: Path) -> None:
    offers = _load_pyfunc(str(toy_folder)).predict(pd.DataFrame({"limit": [0]}))
    assert list(offers) == [
        "request_id", "rank", "product_id", "kind", "relevance", "score", "because", "lift", "due_in_days",
        "interval_days", "better", "times_bought", "price_step",
    ]  # fmt: skip
    assert len(offers) == 0


def test_a_cell_that_is_no_json_list_is_refused(toy_folder: Path) -> None:
    with pytest.raises(RequestError, match="cart"):
        _load_pyfunc(str(toy_folder)).predict(pd.DataFrame({"cart": ["milk"]}))
