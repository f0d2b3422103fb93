"""Run by schemathesis: requests that fit the document are brought within what this service's catalogue and clock allow.

The document cannot say which attributes a catalogue has, how large k may be, or what time it is, so that random
requests would nearly all be refused for one of these, and what comes after would never be reached. Of the requests that
fit the document most are mended here; the rest, and all wrong ones, go out as they are.
"""

from typing import Any

import schemathesis

KEPT_AS_THEY_ARE = 4  # one request of so many
UNKNOWN = {
    "attributes",
    "cursor",
    "filter",
}  # what they may hold is known to the catalogue, or to an earlier answer
DEADLINE = "X-Deadline-Ms"
LARGEST = {"k": 20, "timestamp": 1_700_000_000}


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Called with the document: takes the deadline's header out of it.

    A deadline of a millisecond is rightly answered by a 504; and where an operation has a header, schemathesis takes
    any other header for wrong data, which a service has to let pass. The tests of the service ask for deadlines.
    """
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            given = operation.get("parameters", [])
            operation["parameters"] = [each for each in given if each["name"] != DEADLINE]


@schemathesis.hook
def before_call(context: Any, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Called before each request."""
    meta = case.meta
    fits = meta is not None and meta.generation.mode is schemathesis.GenerationMode.POSITIVE
    if fits and isinstance(case.body, dict) and len(repr(case.body)) % KEPT_AS_THEY_ARE:
        case.body = mended(case.body)


def mended(value: Any) -> Any:
    """Without what only the catalogue knows, and with numbers that are small enough, at every depth."""
    if isinstance(value, list):
        return [mended(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: min(each, LARGEST[name]) if name in LARGEST and isinstance(each, int | float) else mended(each)
        for name, each in value.items()
        if name not in UNKNOWN
    }
