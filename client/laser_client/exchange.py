"""One call from its first attempt to its answer, without any input or output: what both clients have in common.

    request() -> what to send now
    settle(reply) -> the answer, or a Wait until the next request(); raises LaserError when it is over

The clock, the calendar and chance come from a World, so that a test can hold them still. The deadline covers all
attempts and the waits between them, and every attempt tells the service what is left of it.
"""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

import httpx
from pydantic import ValidationError

from laser_client.calls import A, Call
from laser_client.errors import (
    LaserError,
    NoAnswer,
    UnexpectedAnswer,
    deadline_passed,
    problem_error,
    problem_in,
)
from laser_client.options import Options
from laser_client.retrying import may_repeat, retry_after, seconds_to_wait

LONGEST_DEADLINE_MS = 600_000  # more than this the service does not take


@dataclass(frozen=True)
class World:
    """What a call asks of the world: seconds that only grow, seconds since 1970, a number from 0 to 1."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


@dataclass(frozen=True)
class Wait:
    """Wait so many seconds, then ask again."""

    seconds: float


class Exchange(Generic[A]):
    """The attempts of one call. All have one X-Request-ID."""

    def __init__(self, call: Call[A], options: Options, world: World) -> None:
        self._call, self._options, self._world = call, options, world
        self._began = world.clock()
        self._attempt = 0
        self._request_id = uuid.uuid4().hex

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The next attempt. Raises DeadlineExceeded where no time is left for one."""
        self._attempt += 1
        call, left = self._call, self._left()
        if left is not None and left <= 0:
            raise deadline_passed(self._request_id)
        headers = {"X-Request-ID": self._request_id}
        if left is not None:
            headers["X-Deadline-Ms"] = str(min(max(int(left * 1000), 1), LONGEST_DEADLINE_MS))
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return http.build_request(
            call.method,
            call.path,
            params=dict(call.query) or None,
            content=None if call.body is None else call.body.json_body(),
            headers=headers,
            timeout=self._options.timeout if left is None else min(self._options.timeout, left),
        )

    def settle(self, reply: httpx.Response | httpx.RequestError) -> A | Wait:
        """What the reply comes to. Raises LaserError where there is nothing more to try."""
        if isinstance(reply, httpx.Response) and reply.is_success:
            return self._read(reply)
        asked = retry_after(reply, self._world.now()) if isinstance(reply, httpx.Response) else None
        wait = self._wait(reply, asked)
        if wait is not None:
            return wait
        if isinstance(reply, httpx.Response):
            raise self._refused(reply, asked)
        raise self._unanswered(reply) from reply

    def _wait(self, reply: httpx.Response | httpx.RequestError, asked: float | None) -> Wait | None:
        retry, left = self._options.retry, self._left()
        if self._attempt >= retry.attempts or not may_repeat(self._call, reply):
            return None
        if asked is not None and asked > retry.longest:
            return None
        seconds = seconds_to_wait(retry, self._attempt, asked, self._world.chance())
        return None if left is not None and seconds >= left else Wait(seconds)

    def _left(self) -> float | None:
        """Seconds until the deadline; None without one."""
        deadline = self._options.deadline
        return None if deadline is None else deadline - (self._world.clock() - self._began)

    def _read(self, response: httpx.Response) -> A:
        try:
            return self._call.answer.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the body"
            raise UnexpectedAnswer(
                f"{self._asked()} was answered with {response.status_code}, but {place} is not as expected "
                f"({first['msg']}): is {response.url.host} this service, and of a version that this client knows?",
                self._request_id,
            ) from error

    def _refused(self, response: httpx.Response, asked: float | None) -> LaserError:
        if response.status_code < 400:
            return UnexpectedAnswer(
                f"{self._asked()} was answered with {response.status_code}, which leads elsewhere and is not followed: "
                "give the client the service's own address.",
                self._request_id,
            )
        return problem_error(problem_in(response, self._request_id), asked)

    def _unanswered(self, error: httpx.RequestError) -> LaserError:
        left = self._left()
        if left is not None and left <= 0:
            return deadline_passed(self._request_id)
        how = f"{type(error).__name__}: {error}".removesuffix(": ")
        times = "once" if self._attempt == 1 else f"{self._attempt} times"
        said = f"{self._asked()} got no answer from {self._options.url}, asked {times} ({how})"
        return NoAnswer(said, self._request_id)

    def _asked(self) -> str:
        """What was asked, without ids: messages end in logs."""
        return f"{self._call.method} /{self._call.path.split('/')[1]}"
