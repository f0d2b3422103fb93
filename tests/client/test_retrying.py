"""When both clients ask again and how long they wait, against a script; no second of it is real."""

import json
from collections.abc import Callable

import httpx
import pytest

from laser_client import (
    AsyncLaser,
    DeadlineExceeded,
    Event,
    Laser,
    LaserError,
    NoAnswer,
    RecommendRequest,
    Retry,
    TooManyRequests,
    Unavailable,
)
from laser_client.retrying import retry_after, seconds_to_wait
from tests.client.asking import Ask, Script

PROBLEM = {
    "type": "urn:laser:problem:overloaded",
    "title": "Too many requests are waiting",
    "status": 429,
    "code": "overloaded",
    "field": None,
    "detail": "Too many wait.",
    "what_to_do": "Try again.",
    "request_id": "r1",
}
URL = "http://laser.test"
Begin = Callable[..., tuple[Ask, Script]]


def alive() -> httpx.Response:
    return httpx.Response(200, json={"status": "alive"})


def busy(status: int = 429, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=PROBLEM | {"status": status}, headers=named)


@pytest.fixture
def begin(client: Callable[..., Ask], face: str) -> Begin:
    """A client of a script with these replies; some options are the script's, the rest the client's."""

    def make(*replies: httpx.Response | type[httpx.RequestError], **options: object) -> tuple[Ask, Script]:
        own = {name: options.pop(name) for name in ("latency", "chance", "oversleeps") if name in options}
        script = Script(list(replies), **own)  # type: ignore[arg-type]
        return client(URL, **script.options(face, **options)), script

    return make


def test_a_good_answer_is_asked_for_once(begin: Begin) -> None:
    ask, script = begin(alive())
    assert ask("alive").status == "alive"
    assert (len(script.asked), script.slept) == (1, [])


def test_the_wait_is_a_random_part_of_a_bound_that_doubles(begin: Begin) -> None:
    ask, script = begin(busy(429), busy(502), busy(503), alive(), chance=0.5)
    assert ask("alive").status == "alive"
    assert script.slept == [0.5, 1.0, 2.0]  # half of 1, 2 and 4 seconds


def test_the_bound_ends_at_the_longest_wait() -> None:
    assert [seconds_to_wait(Retry(10, 1.0, 5.0), n, None, 1.0) for n in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]


def test_after_the_last_attempt_the_refusal_is_raised(begin: Begin) -> None:
    ask, script = begin(*(busy(retry_after="2") for _ in range(4)))
    with pytest.raises(TooManyRequests) as refused:
        ask("alive")
    assert (len(script.asked), len(script.slept)) == (4, 3)
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (429, "overloaded", 2.0)
    assert refused.value.detail == "Too many wait."
    assert str(refused.value) == "429 overloaded: Too many wait. Try again. (request r1)"


def test_retry_after_in_seconds_is_waited_for_and_a_little_more(begin: Begin) -> None:
    ask, script = begin(busy(503, retry_after="7"), alive(), chance=0.25)
    ask("alive")
    assert script.slept == [7.25]


def test_retry_after_as_a_date_is_waited_for(begin: Begin) -> None:
    ask, script = begin(busy(503, retry_after="Sun, 09 Sep 2001 01:46:52 GMT"), alive(), chance=0.0)
    ask("alive")
    assert script.slept == [12.0]  # the script's calendar begins at 01:46:40


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Sun, 09 Sep 2001 01:46:39 GMT", 0.0),  # has passed
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("²", None),
        ("", None),
    ],
)
def test_what_retry_after_can_say(value: str, seconds: float | None) -> None:
    reply = httpx.Response(503, headers=[(b"Retry-After", value.encode("latin-1"))])
    assert retry_after(reply, now=1_000_000_000) == seconds


def test_longer_than_the_longest_wait_is_not_waited_for(begin: Begin) -> None:
    ask, script = begin(busy(503, retry_after="31"))
    with pytest.raises(Unavailable) as refused:
        ask("alive")
    assert (refused.value.retry_after, script.slept) == (31.0, [])


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 504])
def test_what_will_not_be_better_is_not_asked_again(begin: Begin, status: int) -> None:
    ask, script = begin(busy(status))
    with pytest.raises(LaserError):
        ask("alive")
    assert script.slept == []


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_no_answer_is_asked_again_and_at_last_named(begin: Begin, error: type[httpx.RequestError]) -> None:
    ask, script = begin(error, alive())
    assert ask("alive").status == "alive"
    ask, script = begin(*[error] * 4)
    said = f"GET /healthz got no answer from {URL}, asked 4 times \\({error.__name__}: it broke\\)"
    with pytest.raises(NoAnswer, match=said) as missing:
        ask("alive")
    assert isinstance(missing.value.__cause__, error)
    assert missing.value.request_id == script.asked[0].headers["X-Request-ID"]


def test_an_event_is_repeated_as_the_same_event(begin: Begin) -> None:
    stored = httpx.Response(200, json={"request_id": "r", "outcomes": ["duplicate"], "unknown_items": []})
    ask, script = begin(httpx.ReadTimeout, stored)
    assert ask("send_event", Event(user_id="u", item_id="i")).outcomes == ("duplicate",)
    first, second = [json.loads(request.content) for request in script.asked]
    assert first == second
    assert len(first["event_id"]) == 32


@pytest.mark.parametrize("reply", [httpx.ReadTimeout, httpx.RemoteProtocolError, 429, 503])
def test_a_roll_back_that_may_have_arrived_is_not_repeated(
    begin: Begin, reply: type[httpx.RequestError] | int
) -> None:
    ask, script = begin(busy(reply) if isinstance(reply, int) else reply)
    with pytest.raises(LaserError):
        ask("roll_back")
    assert (len(script.asked), script.slept) == (1, [])


def test_a_roll_back_that_was_not_sent_is_sent_again(begin: Begin) -> None:
    done = httpx.Response(200, json={"serving": "a", "before": "b", "seconds": 0.1})
    ask, script = begin(httpx.ConnectError, done)
    assert ask("roll_back").serving == "a"
    assert len(script.asked) == 2


def test_all_attempts_have_one_request_id_and_each_call_its_own(begin: Begin) -> None:
    ask, script = begin(busy(), alive(), alive())
    ask("alive")
    ask("alive")
    first, again, other = [request.headers["X-Request-ID"] for request in script.asked]
    assert first == again != other


def test_each_attempt_says_what_is_left_of_the_deadline(begin: Begin) -> None:
    ask, script = begin(busy(retry_after="1"), alive(), deadline=3.0, latency=0.5, chance=0.0)
    ask("alive")
    assert [request.headers["X-Deadline-Ms"] for request in script.asked] == ["3000", "1500"]
    limits = [request.extensions["timeout"]["read"] for request in script.asked]
    assert limits == [3.0, 1.5]


def test_no_wait_goes_beyond_the_deadline(begin: Begin) -> None:
    ask, script = begin(busy(retry_after="2"), deadline=2.0, chance=0.0)
    with pytest.raises(TooManyRequests):
        ask("alive")
    assert script.slept == []


def test_a_timeout_at_the_deadline_is_the_deadline(begin: Begin) -> None:
    ask, _ = begin(httpx.ReadTimeout, deadline=2.0, latency=2.0)
    with pytest.raises(DeadlineExceeded) as late:
        ask("alive")
    assert (late.value.code, late.value.status) == ("deadline_exceeded", 504)


def test_who_wakes_too_late_does_not_ask(begin: Begin) -> None:
    ask, script = begin(busy(), alive(), deadline=2.0, chance=0.5, oversleeps=5.0)
    with pytest.raises(DeadlineExceeded):
        ask("alive")
    assert len(script.asked) == 1


def test_without_a_deadline_none_is_sent_and_others_are_what_the_service_takes(begin: Begin) -> None:
    ask, script = begin(alive())
    ask("alive")
    assert "X-Deadline-Ms" not in script.asked[0].headers
    ask, script = begin(alive(), deadline=3600.0)
    ask("alive")
    assert script.asked[0].headers["X-Deadline-Ms"] == "600000"
    ask, script = begin(alive(), deadline=0.000_4)
    ask("alive")
    assert script.asked[0].headers["X-Deadline-Ms"] == "1"


@pytest.mark.parametrize("kind", [Laser, AsyncLaser])
def test_within_changes_the_deadline_of_its_calls_alone(kind: type[Laser] | type[AsyncLaser]) -> None:
    patient = kind(URL, deadline=9.0)
    hasty = patient.within(0.2)
    assert (patient._options.deadline, hasty._options.deadline) == (9.0, 0.2)
    assert hasty._http is patient._http


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first": -1.0}, {"longest": -1.0}])
def test_a_policy_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least one attempt"):
        Retry(**wrong)  # type: ignore[arg-type]


def test_a_recommendation_is_repeated(begin: Begin) -> None:
    ask, script = begin(httpx.ReadTimeout, httpx.Response(404, json=PROBLEM | {"status": 404}))
    with pytest.raises(LaserError):
        ask("recommend", RecommendRequest(history=["a"]))
    assert [request.content for request in script.asked] == [b'{"history":[{"item_id":"a"}]}'] * 2
