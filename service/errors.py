"""Every error a client can get: its status, its stable code, what it says and what to do about it (RFC 9457).

Clients switch on `code`, which never changes its meaning; `detail` is for people. Texts may quote a request's
field names, never its sentences and titles: details reach tickets and chats.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.trace import Trace

MEDIA_TYPE = "application/problem+json"
SHOWN = 10  # of the errors in one request
ONE, BATCH = "(one)", "(batch)"  # the forms of a body that has two; no part of a field's path
LONGEST_PATH = 200  # characters of a field's path: keys come from the client


class Code(StrEnum):
    """Stable error codes."""

    INVALID_JSON = "invalid_json"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    INVALID_FILTER = "invalid_filter"
    LIMIT_EXCEEDED = "limit_exceeded"
    EMPTY_REQUEST = "empty_request"
    NO_STORED_HISTORY = "no_stored_history"
    ITEM_NOT_FOUND = "item_not_found"
    USER_NOT_FOUND = "user_not_found"
    BUNDLE_NOT_FOUND = "bundle_not_found"
    BUNDLE_REFUSED = "bundle_refused"
    BUNDLE_LOADING = "bundle_loading"
    MEMORY_MISSING = "memory_missing"
    BUNDLE_PINNED = "bundle_pinned"
    NO_EARLIER_BUNDLE = "no_earlier_bundle"
    BUNDLES_NOT_WRITABLE = "bundles_not_writable"
    FOREIGN_PAGE = "foreign_page"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    HOST_NOT_ALLOWED = "host_not_allowed"
    KEY_MISSING = "key_missing"
    KEY_INVALID = "key_invalid"
    SCOPE_MISSING = "scope_missing"
    RATE_LIMITED = "rate_limited"
    CLIENT_GONE = "client_gone"
    OVERLOADED = "overloaded"
    NOT_READY = "not_ready"
    STORE_UNAVAILABLE = "store_unavailable"
    CLOSING = "closing"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    ENCODING_FAILED = "encoding_failed"
    INTERNAL = "internal"


class Kind(NamedTuple):
    """What all errors of one code share."""

    status: int
    title: str
    what_to_do: str


KINDS: dict[Code, Kind] = {
    Code.INVALID_JSON: Kind(
        422, "The body is not strict JSON", "Send UTF-8 JSON with unique keys and finite numbers."
    ),
    Code.INVALID_FIELD: Kind(
        422, "A field has a wrong value", "Correct the field; /docs shows what it takes."
    ),
    Code.UNKNOWN_FIELD: Kind(
        422, "A field is not known", "Remove the field or correct its name; /docs lists all fields."
    ),
    Code.UNKNOWN_ATTRIBUTE: Kind(
        422, "The catalogue has no such attribute", "Use one of the catalogue's columns."
    ),
    Code.INVALID_FILTER: Kind(
        422, "The filter cannot be applied", "Correct the condition at the field named."
    ),
    Code.LIMIT_EXCEEDED: Kind(
        422, "A field is over its limit", "Send less, or have the server's limit raised."
    ),
    Code.EMPTY_REQUEST: Kind(422, "Nothing to recommend from", "Send a history, a constraint, or both."),
    Code.NO_STORED_HISTORY: Kind(
        422, "Nothing is stored for this user", "Send a history or a sentence, or the user's events first."
    ),
    Code.ITEM_NOT_FOUND: Kind(404, "The catalogue has no such item", "Check the item id."),
    Code.USER_NOT_FOUND: Kind(404, "Nothing is stored of this user", "Check the user id."),
    Code.BUNDLE_NOT_FOUND: Kind(404, "There is no such bundle", "GET /admin/bundles lists those there are."),
    Code.BUNDLE_REFUSED: Kind(
        409, "The bundle cannot be used", "Restore or re-index it; the one in service goes on."
    ),
    Code.BUNDLE_LOADING: Kind(
        503, "The bundle is being loaded", "Ask again after the seconds in Retry-After."
    ),
    Code.MEMORY_MISSING: Kind(
        503, "There is not enough memory for this bundle", "Give the process more, or start another for it."
    ),
    Code.BUNDLE_PINNED: Kind(
        409, "The process is held to one bundle", "Start it without LASER_BUNDLE or --bundle."
    ),
    Code.NO_EARLIER_BUNDLE: Kind(
        409, "There is no bundle to go back to", "Promote one by its id; GET /admin/bundles lists them."
    ),
    Code.BUNDLES_NOT_WRITABLE: Kind(
        503, "The bundles' folder cannot be written", "Run `laser bundles promote` where it can be."
    ),
    Code.FOREIGN_PAGE: Kind(
        403, "The request comes from another site's page", "Send it from this origin, or from no browser."
    ),
    Code.NOT_FOUND: Kind(404, "No such address", "See /docs for the addresses there are."),
    Code.METHOD_NOT_ALLOWED: Kind(
        405, "The address does not answer this method", "Use a method of the Allow header."
    ),
    Code.BODY_TOO_LARGE: Kind(
        413, "The body is too large", "Send a shorter history, or have the server's limit raised."
    ),
    Code.UNSUPPORTED_MEDIA_TYPE: Kind(
        415, "The body is not declared as JSON", "Send Content-Type: application/json."
    ),
    Code.HOST_NOT_ALLOWED: Kind(
        421, "The Host header is not allowed", "Add the name to LASER_ALLOWED_HOSTS."
    ),
    Code.KEY_MISSING: Kind(
        401, "The request brings no API key", "Send Authorization: Bearer KEY, or X-API-Key: KEY."
    ),
    Code.KEY_INVALID: Kind(
        401, "The API key is not valid", "Check the key; it may have been revoked or replaced."
    ),
    Code.SCOPE_MISSING: Kind(
        403, "The API key is not good for this", "Use a key with the scope named, or have one made."
    ),
    Code.RATE_LIMITED: Kind(429, "The API key asks too often", "Try again after the seconds in Retry-After."),
    Code.CLIENT_GONE: Kind(499, "The client closed the connection", "Wait for the answer."),
    Code.OVERLOADED: Kind(
        429, "Too many requests are waiting", "Try again after the seconds in Retry-After."
    ),
    Code.NOT_READY: Kind(503, "The service cannot answer now", "Try again after the seconds in Retry-After."),
    Code.STORE_UNAVAILABLE: Kind(
        503,
        "The store of users and events does not answer",
        "Send it again after the seconds in Retry-After.",
    ),
    Code.CLOSING: Kind(503, "The service is shutting down", "Try again; another replica will answer."),
    Code.DEADLINE_EXCEEDED: Kind(
        504,
        "There was no answer by the deadline",
        "Try again later; X-Deadline-Ms and LASER_DEADLINE_MS say how long a request may take.",
    ),
    Code.ENCODING_FAILED: Kind(
        500, "The encoder failed on this request", "Report the request_id; others still work."
    ),
    Code.INTERNAL: Kind(
        500, "Something went wrong here", "Report the request_id to whoever runs the service."
    ),
}


class FieldError(NamedTuple):
    """One thing that is wrong: with which field (a path such as history[0].item_id), and how."""

    field: str | None
    code: Code
    detail: str


class ApiError(HTTPException):
    """Raised anywhere while a request is answered; becomes a problem+json response.

    An HTTPException because FastAPI lets only those pass while it reads a body.
    """

    def __init__(
        self, code: Code, detail: str, field: str | None = None, retry_after: int | None = None
    ) -> None:
        headers = None if retry_after is None else {"Retry-After": str(retry_after)}
        super().__init__(KINDS[code].status, detail, headers)
        self.errors: tuple[FieldError, ...] = (FieldError(field, code, detail),)

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> "ApiError":
        """Several things wrong at once; the first decides code and status."""
        error = cls(errors[0].code, errors[0].detail, errors[0].field)
        error.errors = tuple(errors[:SHOWN])
        return error


def too_late() -> ApiError:
    """The deadline has passed."""
    return ApiError(Code.DEADLINE_EXCEEDED, "The time this request was given has passed.")


def problem(error: ApiError, trace: Trace) -> JSONResponse:
    """The response for an error, which its request's trace remembers."""
    trace.problem = error.errors[0].code
    body = problem_fields(error, trace.request_id)
    return JSONResponse(body, error.status_code, dict(error.headers or {}), MEDIA_TYPE)


def problem_fields(error: ApiError, request_id: str) -> dict[str, Any]:
    """What the response for an error says."""
    first = error.errors[0]
    kind = KINDS[first.code]
    body: dict[str, Any] = {
        "type": f"urn:laser:problem:{first.code}",
        "title": kind.title,
        "status": kind.status,
        "code": first.code,
        "field": first.field,
        "detail": first.detail,
        "what_to_do": kind.what_to_do,
        "request_id": request_id,
    }
    if len(error.errors) > 1:
        body["errors"] = [
            {"field": each.field, "code": each.code, "detail": each.detail} for each in error.errors
        ]
    return body


def from_http(error: HTTPException) -> ApiError:
    """What Starlette itself raises: no route, wrong method, a broken upload."""
    codes = {
        404: Code.NOT_FOUND,
        405: Code.METHOD_NOT_ALLOWED,
        413: Code.BODY_TOO_LARGE,
        415: Code.UNSUPPORTED_MEDIA_TYPE,
    }
    code = codes.get(error.status_code, Code.INVALID_JSON if error.status_code < 500 else Code.INTERNAL)
    translated = ApiError(code, KINDS[code].title + ".")
    translated.headers = error.headers
    return translated


def from_validation(errors: Sequence[Mapping[str, Any]]) -> ApiError:
    """Pydantic's list of errors, with our codes and field paths.

    Pydantic's messages do not quote the input.
    """
    return ApiError.of([_field_error(error) for error in errors])


def field_path(parts: Sequence[str | int]) -> str:
    """("history", 0, "item_id") -> "history[0].item_id"; the whole body is "body"."""
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path[:LONGEST_PATH] or "body"


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place, *path = error["loc"]  # place: body, query or path
    path = [part for part in path if part not in (ONE, BATCH)]
    kind = str(error["type"])
    if kind == "extra_forbidden":
        return FieldError(field_path(path), Code.UNKNOWN_FIELD, "This field is not known here.")
    if kind in ("too_long", "string_too_long", "less_than_equal"):
        return FieldError(field_path(path), Code.LIMIT_EXCEEDED, str(error["msg"]) + ".")
    if not path and place == "body":
        return FieldError("body", Code.INVALID_FIELD, "The body must be a JSON object.")
    return FieldError(
        field_path(path), Code.INVALID_FIELD, str(error["msg"]).removeprefix("Value error, ") + "."
    )
