"""What /metrics counts, from service/metrics.py."""

from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from docs.generated.tables import code, table
from service.metrics import Metrics


def markdown() -> str:
    """One row a metric, by name, with its labels."""
    registered = Metrics().registry._collector_to_names
    return table(
        ("metric", "type", "labels", "what it is"),
        sorted(_row(metric) for metric in registered if isinstance(metric, MetricWrapperBase)),
    )


def _row(metric: MetricWrapperBase) -> tuple[str, str, str, str]:
    (family,) = metric.describe()
    name = family.name + ("_total" if isinstance(metric, Counter) else "")
    return code(name), family.type, ", ".join(map(code, metric._labelnames)), family.documentation
