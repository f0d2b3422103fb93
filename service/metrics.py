"""What is counted and timed, for Prometheus.

One object per app with a registry of its own; no label comes from a client.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LOADING = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)  # seconds
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
JOBS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class BatchMetrics:
    """Observer of one MicroBatcher: `stage` is encode or search."""

    def __init__(self, stage: str, metrics: "Metrics") -> None:
        self._jobs = metrics.batch_jobs.labels(stage)
        self._tokens = metrics.batch_tokens.labels(stage)
        self._seconds = metrics.batch_seconds.labels(stage)
        self._failures = metrics.batch_failures.labels(stage)

    def batch(self, jobs: int, tokens: int, seconds: float) -> None:
        """A batch succeeded."""
        self._jobs.observe(jobs)
        self._tokens.inc(tokens)
        self._seconds.observe(seconds)

    def failure(self, jobs: int) -> None:
        """A batch raised."""
        self._failures.inc()


class Metrics:
    """All metrics of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.requests = Counter(
            "laser_requests_total", "Answers by route and status", ["route", "status"], registry=r
        )
        self.seconds = Histogram(
            "laser_request_seconds", "Time to answer", ["route"], buckets=SECONDS, registry=r
        )
        self.stages = Histogram(
            "laser_stage_seconds", "Time by stage", ["stage"], buckets=SECONDS, registry=r
        )
        self.batch_jobs = Histogram(
            "laser_batch_jobs", "Requests in a batch", ["stage"], buckets=JOBS, registry=r
        )
        self.batch_tokens = Counter("laser_batch_tokens_total", "Tokens run", ["stage"], registry=r)
        self.batch_seconds = Histogram(
            "laser_batch_seconds", "Time of a batch", ["stage"], buckets=SECONDS, registry=r
        )
        self.batch_failures = Counter(
            "laser_batch_failures_total", "Batches that raised", ["stage"], registry=r
        )
        self.cache = Counter(
            "laser_user_cache_total", "User embeddings looked up, by outcome", ["outcome"], registry=r
        )
        self.cache_bytes = Gauge("laser_user_cache_bytes", "Size of the cached user embeddings", registry=r)
        self.waiting = Gauge("laser_queue_waiting", "Requests in the queue", ["stage"], registry=r)
        self.shortfalls = Counter("laser_shortfalls_total", "Answers with fewer than k items", registry=r)
        self.filters = Counter(
            "laser_filters_total", "Filters by whether they were compiled before", ["cached"], registry=r
        )
        self.batched = Counter(
            "laser_batch_answers_total", "Answers within POST /recommend/batch", ["status"], registry=r
        )
        self.degraded = Counter(
            "laser_degraded_total", "Answers that did without something", ["what"], registry=r
        )
        self.unknown_items = Counter(
            "laser_unknown_items_total", "Item ids the catalogue does not have", registry=r
        )
        self.store_seconds = Histogram(
            "laser_store_seconds",
            "Time of an operation of the store",
            ["operation"],
            buckets=SECONDS,
            registry=r,
        )
        self.store_failures = Counter(
            "laser_store_failures_total",
            "Operations that the store did not do",
            ["operation", "reason"],
            registry=r,
        )
        self.store_up = Gauge("laser_store_up", "0 while the store counts as away", ["lane"], registry=r)
        self.events = Counter("laser_events_total", "Events by what became of them", ["outcome"], registry=r)
        self.ready = Gauge("laser_ready", "1 while a forward pass works and the service is open", registry=r)
        self.bundle = Gauge("laser_bundle_info", "Always 1", ["bundle", "encoder", "service"], registry=r)
        self.bundle_swaps = Counter(
            "laser_bundle_swaps_total", "Bundles taken into service, by who asked", ["how"], registry=r
        )
        self.bundle_refusals = Counter(
            "laser_bundle_refusals_total",
            "Bundles that were not taken into service, by who asked",
            ["how"],
            registry=r,
        )
        self.bundle_behind = Gauge(
            "laser_bundle_behind", "1 while the published bundle cannot be taken into service", registry=r
        )
        self.bundle_seconds = Histogram(
            "laser_bundle_load_seconds", "Time to take a bundle into service", buckets=LOADING, registry=r
        )
        self.shadow_bundle = Gauge(
            "laser_shadow_bundle_info", "1 for the bundle in the shadow", ["bundle"], registry=r
        )
        self.shadow_requests = Counter(
            "laser_shadow_requests_total", "Requests for the shadow, by outcome", ["outcome"], registry=r
        )
        self.shadow_overlap = Histogram(
            "laser_shadow_overlap", "Share of the items that the shadow has too", buckets=SHARES, registry=r
        )
        self.items = Gauge("laser_catalogue_items", "Items in the catalogue", registry=r)

    def filter_seen(self, cached: bool) -> None:
        """A filter was asked for."""
        self.filters.labels(str(cached).lower()).inc()

    def render(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self.registry)
