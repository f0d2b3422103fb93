"""The dashboard: Grafana can read it, asks for what the service has, and leaves out nothing of it."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from service.metric_list import listed
from service.metrics import Metrics
from tests.image import ROOT
from tests.ops.promql import Known, known_series, labels_of, metrics_in
from tests.ops.rules import ALERTS, RECORDS

GRAFANA = ROOT / "ops" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "laser.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel, target) for panel in PANELS for target in panel["targets"]]
OF_GRAFANA = {"__rate_interval": "5m", "__range": "1h"}  # variables that every dashboard has


def query(text: str) -> str:
    """A query as Prometheus gets it."""
    for name, value in (OF_GRAFANA | {"job": "laser", "instance": ".*"}).items():
        text = text.replace(f"${name}", value)
    return text


@pytest.fixture(scope="module")
def known() -> Known:
    return known_series()


def test_the_rows_are_these() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == [
        "Traffic and errors",
        "Latency by stage",
        "Batching",
        "Caches",
        "What people get",
        "Catalogue and bundle",
        "Store",
        "Process",
    ]


@pytest.mark.parametrize(("panel", "target"), TARGETS, ids=[f"{p['title']} {t['refId']}" for p, t in TARGETS])
def test_a_query_asks_for_what_there_is(panel: dict[str, Any], target: dict[str, Any], known: Known) -> None:
    labels = labels_of(query(target["expr"]), known)
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels
    assert 'job="$job"' in target["expr"], "one job"
    assert 'instance=~"$instance"' in target["expr"], "and the replicas chosen"
    assert panel["description"]


def test_annotations_ask_for_what_there_is(known: Known) -> None:
    [mark] = [each for each in DASHBOARD["annotations"]["list"] if "expr" in each]
    labels = labels_of(query(mark["expr"]), known)
    assert set(re.findall(r"{{(\w+)}}", mark["titleFormat"])) <= labels


def test_every_metric_of_the_service_is_on_the_dashboard_or_in_a_rule() -> None:
    asked = [query(target["expr"]) for _, target in TARGETS] + [rule.query for rule in (*RECORDS, *ALERTS)]
    used = {name for each in asked for name in metrics_in(each)}
    assert [each.name for each in listed(Metrics()) if not used & set(each.series)] == []


def test_ids_are_unique_and_panels_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    for panel, _ in TARGETS:
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_the_essentials_of_the_schema_are_there() -> None:
    assert (DASHBOARD["uid"], DASHBOARD["title"], DASHBOARD["schemaVersion"]) == ("laser", "Laser", 39)
    assert "id" not in DASHBOARD, "Grafana gives it"
    assert {panel["type"] for panel in PANELS} == {"timeseries", "stat", "heatmap", "table"}
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    assert used - OF_GRAFANA.keys() - {"__all"} == variables == {"datasource", "job", "instance"}


def test_no_source_is_named_by_the_id_that_one_grafana_gave_it() -> None:
    def sources(node: Any) -> list[Any]:
        if isinstance(node, list):
            return [found for each in node for found in sources(each)]
        if not isinstance(node, dict):
            return []
        inner = [found for each in node.values() for found in sources(each)]
        return inner + ([node["datasource"]] if "datasource" in node else [])

    found = {source["uid"] for source in sources(DASHBOARD)}
    assert found == {"${datasource}", "-- Grafana --"}  # the latter is Grafana itself, everywhere


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    provisioning = GRAFANA / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text("utf-8"))[
        "datasources"
    ]
    assert (source["type"], source["url"], source["isDefault"]) == (
        "prometheus",
        "http://prometheus:9090",
        True,
    )
    scraping = yaml.safe_load((ROOT / "ops" / "prometheus" / "prometheus.yml").read_text("utf-8"))
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "laser.yml").read_text("utf-8"))["providers"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    mounted = compose["services"]["grafana"]["volumes"]
    assert f"./ops/grafana/dashboards:{provider['options']['path']}:ro" in mounted
    assert provider["allowUiUpdates"] is False
