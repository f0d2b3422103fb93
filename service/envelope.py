"""What surrounds every request: who may ask, its id, its time, and an answer whatever happens inside.

Plain ASGI, because BaseHTTPMiddleware costs more than our own time budget: Host check (DNS rebinding),
X-Request-ID (checked or made), body limit, load shedding, Server-Timing, security headers, metrics, access log, and
problem+json for what nobody caught.
"""

import logging
import random
import re
from contextlib import nullcontext
from typing import NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import logs
from service.access.callers import caller_of
from service.errors import ApiError, Code, problem
from service.metrics import Metrics
from service.settings import Settings
from service.trace import SCOPE_KEY, Trace
from service.tracing import RequestSpan

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# For every answer; a page that needs more than nothing brings a policy of its own, a file that may be kept its caching.
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Address(NamedTuple):
    """What a request names."""

    method: str
    path: str


# Requests that need the encoder: while its queue is full most of them are refused here, before routing, keys and the
# body. All that would take the event loop most of a millisecond a request, and under a flood that is time which the
# encoder lacks, and in which answers that are ready wait.
SHEDDING = Address("POST", "/recommend")
HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]/@]+)(:[0-9]{1,5})?", re.IGNORECASE)


class Envelope:
    """ASGI middleware around the whole app. `closing` is set while the process drains."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._hosts = settings.host_names()
        self._max_body = settings.max_body_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with (
            self._metrics.in_progress.track_inprogress(),
            self._metrics.tracing.request(scope["path"], headers) as span,
        ):
            await self._answer(scope, receive, send, headers, span)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, span: RequestSpan
    ) -> None:
        trace = scope[SCOPE_KEY] = Trace(_request_id(headers.get("x-request-id")))
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                added = MutableHeaders(scope=message)
                _add_headers(added, trace, scope["app"].state.closing)
                if span.traceresponse is not None:
                    added["traceresponse"] = span.traceresponse
            await send(message)

        try:
            self._admit(headers)
            encodes = _address(scope) == SHEDDING
            with scope["app"].state.serving.coming(trace) if encodes else nullcontext():
                await self._app(scope, self._limited(receive), send_with_headers)
        except ApiError as refusal:
            await problem(refusal, trace)(scope, receive, send_with_headers)
        except Exception as error:
            logs.event(logging.ERROR, "request failed", request_id=trace.request_id, **logs.describe(error))
            if status:  # half an answer is out: only a cut connection can tell
                raise
            failure = ApiError(
                Code.INTERNAL, "This was not foreseen; it has been logged under the request_id."
            )
            await problem(failure, trace)(scope, receive, send_with_headers)
        finally:
            self._account(scope, trace, status, span)

    def _admit(self, headers: Headers) -> None:
        """Raises ApiError for a Host that is not ours and for a body declared too large."""
        host = HOST.fullmatch(headers.get("host", ""))
        if self._hosts is not None and (host is None or host["name"].lower() not in self._hosts):
            raise ApiError(
                Code.HOST_NOT_ALLOWED, "This server does not answer under the name in the Host header."
            )
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._max_body:
            raise self._too_large()

    def _limited(self, receive: Receive) -> Receive:
        """`receive` that counts: a body sent in pieces declares no length."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> ApiError:
        return ApiError(Code.BODY_TOO_LARGE, f"At most {self._max_body} bytes.", "body")

    def _account(self, scope: Scope, trace: Trace, status: int, span: RequestSpan) -> None:
        # The route's template, not the address: a label or a log line must not hold what a client wrote.
        route = getattr(scope.get("route"), "path", SHEDDING.path if _address(scope) == SHEDDING else "none")
        elapsed = trace.elapsed()
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(elapsed)
        if trace.problem is not None:
            self._metrics.problems.labels(trace.problem).inc()
        span.describe(scope["method"], route, status, trace)
        for stage, seconds in trace.stages.items():
            self._metrics.stages.labels(stage).observe(seconds)
        others = {"problem": trace.problem, "trace_id": span.trace_id}
        logs.event(
            logging.INFO,
            "request",
            request_id=trace.request_id,
            route=route,
            caller=caller_of(scope).name,
            status=status,
            **{name: value for name, value in others.items() if value is not None},
            ms=round(elapsed * 1000, 2),
            stages={stage: round(seconds * 1000, 2) for stage, seconds in trace.stages.items()},
        )


def _address(scope: Scope) -> Address:
    return Address(scope["method"], scope["path"])


def _request_id(given: str | None) -> str:
    return given if given is not None and REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def _add_headers(headers: MutableHeaders, trace: Trace, closing: bool) -> None:
    headers["X-Request-ID"] = trace.request_id
    stages = {**trace.stages, "total": trace.elapsed()}
    headers["Server-Timing"] = ", ".join(
        f"{stage};dur={seconds * 1000:.2f}" for stage, seconds in stages.items()
    )
    for name, value in SAFE_HEADERS.items():
        headers.setdefault(name, value)
    if closing:
        headers["Connection"] = "close"
