"""Claims about a bundle in MLflow: tracked by a real server, loaded without pickle, served by MLflow itself."""

from __future__ import annotations

import hashlib
import json
import math
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import mersalg
from mersalg_training.tracking.mlflow_run import import_mlflow
from mersalg_training.tracking.model_entry import BUNDLE_IN_MODEL
from serving_mlflow.mlflow_processes import Logged

pytestmark = [
    pytest.mark.slow,
    # MLflow declares its tables with an option that SQLAlchemy 2.1 deprecates.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    # MLflow about the type hints of its own classes, when its pyfunc module is imported first.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]


@pytest.fixture(scope="module")
def requests(trained_bundle: Path) -> list[dict[str, Any]]:
    """Read requests that go with the bundle."""
    lines = (trained_bundle.parent / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:40]]


@pytest.fixture(scope="module")
def expected(trained_bundle: Path, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask mersalg itself for the offers."""
    answers = mersalg.load(trained_bundle).score(requests)
    offers = [offer.to_dict() for answer in answers for offer in answer]
    assert offers, "a comparison of no offers shows nothing"
    return offers


def same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Hold two lists of offers equal; a table has NaN for the None of `because`."""
    plain = [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in found]
    assert [{**row, "relevance": 0, "score": 0} for row in plain] == [
        {**row, "relevance": 0, "score": 0} for row in expected
    ]
    for number in ("relevance", "score"):
        assert [row[number] for row in plain] == pytest.approx([row[number] for row in expected], abs=1e-6)


def ask(address: str, body: dict[str, Any]) -> Any:
    """POST to /invocations and read the JSON strictly."""
    call = urllib.request.Request(
        address + "/invocations", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call, timeout=60) as answer:
        return json.loads(answer.read(), parse_constant=pytest.fail)


def test_a_run_is_recorded_through_the_server(logged: Logged, tmp_path: Path) -> None:
    client = import_mlflow().MlflowClient(logged.tracking.uri)
    run = client.get_run(logged.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"ranker.trees": "100"}
    assert run.data.metrics == {"test/ndcg at 10": 0.25, "loss/fit": 0.4}
    report = client.download_artifacts(logged.run_id, "contract/report.json", str(tmp_path))
    assert Path(report).read_text() == '{"fee": 3}'
    assert [d.dataset.name for d in run.inputs.dataset_inputs] == ["corner-shop"]


def test_the_bundle_comes_back_from_the_server_byte_for_byte(logged: Logged, tmp_path: Path) -> None:
    mlflow = import_mlflow()
    mlflow.set_tracking_uri(logged.tracking.uri)
    model = Path(mlflow.artifacts.download_artifacts("models:/corner-shop@challenger", dst_path=str(tmp_path)))
    found, sent = (
        {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
        for folder in (model / BUNDLE_IN_MODEL, logged.bundle)
    )
    assert found == sent


def test_the_page_that_a_run_names_is_there(logged: Logged) -> None:
    client = import_mlflow().MlflowClient(logged.tracking.uri)
    experiment = client.get_run(logged.run_id).info.experiment_id
    assert client.get_experiment(experiment).name == "shop"
    with urllib.request.urlopen(logged.tracking.uri, timeout=30) as page:
        assert page.status == 200


def test_pyfunc_gives_mersalgs_offers_with_pickle_switched_off(
    logged: Logged,
    requests: list[dict[str, Any]],
    expected: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import pandas as pd

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    mlflow = import_mlflow()
    mlflow.set_tracking_uri(logged.tracking.uri)
    model = mlflow.pyfunc.load_model("models:/corner-shop@challenger")
    same(model.predict(pd.DataFrame(requests)).to_dict(orient="records"), expected)


def test_pyfunc_takes_the_order_and_what_alone_is_offered(logged: Logged, requests: list[dict[str, Any]]) -> None:
    import pandas as pd

    mlflow = import_mlflow()
    mlflow.set_tracking_uri(logged.tracking.uri)
    model = mlflow.pyfunc.load_model("models:/corner-shop@challenger")
    recommender = mersalg.load(logged.bundle)
    shelf = sorted(recommender.names)[:9]
    asked = [{**request, "only": shelf, "order": "value"} for request in requests]
    expected = [offer.to_dict() for answer in recommender.score(asked, threshold=False) for offer in answer]
    assert {row["product_id"] for row in expected} <= set(shelf)
    same(model.predict(pd.DataFrame(asked), params={"threshold": False}).to_dict(orient="records"), expected)


def test_pyfunc_ranks_all_that_was_retrieved_when_asked(logged: Logged, requests: list[dict[str, Any]]) -> None:
    import pandas as pd

    mlflow = import_mlflow()
    mlflow.set_tracking_uri(logged.tracking.uri)
    model = mlflow.pyfunc.load_model("models:/corner-shop@challenger")
    answers = mersalg.load(logged.bundle).score(requests, threshold=False)
    found = model.predict(pd.DataFrame(requests), params={"threshold": False})
    same(found.to_dict(orient="records"), [offer.to_dict() for answer in answers for offer in answer])


def test_mlflow_models_serve_gives_mersalgs_offers(
    model_server: str, requests: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    same(ask(model_server, {"dataframe_records": requests})["predictions"], expected)


def test_mlflow_models_serve_names_the_wrong_field(model_server: str, requests: list[dict[str, Any]]) -> None:
    wrong = {**requests[0], "moment": "yesterday"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(model_server, {"dataframe_records": [wrong]})
    with refused.value as answer:
        assert answer.code == 400
        assert "moment" in answer.read().decode()
