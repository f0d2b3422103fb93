"""`python -m service.metric_list > ops/metrics.md`: every metric with its kind, its labels and what it says."""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.metrics import MetricWrapperBase

from service.metrics import Metrics

HEAD = """\
# Metrics

What `GET /metrics` says. Written by `python -m service.metric_list`; a test compares. A histogram `x` has the series
`x_bucket`, `x_sum` and `x_count`. Besides these there are `process_*` and `python_*`, as of every Python service.

| Metric | Kind | Labels | What it says |
|---|---|---|---|
"""


class Listed(NamedTuple):
    """One metric: `name` as it is written in queries, a histogram's without the suffix of a series."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query can select."""
        if self.kind == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)


def listed(metrics: Metrics) -> Iterator[Listed]:
    """Our own metrics, in the order of their definition."""
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            total = "_total" if family.type == "counter" else ""
            yield Listed(family.name + total, family.type, tuple(metric._labelnames), family.documentation)


def page() -> str:
    """ops/metrics.md."""
    rows = [
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.text} |\n"
        for each in listed(Metrics())
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    print(page(), end="")
