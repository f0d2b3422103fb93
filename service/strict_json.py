"""Strict JSON: what two readers might understand differently is refused, by name.

Refused: duplicate keys, NaN and Infinity (also 1e999), integers beyond 64 bits, lone surrogates, nesting over
32, anything but UTF-8. The parser replaces each by a marker, a walk over the result then knows the path to
it.
"""

import json
import math
from typing import Any, NoReturn

from service.errors import ApiError, Code, field_path

MAX_DEPTH = 32
INT64 = range(-(2**63), 2**63)

Path = tuple[str | int, ...]


class Refused:
    """Stands in the parsed tree where something was not strict JSON."""

    def __init__(self, why: str) -> None:
        self.why = why


class Duplicated(dict[str, Any]):
    """An object in which `key` came twice."""

    key: str


def loads(body: bytes) -> Any:
    """Parse a request body. Raises ApiError (422, invalid_json) that names the field."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ApiError(Code.INVALID_JSON, f"The body is not UTF-8 at byte {error.start}.", "body") from error
    try:
        parsed = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        detail = f"{error.msg} at line {error.lineno}, column {error.colno}."
        raise ApiError(Code.INVALID_JSON, detail, "body") from error
    except RecursionError as error:
        raise ApiError(Code.INVALID_JSON, f"Nested deeper than {MAX_DEPTH} levels.", "body") from error
    _check(parsed, ())
    return parsed


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    duplicated = Duplicated(result)
    keys = [key for key, _ in pairs]
    duplicated.key = next(key for place, key in enumerate(keys) if key in keys[:place])
    return duplicated


def _integer(digits: str) -> int | Refused:
    # Length first: converting a million digits would take seconds.
    number = int(digits) if len(digits) <= 20 else None
    return (
        number if number is not None and number in INT64 else Refused("This integer does not fit in 64 bits.")
    )


def _number(digits: str) -> float | Refused:
    number = float(digits)
    return number if math.isfinite(number) else Refused("This number is too large.")


def _constant(name: str) -> Refused:
    return Refused(f"{name} is not a JSON number.")


def _check(value: Any, path: Path) -> None:
    """Walk the tree; the first thing refused raises."""
    if isinstance(value, str):
        if not _is_unicode(value):
            _refuse("This text holds half of a surrogate pair.", path)
    elif isinstance(value, Refused):
        _refuse(value.why, path)
    elif isinstance(value, dict | list):
        if len(path) >= MAX_DEPTH:
            _refuse(f"Nested deeper than {MAX_DEPTH} levels.", path)
        if isinstance(value, Duplicated):
            _refuse("This key stands twice in one object.", (*path, value.key))
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in entries:
            if isinstance(key, str) and not _is_unicode(key):
                _refuse("A key in here holds half of a surrogate pair.", path)
            _check(entry, (*path, key))


def _refuse(why: str, path: Path) -> NoReturn:
    raise ApiError(Code.INVALID_JSON, why, _printable(field_path(path)))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(path: str) -> str:
    return path.encode(errors="replace").decode()
