"""What is counted: every kind of answer, wait, batch and refusal, seen through GET /metrics of a running service."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.batcher import Ran
from service.errors import Code
from service.metric_list import listed
from service.metrics import BatchMetrics, Metrics
from service.outcomes import inputs_of, mean_cosine
from service.stages import probe_job
from tests.service.fakes import FakeEncoder
from tests.service.world import Running, wait_until

Value = Callable[..., float]


@pytest.fixture
def value(live: Running) -> Value:
    """A sample of /metrics by its name and labels; 0 where there is none."""

    def read(name: str, **labels: str) -> float:
        families = text_string_to_metric_families(live.client.get("/metrics").text)
        samples = [s for family in families for s in family.samples if (s.name, s.labels) == (name, labels)]
        return samples[0].value if samples else 0.0

    return read


@pytest.mark.parametrize(
    ("request_", "inputs"),
    [
        ({"history": [{"item_id": "i1"}]}, "history"),
        ({"constraint": "tools under $20"}, "sentence"),
        ({"history": [{"item_id": "i1"}], "constraint": "tools"}, "both"),
    ],
)
def test_recommendations_are_counted_by_their_inputs(
    live: Running, value: Value, request_: dict[str, object], inputs: str
) -> None:
    before = value("laser_recommendations_total", inputs=inputs), value("laser_answer_items_sum")
    live.post(**request_, k=7)
    after = value("laser_recommendations_total", inputs=inputs), value("laser_answer_items_sum")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 7)
    assert inputs_of(False, False) == "nothing"


def test_parts_of_a_sentence_are_counted_by_what_became_of_them(live: Running, value: Value) -> None:
    def counts() -> list[float]:
        outcomes = ("understood", "as_text", "ignored", "contradiction")
        return [value("laser_sentence_parts_total", outcome=outcome) for outcome in outcomes]

    before = counts()
    answer = live.post(constraint="Stanley under $20, something for a rainy day").json()["applied"][
        "constraint"
    ]
    clauses = {part["clause"] for part in answer["understood"]}
    assert len(clauses) == 2
    assert answer["as_text"]
    expected = [2, 1, len(answer["ignored"]), len(answer["contradictions"])]
    assert [a - b for a, b in zip(counts(), before, strict=True)] == expected


def test_variety_is_measured_and_diversity_costs_candidates(live: Running, value: Value) -> None:
    before = value("laser_answer_similarity_count"), value("laser_diversity_candidates_count")
    live.post(history=[{"item_id": "i1"}], k=1)  # one item is like nothing
    live.post(history=[{"item_id": "i1"}], k=5)
    live.post(history=[{"item_id": "i1"}], k=5, diversity={"mmr": 0.5})
    after = value("laser_answer_similarity_count"), value("laser_diversity_candidates_count")
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1)


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    assert mean_cosine(np.eye(3, dtype=np.float32)) == 0.0
    assert mean_cosine(np.ones((4, 1), np.float32)) == 1.0
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    assert mean_cosine(rows) == pytest.approx((0 + 0.6 + 0.8) / 3)


def test_shortfalls_are_counted_by_their_reason(live: Running, value: Value) -> None:
    reasons = ("allowed", "diversity")
    before = [value("laser_shortfalls_total", reason=reason) for reason in reasons]
    live.post(history=[{"item_id": "i1"}], filter={"must": [{"key": "price", "lt": 2}]})
    live.post(history=[{"item_id": "i1"}], diversity={"max_per": {"brand": 1}})
    after = [value("laser_shortfalls_total", reason=reason) for reason in reasons]
    assert after == [before[0] + 1, before[1] + 1]


@pytest.mark.parametrize(
    ("method", "path", "json", "code"),
    [
        ("POST", "/recommend", {"history": [{"item_id": "i1"}], "colour": 1}, Code.UNKNOWN_FIELD),
        ("GET", "/items/nothing", None, Code.ITEM_NOT_FOUND),
        ("GET", "/nowhere", None, Code.NOT_FOUND),
        ("PATCH", "/recommend", None, Code.METHOD_NOT_ALLOWED),
    ],
)
def test_problems_are_counted_by_their_code(
    live: Running, value: Value, method: str, path: str, json: object, code: Code
) -> None:
    before = value("laser_problems_total", code=code)
    assert live.client.request(method, path, json=json).json()["code"] == code
    assert value("laser_problems_total", code=code) == before + 1


def test_what_the_envelope_refuses_is_counted_too(live: Running, value: Value) -> None:
    before = value("laser_problems_total", code=Code.HOST_NOT_ALLOWED)
    assert live.client.get("/healthz", headers={"Host": "evil.example"}).status_code == 421
    assert value("laser_problems_total", code=Code.HOST_NOT_ALLOWED) == before + 1


def test_a_full_queue_shows_in_the_queue_and_in_the_problems(
    fragile: Callable[..., Running], encoder: FakeEncoder
) -> None:
    server = fragile(max_queue=1)
    sample = server.recommender.metrics.registry.get_sample_value
    encoder.gate.clear()
    encoder.entered.clear()
    stages = server.recommender._stages
    job = probe_job(server.recommender.snapshot)
    running = stages._encoder.submit(job)
    assert encoder.entered.wait(5)
    queued = stages._encoder.submit(job)
    assert sample("laser_queue_waiting", {"stage": "encode"}) == sample("laser_queue_limit") == 1
    assert server.post(history=[{"item_id": "i1"}]).status_code == 429
    wait_until(lambda: sample("laser_problems_total", {"code": "overloaded"}) == 1)
    encoder.gate.set()
    assert running.result(10)
    assert queued.result(10)


def test_a_batch_tells_its_size_its_time_and_how_long_each_job_waited() -> None:
    metrics = Metrics()
    BatchMetrics("encode", metrics).batch(Ran(130, 0.02, (0.003, 0.001), (None, None)))
    stage = {"stage": "encode"}
    sample = metrics.registry.get_sample_value
    assert sample("laser_batch_jobs_sum", stage) == 2
    assert sample("laser_batch_tokens_sum", stage) == 130
    assert sample("laser_batch_tokens_bucket", stage | {"le": "128.0"}) == 0
    assert sample("laser_batch_seconds_sum", stage) == 0.02
    assert (sample("laser_queue_seconds_count", stage), sample("laser_queue_seconds_sum", stage)) == (
        2,
        0.004,
    )


def test_the_place_in_the_log_of_changes_is_told(fragile: Callable[..., Running], tmp_path: Path) -> None:
    server = fragile(state=tmp_path / "state.sqlite")
    sample = server.recommender.metrics.registry.get_sample_value
    names = ("laser_catalogue_change", "laser_catalogue_log_change", "laser_catalogue_up_to_date")
    assert [sample(name) for name in names] == [0, 0, 1]
    server.client.put("/items/metric", json={"title": "for a metric"}).raise_for_status()
    server.client.delete("/items/metric").raise_for_status()
    assert [sample(name) for name in names] == [2, 2, 1]
    assert sample("laser_catalogue_items") == 41


def test_the_process_and_its_limit_are_told(value: Value) -> None:
    assert 0 < value("laser_memory_bytes") < value("laser_memory_limit_bytes")
    assert value("process_open_fds") > 0
    assert value("laser_requests_in_progress") == 1, "the one that asks"


@pytest.mark.parametrize("name", ["laser_stage_seconds", "laser_batch_seconds", "laser_queue_seconds"])
def test_buckets_tell_a_tenth_of_a_millisecond_from_one(live: Running, name: str) -> None:
    live.post(history=[{"item_id": "i1"}], constraint=name)
    page = live.client.get("/metrics").text
    bounds = {
        float(bound) for bound in re.findall(rf'^{name}_bucket{{le="([0-9.]+)",stage="search"', page, re.M)
    }
    assert {bound for bound in bounds if bound <= 0.01} == {
        0.0001,
        0.00025,
        0.0005,
        0.001,
        0.0025,
        0.005,
        0.01,
    }


def test_names_follow_the_conventions_of_prometheus() -> None:
    for each in listed(Metrics()):
        assert each.name.startswith("laser_")
        assert each.name.endswith("_total") == (each.kind == "counter")
        assert not each.name.endswith(("_ms", "_milliseconds", "_mb")), "base units"
        assert each.text[0].isupper() or each.text[0].isdigit()
        assert not each.text.endswith(".")
