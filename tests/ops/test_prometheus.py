"""A real Prometheus scrapes the real service: the rules evaluate, and the dashboard's queries find what happened."""

import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import load_settings
from tests.ops.rules import ALERTS, FOLDER, RECORDS
from tests.ops.test_dashboard import TARGETS, query
from tests.service.world import Running, running, wait_until, write_bundle
from tests.test_docker import free_port

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="no prometheus (Debian: apt install prometheus)")

QUIET = {  # what does not happen here: failures, other bundles, a shadow
    "Batches that raised",
    "Operations not done",
    "Bundles taken and refused",
    "Time to take a bundle",
    "Shadow",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = load_settings(
        bundles=write_bundle(tmp_path_factory.mktemp("scraped")), device="cpu", dtype="float32"
    )
    with running(settings, load_recommender(settings, Metrics())) as server:
        yield server


@pytest.fixture(scope="module")
def prometheus(service: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """With the files of ops/prometheus, but another target and no patience."""
    assert PROMETHEUS is not None
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copytree(FOLDER, folder / "etc")
    config = yaml.safe_load((folder / "etc" / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [service.url.removeprefix("http://")]
    (folder / "etc" / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [PROMETHEUS, f"--config.file={folder}/etc/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    process = subprocess.Popen(
        [*command, f"--web.listen-address={address}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://{address}/api/v1", timeout=10) as client:
            wait_until(lambda: answers(client), 30)
            yield client
    finally:
        process.kill()
        process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/targets").is_success
    except httpx.TransportError:
        return False


def ask(client: httpx.Client, text: str) -> list[Any]:
    said = client.get("/query", params={"query": text}).json()
    assert said["status"] == "success", (text, said)
    found: list[Any] = said["data"]["result"]
    return found


def visit(service: Running) -> None:
    """A bit of everything that people do."""
    service.post(
        history=[{"item_id": "i1"}, {"item_id": "gone"}], user_id="u", constraint="Acme, for a rainy day"
    )
    service.post(
        history=[{"item_id": "i2"}],
        diversity={"max_per": {"brand": 1}},
        filter={"must": [{"key": "price", "lt": 9}]},
    )
    service.post(history=[{"item_id": "i2"}], colour="unknown")
    service.client.post("/recommend/batch", json={"requests": [{"constraint": "tools"}]}).raise_for_status()
    service.client.put("/items/i1", json={"title": "thing 1 anew"}).raise_for_status()
    event = {"event_id": "e", "user_id": "u", "item_id": "i1", "timestamp": 1_700_000_000}
    service.client.post("/events", json=event).raise_for_status()
    service.client.get("/readyz").raise_for_status()


def test_rules_evaluate_and_queries_find_what_happened(service: Running, prometheus: httpx.Client) -> None:
    visit(service)
    wait_until(lambda: bool(ask(prometheus, "laser_requests_total")), 30)
    visit(service)  # a rate needs two values, and one that has grown
    scraped = 'count_over_time(laser_ready{job="laser"}[5m]) > 3'
    wait_until(lambda: bool(ask(prometheus, scraped) and ask(prometheus, "laser:slow:ratio_rate5m")), 60)

    found = {panel["title"] for panel, target in TARGETS if ask(prometheus, query(target["expr"]))}
    assert {panel["title"] for panel, _ in TARGETS} - found <= QUIET, "panels that show nothing"

    groups = prometheus.get("/rules").json()["data"]["groups"]
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert set(rules) == {rule.name for rule in (*RECORDS, *ALERTS)}
    assert {rule["health"] for rule in rules.values()} == {"ok"}
    assert {name for name, rule in rules.items() if rule.get("state") == "firing"} == set()
