"""MLflow's loader module for a bundle: logged with `loader_module="mersalg.pyfunc"` and `data_path`, no pickle.

It imports neither mlflow nor pandas: the frame that comes in makes the frame that goes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from mersalg.errors import RequestError
from mersalg.offers import OFFER_FIELDS
from mersalg.recommender import Recommender, load
from mersalg.requests import FIELDS

LISTS: Final = ("cart", "history", "kinds", "exclude", "only")


class Frame(Protocol):
    """What is used of a pandas DataFrame."""

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        """The rows as mappings for `orient="records"`."""
        ...


class OfferModel:
    """Requests in a DataFrame, a row each, to offers in a DataFrame, a row each."""

    def __init__(self, recommender: Recommender) -> None:
        self.recommender = recommender

    def get_raw_model(self) -> Recommender:
        """The recommender, under the name by which MLflow's evaluators ask for it."""
        return self.recommender

    def predict(self, model_input: Frame, params: Mapping[str, Any] | None = None) -> Any:
        """The offers for all requests, with the fields of an offer as columns.

        Columns are the fields of a request; cells of list fields are lists, arrays or JSON texts. A missing cell
        (None, NaN, NaT) is the field's default. `params={"threshold": False}` ranks everything that was retrieved.
        """
        threshold = (params or {}).get("threshold", True)
        if not isinstance(threshold, bool):
            raise RequestError("threshold", "true or false", threshold)
        requests = [read_row(row) for row in model_input.to_dict(orient="records")]
        answers = self.recommender.score(requests, threshold=threshold)
        rows = [offer.to_dict() for offers in answers for offer in offers]
        make: Any = type(model_input)
        return make(rows, columns=list(OFFER_FIELDS), dtype=object)  # a missing `because` stays None


def read_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A request from a row; columns that are no field of a request are not read."""
    return {name: read_cell(name, row[name]) for name in FIELDS if name in row and not is_missing(row[name])}


def read_cell(name: str, value: Any) -> Any:
    """A cell as the request field wants it."""
    if name in LISTS and isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise RequestError(name, "a list, or a list as JSON text", value) from None
    if name == "limit" and isinstance(value, float) and value.is_integer():
        return int(value)  # a column with missing cells holds floats
    return value


def is_missing(value: Any) -> bool:
    """Whether a cell is None, or NaN or NaT, which are not equal to themselves, or NA, which has no truth value."""
    if value is None or hasattr(value, "__len__"):
        return value is None
    try:
        return bool(value != value)  # noqa: PLR0124
    except TypeError:
        return True


def _load_pyfunc(path: str) -> OfferModel:
    """The model that MLflow's pyfunc calls, from the folder that it keeps."""
    return OfferModel(load(path))
