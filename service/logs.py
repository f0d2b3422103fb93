"""Structured logs: one JSON object a line, with request ids and without a word that a user wrote.

No message takes text from a request. An exception is logged as its type and the places it passed, never its
message, since messages quote values. Of what libraries log, of warnings and of threads that die, the message stays
out for the same reason: where they came from says enough.
"""

import json
import logging
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from typing import Any, TextIO

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


class LibraryFormatter(JsonFormatter):
    """The same of a library's record, without its message."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        fields = {"logger": record.name, "from": f"{record.pathname}:{record.lineno}"}
        bare = logging.makeLogRecord(record.__dict__ | {"msg": "library", "args": None, "fields": fields})
        return super().format(bare)


def configure(level: str) -> None:
    """Send our logs, uvicorn's and OpenTelemetry's to stderr as JSON lines, and all others' without their messages."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("laser", "uvicorn.error", "opentelemetry"):
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.propagate = False
        target.setLevel(level.upper())
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(LibraryFormatter())
    logging.getLogger().handlers = [others]
    warnings.showwarning = _log_warning
    threading.excepthook = _log_death


def event(level: int, name: str, **fields: Any) -> None:
    """Log an event with fields.

    Nothing that came from a client goes in here, apart from its checked request id.
    """
    logger.log(level, name, extra={"fields": fields})


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """In the place of warnings.showwarning."""
    event(logging.WARNING, "python warning", category=category.__name__, **{"from": f"{filename}:{lineno}"})


def _log_death(death: threading.ExceptHookArgs) -> None:
    """In the place of threading.excepthook."""
    described = {} if death.exc_value is None else describe(death.exc_value)
    event(logging.ERROR, "thread died", thread=death.thread.name if death.thread else None, **described)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception's type and the places it passed, innermost last; its message stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
