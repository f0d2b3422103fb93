"""A typed client of Laser's service, blocking and async.

from laser_client import Laser, RecommendRequest

with Laser("http://127.0.0.1:8000") as laser:
    answer = laser.recommend(RecommendRequest(history=["alien-1979"], constraint="no horror", k=5))

requests   what is sent            answers    what comes back (and change_, browse_, admin_answers)
calls      every call, once        errors     everything that can go wrong
retrying   when to ask again       exchange   a call from first attempt to answer, without input or output
blocking   Laser                   awaiting   AsyncLaser
"""

from laser_client.answers import BatchAnswer, BatchResponse, Problem, RecommendResponse, SimilarResponse
from laser_client.awaiting import AsyncLaser
from laser_client.blocking import Laser
from laser_client.errors import (
    AccessDenied,
    BadRequest,
    Conflict,
    DeadlineExceeded,
    LaserError,
    NoAnswer,
    NotFound,
    ProblemError,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
    problem_error,
)
from laser_client.options import VERSION
from laser_client.requests import (
    Condition,
    ConstraintPart,
    Diversity,
    Event,
    Exclude,
    Filter,
    HistoryItem,
    NewItem,
    RecommendRequest,
)
from laser_client.retrying import Retry

__all__ = [
    "VERSION",
    "AccessDenied",
    "AsyncLaser",
    "BadRequest",
    "BatchAnswer",
    "BatchResponse",
    "Condition",
    "Conflict",
    "ConstraintPart",
    "DeadlineExceeded",
    "Diversity",
    "Event",
    "Exclude",
    "Filter",
    "HistoryItem",
    "Laser",
    "LaserError",
    "NewItem",
    "NoAnswer",
    "NotFound",
    "Problem",
    "ProblemError",
    "RecommendRequest",
    "RecommendResponse",
    "Retry",
    "ServerError",
    "SimilarResponse",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
    "problem_error",
]
