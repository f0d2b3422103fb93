"""What /metrics counts, as service/metric_list.py lists it."""

from docs.generated.tables import code, table
from service.metric_list import listed
from service.metrics import Metrics


def markdown() -> str:
    """One row a metric, with its labels."""
    rows = [
        (code(one.name), one.kind, ", ".join(map(code, one.labels)), one.text) for one in listed(Metrics())
    ]
    return table(("metric", "type", "labels", "what it is"), rows)
