"""What surrounds the answers: probes, metrics, ids, timings, headers, the OpenAPI document."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import service
from service import examples
from tests.service.test_bad_input import refused
from tests.service.world import Running


def test_alive_and_ready(live: Running) -> None:
    assert live.client.get("/healthz").json() == {"status": "alive"}
    assert live.client.get("/readyz").json() == {
        "status": "ready",
        "bundle": "first",
        "catalogue": 0,
        "last_change": 0,
        "warnings": [],
    }


@pytest.mark.parametrize("request_id", ["a", "order-7.retry_2", "x" * 64])
def test_a_request_id_is_kept(live: Running, request_id: str) -> None:
    response = live.client.post(
        "/recommend", json={"history": [{"item_id": "i1"}]}, headers={"X-Request-ID": request_id}
    )
    assert response.headers["x-request-id"] == request_id
    assert response.json()["request_id"] == request_id


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "a\tb", '"', "é".encode().decode("latin-1")])
def test_an_id_that_could_forge_a_log_is_replaced(live: Running, request_id: str) -> None:
    response = live.client.get("/healthz", headers={"X-Request-ID": request_id.encode("latin-1")})  # type: ignore[dict-item]
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


def test_server_timing_has_every_stage(live: Running) -> None:
    unheard = [{"title": "asked for by no other test"}]
    header = live.post(history=unheard).headers["server-timing"]
    stages = dict(re.findall(r"(\w+);dur=([0-9.]+)", header))
    assert list(stages) == ["parse", "resolve", "wait", "encode", "search", "respond", "total"]
    assert 0 < float(stages["encode"]) < float(stages["total"])


def test_answers_are_not_cached_sniffed_or_shared(live: Running) -> None:
    response = live.client.get("/items/i1", headers={"Origin": "https://evil.example"})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in response.headers if name.startswith("access-control")]
    assert "server" not in response.headers


def test_metrics_count_what_happened(live: Running) -> None:
    def value(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(live.client.get("/metrics").text)
        samples = [s for family in families for s in family.samples if s.name == name and s.labels == labels]
        return samples[0].value if samples else 0.0

    ok = {"route": "/recommend", "status": "200"}
    before = (
        value("laser_requests_total", **ok),
        value("laser_shortfalls_total", reason="allowed"),
        value("laser_unknown_items_total"),
    )
    live.post(
        history=[{"item_id": "i1"}, {"item_id": "gone"}],
        user_id="u",
        filter={"must": [{"key": "price", "lt": 2}]},
    )
    after = (
        value("laser_requests_total", **ok),
        value("laser_shortfalls_total", reason="allowed"),
        value("laser_unknown_items_total"),
    )
    assert after == tuple(n + 1 for n in before)
    assert value("laser_degraded_total", what="user_history") >= 1
    assert value("laser_batch_jobs_count", stage="encode") >= 1
    assert value("laser_stage_seconds_count", stage="search") >= 1
    assert value("laser_queue_waiting", stage="encode") == 0
    assert value("laser_catalogue_items") == 41
    assert value("laser_ready") == 1


def test_no_metric_label_comes_from_a_client(live: Running) -> None:
    live.client.get("/made-up-by-a-client")
    live.client.get("/items/made-up-by-a-client")
    text = live.client.get("/metrics").text
    assert "made-up-by-a-client" not in text
    assert 'laser_requests_total{route="/items/{item_id:path}",status="404"}' in text
    assert 'laser_requests_total{route="none",status="404"}' in text


def test_the_openapi_document_has_examples_and_problems(live: Running) -> None:
    document = live.client.get("/openapi.json").json()
    operation = document["paths"]["/recommend"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert set(body["examples"]) == set(examples.RECOMMEND)
    statuses = {"200", "401", "403", "413", "415", "421", "422", "429", "500", "503", "504"}
    assert statuses == set(operation["responses"])
    for status, response in operation["responses"].items():
        if status != "200":
            assert "application/problem+json" in response["content"]
    assert "HTTPValidationError" not in json.dumps(document)
    assert set(document["paths"]) == {
        "/recommend",
        "/recommend/batch",
        "/items/{item_id}/similar",
        "/items/{item_id}",
        "/items",
        "/items/batch",
        "/catalogue",
        "/catalogue/values",
        "/catalogue/insight",
        "/events",
        "/users/{user_id}",
        "/healthz",
        "/readyz",
        "/metrics",
        "/admin/bundles",
        "/admin/bundles/{bundle_id}/promote",
        "/admin/bundles/{bundle_id}/recommend",
        "/admin/bundles/rollback",
        "/admin/shadow",
    }


def test_a_method_that_an_address_does_not_answer_is_told_those_it_does(live: Running) -> None:
    response = live.client.request("PATCH", "/users/u")
    refused(response, 405, "method_not_allowed", None)
    assert response.headers["allow"] == "DELETE, GET"


def test_the_service_has_the_projects_version() -> None:
    project = tomllib.loads((Path(service.__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["version"] == service.VERSION
