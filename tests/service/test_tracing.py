"""Spans, seen by OpenTelemetry's own in-memory exporter: of requests, stages and batches, with nobody's words."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry import trace as otel
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from index.bundle import Bundle
from index.item_index import open_index
from service.metrics import Metrics
from service.recommender import Recommender
from service.settings import Settings, SettingsError, load_settings
from service.tracing import Tracing
from service.tracing_export import open_tracing
from tests.service.fakes import FakeEncoder
from tests.service.world import Running, running, wait_until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
STAGES = ["parse", "resolve", "wait", "encode", "search", "respond"]

Start = Callable[[Metrics], Any]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


@pytest.fixture
def start(bundle: Bundle, encoder: FakeEncoder, settings: Settings, tmp_path: Path) -> Start:
    """A service around the fake encoder, with metrics (and so tracing) as given."""
    changed = settings.model_copy(update={"cache_mb": 0.0, "state": tmp_path / "state.sqlite"})

    @contextmanager
    def started(metrics: Metrics) -> Iterator[Running]:
        index = open_index(bundle.vectors, "cpu")
        with running(changed, Recommender(bundle, encoder, index, changed, metrics)) as server:
            yield server

    return started


@pytest.fixture
def traced(start: Start, provider: TracerProvider) -> Iterator[Running]:
    with start(Metrics(Tracing(provider))) as server:
        yield server


def requests_of(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.kind is otel.SpanKind.SERVER]


def named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


def one_request(exporter: InMemorySpanExporter) -> ReadableSpan:
    """The span ends just after its answer is out."""
    wait_until(lambda: len(requests_of(exporter)) == 1)
    return requests_of(exporter)[0]


def test_a_request_continues_the_clients_trace_and_answers_with_its_own_span(
    traced: Running, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "r1"}
    with caplog.at_level("INFO", logger="laser"):
        answer = traced.client.post("/recommend", json={"history": [{"item_id": "i1"}]}, headers=headers)
        span = one_request(exporter)
    [line] = [record for record in caplog.records if record.getMessage() == "request"]
    assert line.fields["trace_id"] == TRACE  # type: ignore[attr-defined]
    assert span.context is not None
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert span.name == "POST /recommend"
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/recommend",
        "http.response.status_code": 200,
        "laser.request_id": "r1",
    }
    assert span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("parent", [None, "nonsense", f"00-{'0' * 32}-{PARENT}-01"])
def test_a_request_without_a_trace_begins_one(
    traced: Running, exporter: InMemorySpanExporter, parent: str | None
) -> None:
    headers = {} if parent is None else {"traceparent": parent}
    answer = traced.client.get("/items/i1", headers=headers)
    assert one_request(exporter).parent is None
    # 03: sampled, and a trace id that is random throughout
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-03", answer.headers["traceresponse"])


def test_every_stage_is_a_child_within_its_request(traced: Running, exporter: InMemorySpanExporter) -> None:
    traced.post(history=[{"item_id": "i1"}]).raise_for_status()
    request = one_request(exporter)
    spans = [named(exporter, stage) for stage in STAGES]
    assert [len(found) for found in spans] == [1] * 6
    for (span,) in spans:
        assert span.parent == request.context
        assert not span.attributes
        assert request.start_time <= span.start_time <= span.end_time <= request.end_time  # type: ignore[operator]
    begun = [span.start_time for (span,) in spans]
    assert begun == sorted(begun)  # type: ignore[type-var]


def test_a_stage_that_runs_twice_has_two_spans_and_one_sum(
    traced: Running, exporter: InMemorySpanExporter
) -> None:
    answer = traced.post(history=[{"item_id": "i1"}], constraint="for the garden", explain=True)
    one_request(exporter)
    searches = named(exporter, "search")
    assert len(searches) == 2, "with the sentence, and for the places without it"
    total = float(re.search(r"search;dur=([0-9.]+)", answer.headers["server-timing"])[1])  # type: ignore[index]
    assert total == pytest.approx(sum(milliseconds(span) for span in searches), abs=0.02)


def milliseconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e6


def test_a_batch_is_linked_to_all_of_its_requests(
    traced: Running, exporter: InMemorySpanExporter, encoder: FakeEncoder
) -> None:
    def ask(item: str) -> int:
        return traced.post(history=[{"item_id": item}]).status_code

    encoder.gate.clear()
    encoder.entered.clear()
    with ThreadPoolExecutor(3) as clients:
        first = clients.submit(ask, "i1")
        assert encoder.entered.wait(5)  # the encoder is busy: the next two wait together
        others = [clients.submit(ask, item) for item in ("i2", "i3")]
        wait_until(lambda: traced.recommender.waiting["encode"] == 2)
        encoder.gate.set()
        assert [each.result(10) for each in (first, *others)] == [200, 200, 200]
    wait_until(lambda: len(requests_of(exporter)) == 3)
    alone, together = named(exporter, "encode batch")
    assert [len(alone.links), len(together.links)] == [1, 2]
    linked = {link.context.span_id for link in (*alone.links, *together.links)}
    assert linked == {span.context.span_id for span in requests_of(exporter) if span.context}
    assert together.parent == together.links[0].context
    assert (together.attributes or {})["laser.batch.jobs"] == 2
    assert set(together.attributes or {}) == {"laser.batch.jobs", "laser.batch.tokens"}


def test_an_error_is_named_by_its_code(traced: Running, exporter: InMemorySpanExporter) -> None:
    traced.client.get("/items/unheard-of")
    span = one_request(exporter)
    assert (span.name, (span.attributes or {})["error.type"]) == (
        "GET /items/{item_id:path}",
        "item_not_found",
    )
    assert span.status.status_code is StatusCode.UNSET, "the client's mistake is none of the server's"


def test_a_failure_of_ours_is_an_error(
    traced: Running, exporter: InMemorySpanExporter, encoder: FakeEncoder
) -> None:
    encoder.broken = True
    assert traced.post(history=[{"item_id": "i1"}]).status_code == 500
    span = one_request(exporter)
    assert (span.attributes or {})["error.type"] == "encoding_failed"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert not span.events


def test_a_method_that_is_none_is_not_quoted(traced: Running, exporter: InMemorySpanExporter) -> None:
    assert (
        traced.client.request("MYWORDS", "/recommend").status_code == 400
    )  # as the parser says, unseen by us
    assert traced.client.request("PROPFIND", "/recommend").status_code == 405
    assert one_request(exporter).name == "_OTHER /recommend"


def test_probes_and_scrapes_are_not_traced(traced: Running, exporter: InMemorySpanExporter) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert "traceresponse" not in traced.client.get(path).headers
    traced.client.get("/items/i1")
    one_request(exporter)
    assert len(exporter.get_finished_spans()) == 1


def test_nobodys_words_and_ids_are_in_a_span(traced: Running, exporter: InMemorySpanExporter) -> None:
    secret = "pssst"
    event = {"event_id": secret, "user_id": secret, "item_id": secret, "timestamp": 1_700_000_000}
    asked = [
        traced.post(history=[{"title": f"{secret} title"}], constraint=f"nothing {secret}", user_id=secret),
        traced.client.post("/recommend/batch", json={"requests": [{"constraint": secret}]}),
        traced.client.post("/events", json=event),
        traced.client.delete(f"/users/{secret}"),
        traced.client.get(f"/items/{secret}"),
        traced.client.get("/catalogue", params={"q": secret}),
        traced.post(history=[{"item_id": "i1"}], **{secret: secret}),
    ]
    assert [answer.status_code for answer in asked] == [200, 200, 200, 200, 404, 200, 422]
    wait_until(lambda: len(requests_of(exporter)) == len(asked))
    spans = exporter.get_finished_spans()
    assert len(spans) > 2 * len(asked)
    assert secret not in "".join(span.to_json() for span in spans)


def test_fastapis_own_spans_which_quote_addresses_are_off(
    start: Start, provider: TracerProvider, exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otel, "get_tracer_provider", lambda: provider)
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with start(Metrics()) as server:
        server.client.delete("/users/pssst")
        assert "traceresponse" not in server.client.get("/items/i1").headers
    assert exporter.get_finished_spans() == ()


def test_what_is_not_sampled_makes_no_span_and_no_batch(start: Start, exporter: InMemorySpanExporter) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with start(Metrics(Tracing(provider))) as server:
        assert "traceresponse" not in server.post(history=[{"item_id": "i1"}]).headers
    assert exporter.get_finished_spans() == ()


def test_without_a_collector_there_is_no_tracing(settings: Settings, start: Start) -> None:
    assert settings.otlp_endpoint is None
    with start(Metrics(open_tracing(settings))) as server:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        assert "traceresponse" not in server.client.get("/items/i1", headers=headers).headers


def test_the_collector_is_named_by_either_variable_and_ours_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://theirs:4318")
    assert load_settings().otlp_endpoint == "http://theirs:4318"
    monkeypatch.setenv("LASER_OTLP_ENDPOINT", "")  # as docker-compose.yml passes what is not set
    assert load_settings().otlp_endpoint == "http://theirs:4318"
    monkeypatch.setenv("LASER_OTLP_ENDPOINT", "http://ours:4318")
    assert load_settings().otlp_endpoint == "http://ours:4318"
    monkeypatch.delenv("LASER_OTLP_ENDPOINT")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    with pytest.raises(SettingsError, match=r"OTLP_ENDPOINT=collector:4317"):
        load_settings()


def test_without_the_extra_one_line_says_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("service.tracing_export.PACKAGES", ("opentelemetry.no_such", "no.such.at_all"))
    tracing = open_tracing(settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9"}))
    assert tracing.origin() is None
    [record] = [each for each in caplog.records if each.name == "laser"]
    assert record.fields == {  # type: ignore[attr-defined]
        "reason": "the extra `tracing` is not installed; "
        "run: pip install --constraint constraints.txt '.[tracing]'"
    }
    tracing.close()


def test_a_collector_that_is_away_costs_no_request_and_does_not_keep_the_process(
    settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.tracing_export.TIMEOUT", 0.2)
    nowhere = settings.model_copy(update={"otlp_endpoint": "http://127.0.0.1:9"})
    with start(Metrics(open_tracing(nowhere))) as server:
        answer = server.post(history=[{"item_id": "i1"}])
    assert answer.status_code == 200
    assert "traceresponse" in answer.headers


class Collector(BaseHTTPRequestHandler):
    """Keeps what is exported to it."""

    received: Sequence[tuple[str, bytes]] = ()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).received = (*self.received, (self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def test_spans_reach_a_collector_before_the_process_ends(
    settings: Settings, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    serving = Thread(target=collector.serve_forever)
    serving.start()
    try:
        url = f"http://127.0.0.1:{collector.server_port}/"
        metrics = Metrics(open_tracing(settings.model_copy(update={"otlp_endpoint": url})))
        with start(metrics) as server:
            server.post(history=[{"item_id": "i1"}]).raise_for_status()
    finally:
        collector.shutdown()
        collector.server_close()
        serving.join()
    [(path, body)] = Collector.received
    assert path == "/v1/traces"
    [resource] = ExportTraceServiceRequest.FromString(body).resource_spans
    said = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert (said["service.name"], said["deployment.environment"]) == ("laser", "test")
    names = [span.name for scope in resource.scope_spans for span in scope.spans]
    assert sorted(names) == sorted([*STAGES, "encode batch", "search batch", "POST /recommend"])
