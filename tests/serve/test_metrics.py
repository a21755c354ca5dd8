"""Claims about what Prometheus sees."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from serve.running import Running, running


def figures(service: Running) -> dict[tuple[str, ...], float]:
    """Sample name and label values -> value."""
    answered = service.call("GET", "/metrics")
    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answered.body.decode())
    return {(s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_offers_and_empty_answers_are_counted_by_kind_and_reason(toy_folder: Path) -> None:
    with running(toy_folder) as service:
        service.recommend(cart=["milk"])  # milk (more-of-same), bread and butter (cross-sell)
        service.recommend(kinds=["replacement", "add-on"], only=["filter", "honey"])
        service.recommend(limit=0, moment="checkout")
        found = figures(service)
    assert found["mersalg_requests_total", "moment=cart"] == 2
    assert found["mersalg_offers_total", "kind=cross-sell", "moment=cart"] == 2
    assert found["mersalg_offers_total", "kind=more-of-same", "moment=cart"] == 1
    assert found["mersalg_empty_answers_total", "moment=cart", "reason=below threshold"] == 1
    assert found["mersalg_empty_answers_total", "moment=checkout", "reason=limit is 0"] == 1
    assert found["mersalg_empty_kinds_total", "kind=replacement", "reason=kind silent"] == 1
    assert found["mersalg_empty_kinds_total", "kind=add-on", "reason=below threshold"] == 1


def test_calls_are_timed_by_route_and_status_and_paths_are_no_labels(toy_folder: Path) -> None:
    with running(toy_folder) as service:
        service.recommend()
        service.recommend(cart=1)
        service.call("GET", "/customers/17")
        service.call("GET", "/v2/models/secret")
        found = figures(service)
    assert found["mersalg_call_seconds_count", "route=/v1/recommend", "status=200"] == 1
    assert found["mersalg_call_seconds_count", "route=/v1/recommend", "status=422"] == 1
    assert found["mersalg_call_seconds_count", "route=other", "status=404"] == 1
    assert not any("secret" in text or "customers" in text for sample in found for text in sample)


def test_the_bundle_and_the_process_are_told(service: Running, toy_folder: Path) -> None:
    found = figures(service)
    version = service.service.live.current.version
    assert found["mersalg_bundle_info", f"address={toy_folder}", "name=toy", f"version={version}"] == 1
    assert found[("mersalg_bundle_refused",)] == 0
    assert found[("process_resident_memory_bytes",)] > 1e7
