"""Logs: one JSON object a line with its request's id, and not a word of a user, whoever logs, whatever goes wrong."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from service.logs import JsonFormatter, LibraryFormatter
from tests.image import ROOT
from tests.service.world import Running, wait_until

SECRET = "pssst"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """What the service has logged since the test began, as it would be written; none of it holds the secret."""

    def written() -> list[str]:
        return [JsonFormatter().format(record) for record in caplog.records if record.name == "laser"]

    with caplog.at_level(logging.DEBUG, logger="laser"):
        yield lambda: [json.loads(line) for line in written()]
        assert not [line for line in written() if SECRET in line]


def request_line(lines: Lines) -> dict[str, Any]:
    """The one request's line, which is written just after the answer is out."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines() if line["event"] == "request"]

    wait_until(lambda: bool(found()))
    [line] = found()
    return line


def test_a_request_is_one_line_with_its_id_route_status_and_times(live: Running, lines: Lines) -> None:
    answer = live.client.post(
        "/recommend", json={"constraint": f"nothing {SECRET}"}, headers={"X-Request-ID": "r7"}
    )
    assert answer.status_code == 200
    line = request_line(lines)
    assert list(line) == ["time", "level", "event", "request_id", "route", "caller", "status", "ms", "stages"]
    assert (line["level"], line["request_id"], line["route"], line["status"]) == (
        "info",
        "r7",
        "/recommend",
        200,
    )
    assert line["time"].endswith("+00:00")
    assert list(line["stages"]) == ["parse", "resolve", "wait", "encode", "search", "respond"]
    assert 0 < sum(line["stages"].values()) <= line["ms"] + 0.1


@pytest.mark.parametrize(
    ("method", "path", "body", "route", "problem"),
    [
        ("GET", f"/items/{SECRET}", None, "/items/{item_id:path}", "item_not_found"),
        ("DELETE", f"/users/{SECRET}", None, "/users/{user_id:path}", None),
        ("GET", f"/catalogue?q={SECRET}", None, "/catalogue", None),
        ("GET", f"/{SECRET}", None, "none", "not_found"),
        ("POST", "/recommend", {SECRET: SECRET}, "/recommend", "unknown_field"),
        ("POST", "/recommend", {"constraint": "x", "user_id": [SECRET]}, "/recommend", "invalid_field"),
        ("POST", "/recommend", {"filter": {"must": [{"key": SECRET, "eq": 1}]}, "constraint": "x"}, "/recommend",
         "invalid_filter"),
    ],
)  # fmt: skip
def test_nothing_that_a_client_wrote_is_in_a_line(
    live: Running, lines: Lines, method: str, path: str, body: object, route: str, problem: str | None
) -> None:
    live.client.request(method, path, json=body, headers={"X-Request-ID": f'{SECRET} "'})
    line = request_line(lines)
    assert (line["route"], line.get("problem")) == (route, problem)


def test_an_error_is_its_type_and_its_places(fragile: Callable[..., Running], lines: Lines) -> None:
    server = fragile()
    response = server.post(constraint=f"poison {SECRET}")  # the fake's message quotes the sentence
    assert response.status_code == 500
    [failure] = [line for line in lines() if line["level"] == "error"]
    assert (failure["error"], failure["request_id"]) == ("ValueError", response.json()["request_id"])
    assert failure["at"][-1].endswith("tokenize_constraint")


def test_a_line_stays_one_line_whatever_is_in_it() -> None:
    record = logging.makeLogRecord(
        {"msg": "a\nb", "fields": {"x": 'c\n"d"', "y": "\u2028"}, "levelname": "INFO"}
    )
    line = JsonFormatter().format(record)
    assert line.splitlines() == [line]
    assert json.loads(line)["x"] == 'c\n"d"'


def test_a_librarys_record_says_where_and_not_what() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        record = logging.getLogger("asyncio").makeRecord(
            "asyncio", logging.ERROR, "base_events.py", 7, f"task failed: {SECRET} %s", ("x",), sys.exc_info()
        )
    line = json.loads(LibraryFormatter().format(record))
    assert line["at"].pop().endswith("test_a_librarys_record_says_where_and_not_what")
    assert {name: line[name] for name in line if name != "time"} == {
        "level": "error",
        "event": "library",
        "logger": "asyncio",
        "from": "base_events.py:7",
        "error": "ValueError",
        "at": [],
    }


def test_everything_a_process_says_is_json_without_the_words_of_users() -> None:
    """A process, because `configure` takes hold of the whole of one: root logger, warnings, threads."""
    script = f"""
import asyncio, logging, threading, warnings
from service import logs
logs.configure("info")
logs.event(logging.INFO, "ours", request_id="r1")
logging.getLogger("uvicorn.error").error("theirs", exc_info=ValueError("{SECRET}"))
logging.getLogger("some.library").warning("it quotes {SECRET}")
logging.getLogger("some.library").info("not shown")
warnings.warn("it quotes {SECRET}")
def die():
    raise ValueError("{SECRET}")
thread = threading.Thread(target=die, name="laser-encode")
thread.start()
thread.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert SECRET not in done.stderr
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["event"]) for line in said] == [
        ("info", "ours"),
        ("error", "theirs"),
        ("warning", "library"),
        ("warning", "python warning"),
        ("error", "thread died"),
    ]
    assert (said[1]["error"], said[2]["logger"]) == ("ValueError", "some.library")
    assert (said[3]["category"], said[3]["from"]) == ("UserWarning", "<string>:9")
    assert (said[4]["thread"], said[4]["error"]) == ("laser-encode", "ValueError")
    assert said[4]["at"][-1].endswith("die")
