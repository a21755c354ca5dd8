"""The claim that the service keeps its own OpenAPI document: schemathesis finds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mersalg.policy.default import DEFAULT_POLICY
from mersalg_service.serve.settings import Keys
from processes import DEADLINE
from serve.running import Running, running

KEY = "k" * 20
CONFIG = """
[parameters]
model_name = "toy"
model_version = "{version}"

[[operations]]
include-path-regex = "/infer$"
# That the shape and the data of a tensor agree, no JSON Schema can say.
checks.positive_data_acceptance.expected-statuses = ["2xx", "422"]

[[operations]]
include-path-regex = "/v1/(recommend|score)$"
# Nor whose history is kept.
checks.positive_data_acceptance.expected-statuses = ["2xx", {unknown}]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "has_policy", "trial", "customers"),
    [
        (Keys(frozenset(), ""), False, None, 0),
        (Keys(frozenset({KEY}), KEY), True, None, 2),
        (Keys(frozenset(), ""), False, "", 0),
        (Keys(frozenset(), ""), True, 'shadow = "champion"\nwithout_unit = "champion"\nunit = "order"\n', 0),
    ],
    ids=["open", "with keys, a policy and customers", "in a trial", "in a trial with a shadow"],
)
def test_schemathesis_finds_nothing(
    toy_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: Keys,
    has_policy: bool,
    trial: str | None,
    customers: int,
) -> None:
    monkeypatch.setenv("MERSALG_EXPERIMENT_KEY", KEY)
    catalogue = tmp_path / "products.csv"
    catalogue.write_text("product_id,price,stock\nmilk,1,5\nbread,2,0\nbutter,3,5\n")
    policy = tmp_path / "policy.toml"
    policy.write_text(DEFAULT_POLICY)
    files = {"policy": str(policy), "catalogue": str(catalogue)} if has_policy else {}
    if trial is not None:
        (tmp_path / "trial.toml").write_text(f'name = "e"\n{trial}[arms]\nhold-out = 0.5\nchampion = 0.5\n')
        files |= {"trial": str(tmp_path / "trial.toml"), "exposures": str(tmp_path / "record")}
    with running(toy_folder, keys, customers=customers, **files) as service:
        version = service.service.live.current.version
        (tmp_path / "schemathesis.toml").write_text(
            CONFIG.format(version=version, unknown='"409"' if customers else "")
        )
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")), "--config-file", "schemathesis.toml", "run",
                f"http://127.0.0.1:{service.port}/openapi.json", "--checks", "all", "--max-examples", "25",
                "--seed", "1", "--request-timeout", str(DEADLINE), "--no-color", "--generation-database", "none",
                "--continue-on-failure",
                *(["--header", f"Authorization: Bearer {KEY}"] if keys.callers else []),
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=20 * DEADLINE,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "generated" in done.stdout


def test_the_document_names_every_path_and_its_refusals(service: Running) -> None:
    document = service.call("GET", "/openapi.json").json
    assert set(document["paths"]) >= {"/v1/recommend", "/v1/score", "/health", "/ready", "/version", "/metrics"}
    recommend = document["paths"]["/v1/recommend"]["post"]
    assert set(recommend["responses"]) >= {"200", "400", "401", "413", "422", "429", "503"}
    assert recommend["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Request"}
    assert "/v1/deployment" not in document["paths"]
    assert "http" not in json.dumps(document), "nothing of it is fetched from elsewhere"
