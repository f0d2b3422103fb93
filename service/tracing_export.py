"""Where spans go: to a collector that speaks OTLP over HTTP, in batches, from a thread of the SDK's own.

On where LASER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT names the collector and the extra `tracing` is installed.
The SDK reads the other OTEL_* variables itself: OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME. A
collector that is away costs spans, never requests.
"""

import logging
from importlib.util import find_spec

from service import VERSION, logs
from service.settings import Settings
from service.tracing import NAME, Tracing

TIMEOUT = 3.0  # seconds an export may take; also how long the last one holds up the end of the process
PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
MISSING = "the extra `tracing` is not installed; run: pip install --constraint constraints.txt '.[tracing]'"


def can_export() -> bool:
    """True where the extra is installed."""
    try:
        return all(find_spec(name) is not None for name in PACKAGES)
    except ImportError:  # not even the packages above them
        return False


def open_tracing(settings: Settings) -> Tracing:
    """Tracing as the settings have it; `close` it after the last request."""
    if settings.otlp_endpoint is None:
        return Tracing()
    if not can_export():
        logs.event(logging.WARNING, "no traces", reason=MISSING)
        return Tracing()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = Resource.create({"service.name": NAME, "service.version": VERSION})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=TIMEOUT)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider, provider.shutdown)
