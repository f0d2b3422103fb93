"""POST /recommend/batch as pydantic models: several requests, each answered as it would be alone."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema

from service.base_schemas import Request
from service.errors import ApiError, Code
from service.schemas import Problem, RecommendResponse
from service.settings import Settings

# Checked one by one, for a mistake in one must not refuse the others: to the batch any value is right.
OneRequest = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"$ref": "#/components/schemas/RecommendRequest"},
                {"description": "anything else is answered with a problem of its own"},
            ]
        }
    ),
]


class BatchRequest(Request):
    """At least one request, each a body of POST /recommend."""

    requests: list[OneRequest] = Field(min_length=1)


class BatchAnswer(BaseModel):
    """What POST /recommend would have answered: `answer` with status 200, `problem` with any other."""

    status: int
    answer: RecommendResponse | None = None
    problem: Problem | None = None
    retry_after: int | None = Field(None, description="seconds, with 429 and 503")


class BatchResponse(BaseModel):
    """One answer for each request, in their order."""

    request_id: str = Field(description="the n-th answer has this one and -n, counted from 0")
    answers: list[BatchAnswer]


def check_batch(batch: BatchRequest, settings: Settings) -> None:
    """Raise ApiError (422, limit_exceeded) for more requests than LASER_MAX_BATCH."""
    size, most = len(batch.requests), settings.max_batch
    if size > most:
        raise ApiError(Code.LIMIT_EXCEEDED, f"At most {most} requests; this has {size}.", "requests")
