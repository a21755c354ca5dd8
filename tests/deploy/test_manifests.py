"""What is applied to a cluster, or composed on a machine, keeps its schema and gives away no right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mersalg_service.serve.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
VERSION = "1.34"
"""Of Kubernetes; the manifests use nothing that is newer."""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_keeps_the_schema_of_kubernetes(path: Path) -> None:
    kubernetes_validate.validate(read(path), VERSION, strict=True)


def test_a_manifest_with_a_misspelt_field_is_found() -> None:
    manifest = read(DEPLOY / "kubernetes" / "deployment.yaml")
    manifest["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_the_pod_has_probes_limits_and_no_right_that_it_does_not_need() -> None:
    pod = read(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"]
    assert "memory" in container["resources"]["limits"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health", "a missing bundle is no reason to restart"
    mounted = {volume["mountPath"] for volume in container["volumeMounts"]}
    assert mounted == {"/cache", "/tmp"}


def test_a_pod_has_the_time_to_stop_that_the_service_takes() -> None:
    pod = read(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    args, before = container["args"], container["lifecycle"]["preStop"]["exec"]["command"][-1]
    stop_seconds = float(args[args.index("--stop-seconds") + 1])
    assert stop_seconds == Settings("").stop_seconds
    waited = re.search(r"sleep\((\d+)\)", before)
    assert waited is not None
    assert pod["terminationGracePeriodSeconds"] > stop_seconds + float(waited[1])


def test_what_is_composed_listens_on_this_machine_alone_and_needs_secrets_of_its_own() -> None:
    composed = read(DEPLOY / "compose.yaml")["services"]
    for service in composed.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert composed["service"]["read_only"]
    assert composed["service"]["environment"]["MERSALG_API_KEYS"].startswith("${MERSALG_API_KEYS:?")
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{POSTGRES_PASSWORD[^}]{0,2}", text)) == {"${POSTGRES_PASSWORD:?"}


def test_the_server_of_mlflow_is_the_version_that_is_tested() -> None:
    tested = re.search(r"^mlflow==\S+", (DEPLOY.parent / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert tested is not None
    assert f'"{tested[0]}"' in (DEPLOY / "mlflow.Dockerfile").read_text(encoding="utf-8")
