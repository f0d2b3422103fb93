"""What the contract benchmark makes of schemathesis' report, and the process it asks."""

import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks._service import ServiceError, copy_bundle, serving
from benchmarks.contract import checks, rows
from benchmarks.contract_bench.config import config
from benchmarks.contract_bench.hooks import before_load_schema, mended
from index.bundle import BundleError, current_id
from tests.service.world import write_bundle

GOOD: dict[str, Any] = {
    "complete": True,
    "operations": {"tested": 9, "selected": 9},
    "test_cases": {"generated": 5100},
    "failures": [],
    "errors": [],
    "valid_rates": {"GET /items": {"fuzzing": {"accepted": 7, "rejected": 1}}, "GET /healthz": {}},
}
FAILURES = [
    {"type": "ServerError", "title": "Server error", "count": 2, "operations": ["GET /a", "GET /b"]},
    {"type": "UndefinedStatusCode", "title": "Undocumented", "count": 1, "operations": ["GET /a"]},
    {"type": "IgnoredAuth", "title": "Ignored", "count": 3, "operations": ["GET /c"]},
]


def values(report: dict[str, Any]) -> dict[str, float | None]:
    return {check.name: check.value for check in checks(report)}


def test_a_whole_run_without_failures_passes() -> None:
    assert all(check.passed for check in checks(GOOD))
    assert values(GOOD)["cases"] == 5100
    assert rows(GOOD) == [
        {"operation": "GET /items", "accepted": 7, "rejected": 1},
        {"operation": "GET /healthz"},
    ]


def test_every_kind_of_failure_counts_where_it_belongs() -> None:
    bad = GOOD | {"failures": FAILURES, "errors": [{}]}
    assert values(bad) == {
        "cases": 5100,
        "server_errors": 2,
        "undocumented_statuses": 1,
        "other_failures": 3,
        "requests_without_an_answer": 1,
    }
    assert rows(bad)[:2] == [
        {"failure": "Server error", "operation": "GET /a"},
        {"failure": "Server error", "operation": "GET /b"},
    ]


@pytest.mark.parametrize("change", [{"complete": False}, {"operations": {"tested": 8, "selected": 9}}])
def test_a_run_that_broke_off_counts_no_cases(change: dict[str, Any]) -> None:
    assert values(GOOD | change)["cases"] is None


@pytest.mark.slow  # starts a service
def test_a_service_is_a_process_with_settings_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = write_bundle(tmp_path / "made")
    monkeypatch.setenv("LASER_MAX_K", "3")  # of whoever runs the benchmark; the service must not see it
    folder = tmp_path / "served"
    folder.mkdir()
    assert copy_bundle(bundles, folder / "bundles").bundle_id == "first" == current_id(folder / "bundles")
    with serving(folder, device="cpu", max_history="1") as service:
        body = {"history": [{"item_id": "i1"}], "k": 5}
        assert len(httpx.post(f"{service.url}/recommend", json=body, timeout=60).json()["items"]) == 5
        assert (
            httpx.post(f"{service.url}/recommend", json={"history": body["history"] * 2}).status_code == 422
        )
    assert service.process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service.url}/healthz")


@pytest.mark.slow  # starts a service that ends soon
def test_a_service_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle is published"):
        copy_bundle(tmp_path / "none", tmp_path / "bundles")
    with pytest.raises(ServiceError, match="no bundle is published"), serving(tmp_path):
        pass


def test_requests_that_fit_the_document_are_brought_within_what_the_catalogue_allows() -> None:
    body = {
        "k": 900,
        "history": [{"title": "t", "attributes": {"a": 1}}],
        "cursor": "c",
        "filter": {"must": []},
    }
    assert mended(body) == {"k": 20, "history": [{"title": "t"}]}
    assert mended([{"timestamp": 1e300}, "x", 7]) == [{"timestamp": 1_700_000_000}, "x", 7]
    assert mended({"k": None, "exclude": {"seen": True}}) == {"k": None, "exclude": {"seen": True}}


def test_the_deadline_is_no_part_of_what_is_asked() -> None:
    other = {"name": "k", "in": "query"}
    document = {
        "paths": {
            "/a": {"get": {"parameters": [{"name": "X-Deadline-Ms", "in": "header"}, other]}, "put": {}}
        }
    }
    before_load_schema(None, document)
    assert document["paths"]["/a"] == {"get": {"parameters": [other]}, "put": {"parameters": []}}


def test_what_schemathesis_is_told_can_be_read_and_names_the_hooks() -> None:
    told = tomllib.loads(config())
    assert Path(told["hooks"]).is_file()
    assert told["checks"] == {"positive_data_acceptance": {"enabled": False}}
    left_out = {name for each in told["operations"] for name in each["checks"]}
    assert left_out == {"unsupported_method", "allow_header_conformance", "negative_data_rejection"}
