"""What is counted and timed, for Prometheus. ops/metrics.md lists it, written by metric_list.py.

One object per app with a registry of its own; no label comes from a client. Buckets fit what is timed: a stage takes
microseconds to milliseconds, a request milliseconds, a bundle seconds.
"""

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from service.batcher import Ran
from service.machine import memory_limit
from service.memory import held
from service.tracing import Tracing

FINE = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ANSWERING = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LOADING = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)  # seconds, as those above
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
JOBS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOKENS = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
ITEMS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2048)
CANDIDATES = (100, 200, 500, 1000, 2000, 5000, 10_000, 50_000)


class BatchMetrics:
    """Observer of one MicroBatcher: `stage` is encode, items, search, or store_ and the name of a lane."""

    def __init__(self, stage: str, metrics: "Metrics") -> None:
        self._stage = stage
        self._tracing = metrics.tracing
        self._jobs = metrics.batch_jobs.labels(stage)
        self._tokens = metrics.batch_tokens.labels(stage)
        self._seconds = metrics.batch_seconds.labels(stage)
        self._failures = metrics.batch_failures.labels(stage)
        self._waited = metrics.queue_seconds.labels(stage)

    def origin(self) -> object:
        """The span of the request that submits."""
        return self._tracing.origin()

    def batch(self, ran: Ran) -> None:
        """A batch succeeded."""
        self._jobs.observe(len(ran.waited))
        self._tokens.observe(ran.tokens)
        self._seconds.observe(ran.seconds)
        for seconds in ran.waited:
            self._waited.observe(seconds)
        self._tracing.batch(self._stage, ran)

    def failure(self, jobs: int) -> None:
        """A batch raised."""
        self._failures.inc()


class Metrics:
    """All metrics of one service, and with them where its spans go."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        """Without `tracing` there are no spans."""
        self.tracing = tracing or Tracing()
        self.registry = r = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=r)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=r)

        def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=r)

        # Traffic and errors
        self.requests = counter("laser_requests_total", "Answers by route and status", "route", "status")
        self.seconds = histogram("laser_request_seconds", "Time to answer", ANSWERING, "route")
        self.in_progress = gauge("laser_requests_in_progress", "Requests that are being answered")
        self.problems = counter("laser_problems_total", "Answers that were a problem, by its code", "code")
        self.batched = counter("laser_batch_answers_total", "Answers within POST /recommend/batch", "status")
        self.ready = gauge("laser_ready", "1 where /readyz said yes when it was last asked")

        # Stages, queues, batches
        self.stages = histogram("laser_stage_seconds", "Time of a request in a stage", FINE, "stage")
        self.waiting = gauge("laser_queue_waiting", "Jobs in the queue", "stage")
        self.queue_limit = gauge("laser_queue_limit", "Jobs in a queue from which on the next gets 429")
        self.queue_seconds = histogram("laser_queue_seconds", "Time of a job in the queue", FINE, "stage")
        self.batch_jobs = histogram("laser_batch_jobs", "Jobs in a batch", JOBS, "stage")
        self.batch_tokens = histogram(
            "laser_batch_tokens", "Size of a batch: tokens of the encoder, else users, events or queries",
            TOKENS, "stage",
        )  # fmt: skip
        self.batch_seconds = histogram("laser_batch_seconds", "Time of a batch", FINE, "stage")
        self.batch_failures = counter("laser_batch_failures_total", "Batches that raised", "stage")

        # Caches
        self.cache = counter("laser_user_cache_total", "User embeddings looked up, by outcome", "outcome")
        self.cache_bytes = gauge("laser_user_cache_bytes", "Size of the cached user embeddings")
        self.filters = counter(
            "laser_filters_total", "Filters by whether they were compiled before", "cached"
        )

        # What people get
        self.recommendations = counter(
            "laser_recommendations_total", "Recommendations by what they were made from", "inputs"
        )
        self.answer_items = histogram("laser_answer_items", "Items in a recommendation", ITEMS)
        self.similarity = histogram(
            "laser_answer_similarity", "Mean cosine between the items of one recommendation", SHARES
        )
        self.candidates = histogram(
            "laser_diversity_candidates", "Items looked at where diversity was asked for", CANDIDATES
        )
        self.recommended_items = gauge(
            "laser_recommended_items",
            "Different items in the answers of the bundle in service, since the start",
        )
        self.shortfalls = counter("laser_shortfalls_total", "Answers with fewer than k items", "reason")
        self.degraded = counter("laser_degraded_total", "Answers that did without something", "what")
        self.sentence_parts = counter(
            "laser_sentence_parts_total", "Parts of sentences by what became of them", "outcome"
        )
        self.unknown_items = counter("laser_unknown_items_total", "Item ids the catalogue does not have")

        # Catalogue
        self.items = gauge("laser_catalogue_items", "Items in the catalogue")
        self.change = gauge("laser_catalogue_change", "Number of the last catalogue change applied here")
        self.log_change = gauge("laser_catalogue_log_change", "Number of the last change known in the log")
        self.up_to_date = gauge(
            "laser_catalogue_up_to_date", "0 while this replica has yet to apply changes it must not miss"
        )

        # Bundles
        self.bundle = gauge("laser_bundle_info", "Always 1", "bundle", "encoder", "service")
        self.bundle_swaps = counter(
            "laser_bundle_swaps_total", "Bundles taken into service, by who asked", "how"
        )
        self.bundle_refusals = counter(
            "laser_bundle_refusals_total", "Bundles that were not taken into service, by who asked", "how"
        )
        self.bundle_behind = gauge(
            "laser_bundle_behind", "1 while the published bundle cannot be taken into service"
        )
        self.bundle_seconds = histogram(
            "laser_bundle_load_seconds", "Time to take a bundle into service", LOADING
        )
        self.shadow_bundle = gauge("laser_shadow_bundle_info", "1 for the bundle in the shadow", "bundle")
        self.shadow_requests = counter(
            "laser_shadow_requests_total", "Requests for the shadow, by outcome", "outcome"
        )
        self.shadow_overlap = histogram(
            "laser_shadow_overlap", "Share of the items that the shadow has too", SHARES
        )

        # Store
        self.store_up = gauge("laser_store_up", "0 while the store counts as away", "lane")
        self.store_seconds = histogram(
            "laser_store_seconds", "Time of an operation of the store", FINE, "operation"
        )
        self.store_failures = counter(
            "laser_store_failures_total", "Operations that the store did not do", "operation", "reason"
        )
        self.events = counter("laser_events_total", "Events by what became of them", "outcome")

        # Process
        self.memory = gauge("laser_memory_bytes", "Memory of the service and the processes it encodes in")
        self.memory.set_function(held)
        self.memory_limit = gauge("laser_memory_limit_bytes", "Memory the service may use at most")
        self.memory_limit.set(memory_limit())
        ProcessCollector(registry=r)
        PlatformCollector(registry=r)
        GCCollector(registry=r)

    def filter_seen(self, cached: bool) -> None:
        """A filter was asked for."""
        self.filters.labels(str(cached).lower()).inc()

    def render(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self.registry)
