"""Spans in the terms of OpenTelemetry: one a request, one a stage, one a batch that is linked to its requests.

    request   POST /recommend    parent: the client's `traceparent`; answered with `traceresponse`
      stage   resolve, wait, encode, search, respond
      batch   encode batch       child of its first request, linked to all of them

Stages are timed anyway (trace.py); their spans are made of those times once the answer is out. An attribute is a
route's template, a status, a code or a count: never a sentence, an id of an item or a user, an address or a text of an
exception. Without a provider (tracing_export.py) all of this is OpenTelemetry's no-op.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    NoOpTracerProvider,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers

from service.batcher import Ran
from service.trace import Trace

NAME = "laser"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})  # asked all the time, by machines
CONTEXT = TraceContextTextMapPropagator()  # W3C traceparent and tracestate


class RequestSpan:
    """The span of one request. What is not recorded costs nothing."""

    def __init__(self, span: Span, tracer: Tracer) -> None:
        self._span = span
        self._tracer = tracer

    @property
    def trace_id(self) -> str | None:
        """For the log; None where there is no span."""
        return f"{self._span.get_span_context().trace_id:032x}" if self._span.is_recording() else None

    @property
    def traceresponse(self) -> str | None:
        """W3C's header for the answer, by which a client finds the trace; None where there is no span."""
        context = self._span.get_span_context()
        return self.trace_id and f"00-{self.trace_id}-{context.span_id:016x}-{context.trace_flags:02x}"

    def describe(self, method: str, route: str, status: int, trace: Trace) -> None:
        """Say what came of the request, and where its time went."""
        if not self._span.is_recording():
            return
        method = method if method in METHODS else "_OTHER"  # a client may write anything there
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "laser.request_id": trace.request_id,
            }
        )
        if trace.problem is not None:
            self._span.set_attribute("error.type", trace.problem)
        if status >= 500 or status == 0:
            self._span.set_status(StatusCode.ERROR)
        parent = set_span_in_context(self._span)
        for timing in trace.timings:
            began = trace.nanoseconds(timing.began)
            span = self._tracer.start_span(timing.stage, parent, start_time=began)
            span.end(began + int(timing.seconds * 1e9))


class Tracing:
    """Makes spans with a provider, or none."""

    def __init__(
        self, provider: TracerProvider | None = None, close: Callable[[], None] = lambda: None
    ) -> None:
        """`close` sends what the provider still has."""
        self.close = close
        self._on = provider is not None
        self._tracer = (provider or NoOpTracerProvider()).get_tracer(NAME)

    @contextmanager
    def request(self, path: str, headers: Headers) -> Iterator[RequestSpan]:
        """Around the answering of one request, whose tasks and batches see it as the current span."""
        if not self._on or path in UNTRACED:
            yield RequestSpan(INVALID_SPAN, self._tracer)
            return
        carrier = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        span = self._tracer.start_span(NAME, CONTEXT.extract(carrier), SpanKind.SERVER)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield RequestSpan(span, self._tracer)

    def origin(self) -> SpanContext | None:
        """What a batch has to know of the request that submits a job to it; None where it is not traced."""
        span = get_current_span()
        return span.get_span_context() if self._on and span.is_recording() else None

    def batch(self, stage: str, ran: Ran) -> None:
        """The span of a batch that has just ended, if one of its requests is traced."""
        origins = [origin for origin in ran.origins if isinstance(origin, SpanContext)]
        if not origins:
            return
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"{stage} batch",
            set_span_in_context(NonRecordingSpan(origins[0])),
            attributes={"laser.batch.jobs": len(ran.waited), "laser.batch.tokens": ran.tokens},
            links=[Link(origin) for origin in origins],
            start_time=ended - int(ran.seconds * 1e9),
        )
        span.end(ended)
