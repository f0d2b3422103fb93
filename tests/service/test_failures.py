"""What happens when something breaks or fills up: only those concerned are told, nobody waits for nothing."""

import json
import logging
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from service.logs import JsonFormatter
from tests.service.fakes import FakeEncoder
from tests.service.test_bad_input import refused
from tests.service.world import Running, wait_until

Start = Callable[..., Running]
HISTORY = [{"item_id": "i1"}]


def waiting(server: Running) -> float:
    value = server.recommender.metrics.registry.get_sample_value("laser_queue_waiting", {"stage": "encode"})
    assert value is not None
    return value


def test_a_poisoned_request_fails_alone(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile()
    encoder.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        good = [pool.submit(server.post, history=HISTORY) for _ in range(5)]
        bad = pool.submit(server.post, history=HISTORY, constraint="poison")
        wait_until(lambda: waiting(server) == 6)
        encoder.gate.set()
        assert [future.result().status_code for future in [first, *good]] == [200] * 6
        refused(bad.result(), 500, "encoding_failed", None)
    assert encoder.users == 6
    assert server.client.get("/readyz").status_code == 200


def test_a_vector_that_is_not_finite_is_no_answer(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile()
    encoder.not_finite = True
    refused(server.post(history=HISTORY), 500, "encoding_failed", None)


def test_a_broken_encoder_turns_readyz_red_within_a_second_and_back(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile()
    assert server.client.get("/readyz").status_code == 200
    encoder.broken = True
    time.sleep(1.0)
    response = server.client.get("/readyz")
    refused(response, 503, "not_ready", None)
    assert response.headers["retry-after"] == "1"
    assert server.client.get("/healthz").status_code == 200
    encoder.broken = False
    time.sleep(1.0)
    assert server.client.get("/readyz").status_code == 200


def test_readiness_probes_share_one_forward_pass(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile(ready_seconds=30.0)
    for _ in range(5):
        assert server.client.get("/readyz").status_code == 200
    assert encoder.users == 1


def test_a_full_queue_answers_429_at_once(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile(max_queue=2)
    encoder.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        queued = [pool.submit(server.post, history=HISTORY) for _ in range(2)]
        wait_until(lambda: waiting(server) == 2)
        started = time.monotonic()
        response = server.post(history=HISTORY)
        assert time.monotonic() - started < 0.5
        refused(response, 429, "overloaded", None)
        assert int(response.headers["retry-after"]) >= 1
        assert server.client.get("/healthz").status_code == 200
        assert server.client.get("/readyz").status_code == 200  # busy is not broken
        encoder.gate.set()
        assert [future.result().status_code for future in [first, *queued]] == [200] * 3


def test_a_request_whose_client_has_gone_is_not_encoded(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile()
    encoder.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/recommend", json={"history": HISTORY}, timeout=0.3)
        count = server.recommender.metrics.registry.get_sample_value
        gone = {"route": "/recommend", "status": "499"}
        wait_until(lambda: count("laser_requests_total", gone) == 1)
        encoder.gate.set()
        assert first.result().status_code == 200
        assert server.post(history=HISTORY).status_code == 200
    assert encoder.users == 2


def test_an_upload_that_breaks_off_is_no_failure_of_ours(
    fragile: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = fragile()
    host, port = server.url.removeprefix("http://").split(":")
    with caplog.at_level(logging.INFO, logger="laser"), socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"history"'
        )
        time.sleep(0.1)
        client.close()
        count = server.recommender.metrics.registry.get_sample_value
        gone = {"route": "/recommend", "status": "499"}
        wait_until(lambda: count("laser_requests_total", gone) == 1)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_jobs_that_wait_share_a_batch(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile()
    encoder.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(server.post, history=HISTORY)
        assert encoder.entered.wait(5)
        others = [pool.submit(server.post, history=HISTORY) for _ in range(7)]
        wait_until(lambda: waiting(server) == 7)
        encoder.gate.set()
        assert {future.result().status_code for future in [first, *others]} == {200}
    assert encoder.batches == [1, 7]


def test_no_log_line_holds_what_a_user_wrote(
    fragile: Start, encoder: FakeEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    server = fragile()
    with caplog.at_level(logging.DEBUG, logger="laser"):
        server.client.post(
            "/recommend",
            json={"history": [{"title": "pssst"}], "constraint": "pssst"},
            headers={"X-Request-ID": "good-one"},
        )
        server.post(
            history=[{"title": "pssst"}], constraint="poison pssst"
        )  # the encoder's message quotes it
        server.post(history=[{"pssst": 1}], constraint=7)
        server.client.get("/items/pssst")
        server.client.get("/pssst?q=pssst", headers={"X-Request-ID": "pssst pssst"})
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "laser"]
    assert not [line for line in lines if "pssst" in line]
    events = [json.loads(line) for line in lines]
    [failed] = [event for event in events if event["event"] == "encoding failed"]
    assert failed["error"] == "ValueError"
    assert any("tokenize_constraint" in place for place in failed["at"])
    good = next(event for event in events if event.get("request_id") == "good-one")
    assert (good["event"], good["route"], good["status"]) == ("request", "/recommend", 200)
    assert set(good["stages"]) == {"parse", "resolve", "wait", "encode", "search", "respond"}


def test_a_closed_recommender_answers_503(fragile: Start) -> None:
    server = fragile()
    server.recommender.close()
    for response in (server.post(history=HISTORY), server.client.get("/items/i1/similar")):
        refused(response, 503, "closing", None)
        assert response.headers["retry-after"] == "1"
    refused(server.client.get("/readyz"), 503, "not_ready", None)


def test_what_nobody_foresaw_is_a_problem_document_too(
    fragile: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = fragile()

    def fail(*_: object) -> None:
        raise KeyError("private detail")

    monkeypatch.setattr("service.recommender.described", fail)
    response = server.client.get("/items/i1")
    refused(response, 500, "internal", None)
    assert "private" not in response.text
