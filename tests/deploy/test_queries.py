"""Every query of the dashboard and of the alert rules asks for what the service really exposes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from mersalg_service.serve.metrics import Metrics
from mersalg_site.generated.metrics import every_metric

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
OF_PROMETHEUS = {"up": {"job", "instance"}}
"""Metric -> its labels: of the scrape itself."""
OF_A_TARGET = {"instance", "job"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
GRAFANA = {"$__rate_interval": "5m", "$instance": ".*"}


def exposed() -> dict[str, set[str]]:
    """Each series of the service -> its labels, without a call: a label's values come with the first of them."""
    series = dict(OF_PROMETHEUS)
    for collector in {*Metrics().registry._collector_to_names}:
        labels = set(getattr(collector, "_labelnames", ()))
        for metric in collector.collect():
            for suffix in SUFFIXES[metric.type]:
                added = {"le"} if suffix == "_bucket" else set()
                series[metric.name + suffix] = labels | added | OF_A_TARGET
            # The process's counters are said by their whole name.
            series |= {sample.name: set(sample.labels) | OF_A_TARGET for sample in metric.samples if not labels}
    return series


def of_dashboard() -> list[str]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def of_alerts() -> list[str]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def selectors(query: str) -> list[Any]:
    """The series that a query selects; ValueError for one that is no PromQL."""
    for variable, value in GRAFANA.items():
        query = query.replace(variable, value)
    found: list[Any] = []

    promql_parser.walk(promql_parser.parse(query), found.append)
    return [node for node in found if isinstance(node, promql_parser.VectorSelector)]


def faults(query: str) -> list[str]:
    """What a query asks for that is not exposed."""
    series, wrong = exposed(), []
    named = selectors(query)
    for selector in named:
        if selector.name not in series:
            wrong.append(selector.name)
            continue
        matchers = [matcher.name for matcher in selector.matchers.matchers]
        wrong += [f"{selector.name}{{{label}}}" for label in matchers if label not in series[selector.name]]
    known = set().union(*(series.get(selector.name, set()) for selector in named))
    for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", query):
        wrong += [f"by {label}" for label in labels.replace(" ", "").split(",") if label not in known]
    return wrong if named else ["no series"]


@pytest.mark.parametrize("query", [*of_dashboard(), *of_alerts()])
def test_a_query_names_what_is_exposed(query: str) -> None:
    assert faults(query) == []


def test_a_query_that_names_something_else_is_found() -> None:
    assert faults("rate(mersalg_calls_total[5m])") == ["mersalg_calls_total"]
    assert faults('sum by (color) (mersalg_offers_total{size="x"})') == ["mersalg_offers_total{size}", "by color"]
    with pytest.raises(ValueError, match="parenthesis"):
        faults("sum by (")


def test_every_alert_says_what_it_means_and_how_bad_it_is() -> None:
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"]


def test_the_page_of_metrics_lists_every_one_with_its_labels_and_no_other() -> None:
    listed = {
        name: set(re.findall(r"\w+", labels))
        for name, labels in re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", every_metric(), re.MULTILINE)
    }
    own = {name: labels - OF_A_TARGET - {"le"} for name, labels in exposed().items() if name.startswith("mersalg_")}
    assert listed == {re.sub(r"_(bucket|count|sum)$", "", name): labels for name, labels in own.items()}
