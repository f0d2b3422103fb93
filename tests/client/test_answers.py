"""What the clients make of answers that are not as expected, and what every request carries."""

from collections.abc import Callable

import httpx
import pytest

from laser_client import (
    AccessDenied,
    BadRequest,
    Conflict,
    DeadlineExceeded,
    Laser,
    NotFound,
    ProblemError,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
    problem_error,
)
from laser_client.answers import Problem
from laser_client.requests import Event, Exclude, HistoryItem, RecommendRequest
from tests.client.asking import Ask, Script

URL = "http://laser.test"


@pytest.fixture
def answered(client: Callable[..., Ask], face: str) -> Callable[[httpx.Response], tuple[Ask, Script]]:
    def make(reply: httpx.Response) -> tuple[Ask, Script]:
        script = Script([reply])
        return client(URL, "s3cret", **script.options(face)), script

    return make


Answered = Callable[[httpx.Response], tuple[Ask, Script]]


def problem(status: int) -> Problem:
    return Problem(
        type="t", title="T", status=status, code="c", field="k", detail="d.", what_to_do="w.", request_id="r"
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (413, BadRequest),
        (422, BadRequest),
        (401, AccessDenied),
        (403, AccessDenied),
        (404, NotFound),
        (409, Conflict),
        (429, TooManyRequests),
        (500, ServerError),
        (502, Unavailable),
        (503, Unavailable),
        (504, DeadlineExceeded),
    ],
)
def test_a_status_has_its_exception(status: int, kind: type[ProblemError]) -> None:
    error = problem_error(problem(status))
    assert type(error) is kind
    assert str(error) == f"{status} c, field k: d. w. (request r)"


def test_fields_and_words_that_are_new_are_passed_over(answered: Answered) -> None:
    ask, _ = answered(httpx.Response(200, json={"status": "lively", "mood": "good"}))
    assert ask("alive").model_dump() == {"status": "lively"}


def test_an_answer_of_something_else_is_named(answered: Answered) -> None:
    ask, script = answered(httpx.Response(200, html="<h1>Welcome to the intranet</h1>"))
    with pytest.raises(
        UnexpectedAnswer, match=r"GET /healthz was answered with 200, but the body"
    ) as strange:
        ask("alive")
    assert "intranet" not in str(strange.value)
    assert strange.value.request_id == script.asked[0].headers["X-Request-ID"]


def test_a_missing_field_is_named(answered: Answered) -> None:
    ask, _ = answered(httpx.Response(200, json={"serving": "a", "before": "b"}))
    with pytest.raises(UnexpectedAnswer, match="but seconds is not as expected"):
        ask("promote", "a")


def test_a_redirect_is_not_followed(answered: Answered) -> None:
    ask, script = answered(httpx.Response(302, headers={"Location": "http://elsewhere.test"}))
    with pytest.raises(UnexpectedAnswer, match="answered with 302, which leads elsewhere"):
        ask("alive")
    assert len(script.asked) == 1


def test_a_proxys_error_page_is_a_problem_too(answered: Answered) -> None:
    ask, script = answered(httpx.Response(500, html="<h1>Oops</h1>"))
    with pytest.raises(ServerError) as refused:
        ask("alive")
    assert (refused.value.status, refused.value.code, refused.value.field) == (500, "http_500", None)
    assert refused.value.request_id == script.asked[0].headers["X-Request-ID"]


def test_several_mistakes_are_all_there(answered: Answered) -> None:
    both = [{"field": "k", "code": "a", "detail": "x"}, {"field": "history", "code": "b", "detail": "y"}]
    ask, _ = answered(httpx.Response(422, json=problem(422).model_dump() | {"errors": both}))
    with pytest.raises(BadRequest) as refused:
        ask("alive")
    assert [each.field for each in refused.value.problem.errors] == ["k", "history"]


def test_every_request_carries_key_and_name(answered: Answered) -> None:
    ask, script = answered(httpx.Response(200, json={"status": "alive"}))
    ask("alive")
    headers = script.asked[0].headers
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["User-Agent"] == "laser-client/0.1.0"
    assert headers["Accept"] == "application/json"


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with Laser() as here:
        assert (here._options.url, here._options.key) == ("http://127.0.0.1:8000", None)
    monkeypatch.setenv("LASER_URL", "https://laser.example:8443/base")
    monkeypatch.setenv("LASER_API_KEY", "s3cret")
    with Laser() as there, Laser(URL, "other") as given:
        assert there._options.url == "https://laser.example:8443/base"
        assert there._options.headers()["Authorization"] == "Bearer s3cret"
        assert (given._options.url, given._options.key) == (URL, "other")
        assert "s3cret" not in repr(there._options)


def test_a_service_below_a_path_is_reached(client: Callable[..., Ask], face: str) -> None:
    script = Script([httpx.Response(200, json={"status": "alive"})])
    client("http://laser.test/base", **script.options(face))("alive")
    assert str(script.asked[0].url) == "http://laser.test/base/healthz"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "laser.test"}, "is no address of a service"),
        ({"url": "ftp://laser.test"}, "is no address of a service"),
        ({"url": "http://"}, "is no address of a service"),
        ({"timeout": 0.0}, "must be above 0"),
        ({"deadline": -1.0}, "must be above 0"),
        ({"key": "s3cret\n"}, "read with its line break"),
    ],
)
def test_what_cannot_be_right_is_refused_at_once(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        Laser(**given)  # type: ignore[arg-type]
    assert "s3cret" not in str(refused.value)


def test_only_what_was_said_is_sent() -> None:
    request = RecommendRequest(history=["a", HistoryItem(title="b")], exclude=Exclude(seen=False), k=10)
    assert request.json_body() == '{"history":[{"item_id":"a"},{"title":"b"}],"exclude":{"seen":false}}'
    assert RecommendRequest(k=9).json_body() == '{"k":9}'


def test_requests_are_frozen_and_known() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RecommendRequest().k = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        RecommendRequest(histroy=["a"])  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="history"):
        RecommendRequest(history="alien-1979")


def test_an_event_has_an_id_of_its_own_and_happens_now() -> None:
    first, second = (Event(user_id="u", item_id="i") for _ in range(2))
    assert first.event_id != second.event_id
    assert 1_700_000_000 < first.timestamp <= second.timestamp
    assert '"event_id":"' + first.event_id in first.json_body()
