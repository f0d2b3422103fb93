"""Everything that can go wrong with a call, as exceptions.

    LaserError
      NoAnswer              nothing came back: no connection, a timeout, a broken one
      UnexpectedAnswer      2xx, but not what this client understands: is this the service's address?
      ProblemError          the service, or what stands before it, refused; by status:
        BadRequest          4xx: correct the request (`field` says where)
        AccessDenied        401, 403: the key is missing, wrong, or not good for this
        NotFound            404: no such item, user or bundle
        Conflict            409: a bundle cannot be used, or not now
        TooManyRequests     429: still, after all attempts
        Unavailable         502, 503: still, after all attempts
        DeadlineExceeded    504, or the call's deadline passed here
        ServerError         any other 5xx: report the request_id

Switch on `code`, which never changes its meaning; `detail` is for people. Texts never hold keys.
"""

import httpx
from pydantic import ValidationError

from laser_client.answers import Problem


class LaserError(Exception):
    """Base of all of them. `request_id` is that of all attempts; it is in the service's log too."""

    def __init__(self, message: str, request_id: str) -> None:
        super().__init__(message)
        self.request_id = request_id


class NoAnswer(LaserError):
    """Nothing came back. `__cause__` is httpx's error."""


class UnexpectedAnswer(LaserError):
    """The answer is not one of this service, or of a version that this client does not understand."""


class ProblemError(LaserError):
    """A problem that was answered; `retry_after` in seconds, where the service said so."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        place = f", field {problem.field}" if problem.field else ""
        said = f"{problem.status} {problem.code}{place}: {problem.detail} {problem.what_to_do}"
        super().__init__(f"{said} (request {problem.request_id})", problem.request_id)
        self.problem = problem
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The stable code, such as "limit_exceeded"; "http_STATUS" where no problem+json came."""
        return self.problem.code

    @property
    def field(self) -> str | None:
        """The path of the field that is wrong, such as history[0].item_id."""
        return self.problem.field

    @property
    def detail(self) -> str:
        """What is wrong, for people."""
        return self.problem.detail


class BadRequest(ProblemError):
    """4xx: correct the request."""


class AccessDenied(ProblemError):
    """401 or 403."""


class NotFound(ProblemError):
    """404."""


class Conflict(ProblemError):
    """409."""


class TooManyRequests(ProblemError):
    """429."""


class Unavailable(ProblemError):
    """502 or 503."""


class DeadlineExceeded(ProblemError):
    """504, or the deadline passed here."""


class ServerError(ProblemError):
    """Any other 5xx."""


KINDS: dict[int, type[ProblemError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}


def problem_error(problem: Problem, retry_after: float | None = None) -> ProblemError:
    """The exception of a problem, also of one in a batch: `raise problem_error(answer.problem)`."""
    other = ServerError if problem.status >= 500 else BadRequest
    return KINDS.get(problem.status, other)(problem, retry_after)


def problem_in(response: httpx.Response, request_id: str) -> Problem:
    """The response's problem; one made of its status where something else than the service answered."""
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return Problem(
            type="about:blank",
            title=response.reason_phrase,
            status=response.status_code,
            code=f"http_{response.status_code}",
            field=None,
            detail=f"{response.reason_phrase or 'An answer'} without problem+json.",
            what_to_do="Look at what stands between this client and the service.",
            request_id=request_id,
        )


def deadline_passed(request_id: str) -> DeadlineExceeded:
    """The call's deadline passed on this side."""
    return DeadlineExceeded(
        Problem(
            type="urn:laser:problem:deadline_exceeded",
            title="There was no answer by the deadline",
            status=504,
            code="deadline_exceeded",
            field=None,
            detail="The deadline passed before an answer came.",
            what_to_do="Try again later, or give the call longer.",
            request_id=request_id,
        )
    )
