"""What an API key may be good for. Each scope covers its own routes and no others."""

from enum import StrEnum

DEFAULT_TENANT = "default"


class Scope(StrEnum):
    """recommend: ask for items; write: events, users and items; admin: bundles, and metrics; metrics: those alone."""

    RECOMMEND = "recommend"
    WRITE = "write"
    ADMIN = "admin"
    METRICS = "metrics"
