"""The images and the compose files: linted, checked against their schema, and the images built and run.

Without a container engine: tests/image.py replays the Dockerfile, and its docstring says what it leaves out.
Facts of the compose files that a schema cannot know are asserted one by one.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.image import ROOT, Builder, Image, read_stages
from tests.service.world import write_bundle

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    return Builder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def service(builder: Builder) -> Image:
    return builder.build("service")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    files = [
        yaml.safe_load((ROOT / name).read_text("utf-8"))
        for name in ("docker-compose.yml", "docker-compose.gpu.yml")
    ]
    return {"cpu": files[0], "gpu": merged(*files)}


def merged(base: Any, over: Any) -> Any:
    """A later file's maps are merged into the earlier one's; any other value replaces it."""
    if isinstance(base, dict) and isinstance(over, dict):
        return base | {key: merged(base.get(key), value) for key, value in over.items()}
    return over


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([BIN / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.gpu.yml"])
def test_compose_files_fit_the_compose_specification(name: str) -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_check_would_notice(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {api: {image: x, prots: ['1:1']}}\n")
    command = [
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        tmp_path / "docker-compose.yml",
    ]
    assert subprocess.run(command, capture_output=True).returncode == 1


def test_every_build_names_a_stage_and_known_arguments(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    arguments = set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE))
    for services in (compose["cpu"]["services"], compose["gpu"]["services"]):
        builds = [service["build"] for service in services.values() if "build" in service]
        assert [build["target"] for build in builds] == ["service", "train", "train"]
        assert all(
            build["target"] in read_stages(dockerfile) and set(build["args"]) == arguments for build in builds
        )


def test_the_api_waits_for_the_demo_and_is_published_on_loopback_alone(compose: dict[str, Any]) -> None:
    api = compose["cpu"]["services"]["api"]
    assert api["ports"] == ["127.0.0.1:${LASER_PORT:-8000}:8000"]
    assert api["environment"]["LASER_ALLOWED_HOSTS"] == "localhost,127.0.0.1,api"
    assert api["environment"]["LASER_ALLOW_ANONYMOUS"] == "true"  # right only with the ports above
    assert api["depends_on"]["train-demo"] == {"condition": "service_completed_successfully"}
    assert api["volumes"] == ["laser:/var/lib/laser:ro"]


def test_the_demo_and_reindex_write_where_the_api_reads(compose: dict[str, Any]) -> None:
    services = compose["cpu"]["services"]
    bundles = services["api"]["environment"]["LASER_BUNDLES"].replace("${LASER_WORK:-demo}", "demo")
    assert services["train-demo"]["command"][-1] + "/bundles" == bundles
    assert services["reindex"]["working_dir"].replace("${LASER_WORK:-demo}", "demo") + "/bundles" == bundles
    assert services["reindex"]["command"] == ["laser", "reindex", "run", "data", "--bundles", "bundles"]
    assert services["reindex"]["profiles"] == ["reindex"]
    assert services["train-demo"]["volumes"] == services["reindex"]["volumes"] == ["laser:/var/lib/laser"]
    assert (
        "LASER_KEYS_FILE" not in services["api"]["environment"]
    )  # keys.json beside bundles, where reindex works


def test_redis_loses_nothing_and_evicts_nothing(compose: dict[str, Any]) -> None:
    assert compose["cpu"]["services"]["api"]["environment"]["LASER_REDIS_URL"] == "redis://redis:6379/0"
    command = " ".join(compose["cpu"]["services"]["redis"]["command"])
    assert command == "redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction"
    assert compose["cpu"]["services"]["redis"]["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]


def test_the_apis_health_in_compose_is_whether_it_can_answer(compose: dict[str, Any]) -> None:
    check = compose["cpu"]["services"]["api"]["healthcheck"]
    assert check["test"][:3] == ["CMD", "python", "-c"]
    assert "'http://127.0.0.1:8000/readyz'" in check["test"][3]
    compile(check["test"][3], "healthcheck", "exec")


@pytest.mark.parametrize(("name", "port"), [("prometheus", 9090), ("grafana", 3000)])
def test_monitoring_is_a_profile_on_loopback_that_can_write_its_data_alone(
    compose: dict[str, Any], name: str, port: int
) -> None:
    service = compose["cpu"]["services"][name]
    assert service["profiles"] == ["monitoring"]
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?[0-9]+\.[0-9]+\.[0-9]+", service["image"]), "pinned"
    assert service["ports"] == [f"127.0.0.1:${{LASER_{name.upper()}_PORT:-{port}}}:{port}"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    *files, data = service["volumes"]
    assert data.startswith(f"{name}:/")
    assert name in compose["cpu"]["volumes"]
    for mount in files:
        source, _, mode = mount.split(":")
        assert (ROOT / source).is_dir()
        assert (source.startswith("./ops/"), mode) == (True, "ro")


def test_prometheus_reads_the_rules_and_grafana_shows_the_dashboard(compose: dict[str, Any]) -> None:
    prometheus, grafana = (compose["cpu"]["services"][name] for name in ("prometheus", "grafana"))
    assert "./ops/prometheus:/etc/prometheus:ro" in prometheus["volumes"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in prometheus["command"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "ops" / "grafana" / home.removeprefix("/etc/grafana/")).is_file()
    assert "./ops/grafana/provisioning:/etc/grafana/provisioning:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "true"  # a viewer, on loopback alone
    assert "GF_AUTH_ANONYMOUS_ORG_ROLE" not in grafana["environment"]


def test_the_gpu_file_builds_for_cuda_and_asks_for_a_device(compose: dict[str, Any]) -> None:
    for name in ("api", "train-demo", "reindex"):
        service = compose["gpu"]["services"][name]
        assert service["build"]["args"]["FAISS"] == "gpu"
        assert service["image"] != compose["cpu"]["services"][name]["image"]
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert compose["gpu"]["services"]["api"]["environment"]["LASER_DEVICE"] == "cuda"


def test_the_service_image_holds_no_training(service: Image) -> None:
    assert {path.name for path in service.path("/app").iterdir()} == {
        "LICENSE",
        "laser.py",
        "model",
        "index",
        "service",
    }
    assert service.user == "10001:10001"
    absent = ["training", "demo", "tests", "sentence_transformers", "sklearn", "scipy", "pytest"]
    script = f"from importlib.util import find_spec; print([n for n in {absent} if find_spec(n)])"
    assert service.run(["python", "-c", script]) == (0, "[]\n")


def test_the_doctor_misses_nothing_in_the_service_image_but_keys_and_a_bundle(service: Image) -> None:
    status, output = service.run(["python", "laser.py", "doctor", "--json"])
    states = {finding["name"]: finding["state"] for finding in json.loads(output)["findings"]}
    missing = {"keys": "warning", "bundle": "warning"}
    of_the_machine = {"threads", "memory", "disk"}
    good = {
        "python",
        "packages",
        "faiss",
        "backbone",
        "devices",
        "numbers",
        "settings",
        "conflicts",
        "traces",
        "store",
    }
    assert status == 0
    assert {name: states[name] for name in states.keys() - of_the_machine} == dict.fromkeys(
        good, "good"
    ) | missing


def test_the_service_image_does_not_start_open_to_all_without_keys(service: Image) -> None:
    status, output = service.run(service.command)
    assert status == 2
    assert output.startswith("laser: listening on 0.0.0.0 needs API keys, and ")
    assert output.count("\n") == 1


@pytest.fixture(scope="module")
def running(
    service: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The image's CMD, its port published on loopback, with a bundle in its volume: (url, process)."""
    root = write_bundle(tmp_path_factory.mktemp("bundle"))
    service.path("/var/lib/laser/bundles").symlink_to(root)
    port = str(free_port())
    service.env |= {"LASER_PORT": port, "LASER_HOST": "127.0.0.1", "LASER_DRAIN_SECONDS": "0"}
    process = service.start(service.command)
    yield f"http://127.0.0.1:{port}", process
    process.kill()
    process.communicate()


def test_the_service_image_answers_and_its_health_check_agrees(
    service: Image, running: tuple[str, subprocess.Popen[str]]
) -> None:
    url, process = running
    deadline = time.monotonic() + 60
    while service.run(service.health)[0] != 0:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "not healthy after a minute"
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert "<title>Laser playground</title>" in httpx.get(f"{url}/").text
    assert httpx.get(f"{url}/playground/main.js").status_code == 200
    answer = httpx.post(f"{url}/recommend", json={"history": [{"item_id": "i1"}], "k": 3}, timeout=30)
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 3

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert service.run(service.health)[0] != 0, "a health check that never fails"


def test_the_train_image_imports_all_that_makes_the_demo(builder: Builder) -> None:
    train = builder.build("train")
    assert train.user == "10001:10001"
    script = "import demo.simulator, training.pipeline, training.evaluate, training.reindex"
    assert train.run(["python", "-c", script]) == (0, "")
