"""Structured logs: one JSON object a line, with request ids and without a word that a user wrote.

No message takes text from a request. An exception is logged as its type and the places it passed, never its
message, since messages quote values.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("laser")


class JsonFormatter(logging.Formatter):
    """time, level, event, then the fields given with `event`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= describe(record.exc_info[1])
        return json.dumps(line)


def configure(level: str) -> None:
    """Send our logs, uvicorn's and OpenTelemetry's to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("laser", "uvicorn.error", "opentelemetry"):
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.propagate = False
        target.setLevel(level.upper())


def event(level: int, name: str, **fields: Any) -> None:
    """Log an event with fields.

    Nothing that came from a client goes in here, apart from its checked request id.
    """
    logger.log(level, name, extra={"fields": fields})


def describe(error: BaseException) -> dict[str, Any]:
    """An exception's type and the places it passed, innermost last; its message stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
