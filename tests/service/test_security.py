"""What the service promises whoever trusts it with texts and users: none of it in logs, nothing left of the deleted.

Beside it: who may ask (access/), the Host header (test_bad_input), pages (playground/), bundle ids and links
(tests/index/test_bundle), virtual tokens (tests/model/test_prompts), archives that expand (tests/training/test_data).
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import users as users_module
from service.access.issuing import Wish, create
from service.access.scopes import Scope
from tests.service.test_bad_input import refused
from tests.service.test_server import ROOT, environment
from tests.service.world import Running, wait_until

Start = Callable[..., Running]
T = 1_700_000_000
LOCKED_DOWN = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

# Every place in which a client can write, each with a word that is found nowhere else.
BODIES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/recommend", {"history": [{"title": "mk-title", "attributes": {"brand": "mk-value"}}], "k": 1}),
    (
        "POST",
        "/recommend",
        {"history": [{"item_id": "mk-item"}], "constraint": "no mk-sentence under 5", "k": 1},
    ),
    ("POST", "/recommend", {"user_id": "mk-user", "constraint": "mk-sentence", "explain": True}),
    ("POST", "/recommend", {"user_id": "mk-user"}),
    ("POST", "/recommend", {"history": [{"mk-field": "mk-value"}], "constraint": ["mk-sentence"]}),
    ("POST", "/recommend", {"constraint": "x", "filter": {"must": [{"key": "mk-key", "eq": "mk-value"}]}}),
    ("POST", "/recommend", {"constraint": "x", "filter": {"must": [{"key": "brand", "eq": "mk-value"}]}}),
    ("POST", "/recommend", {"constraint": "x", "exclude": {"item_ids": ["mk-item"]}, "cursor": "mk-cursor"}),
    ("POST", "/events", {"user_id": "mk-user", "event_id": "mk-event", "item_id": "mk-item", "timestamp": T}),
    ("POST", "/events", {"events": [{"user_id": "mk-user", "event_id": "mk-event", "mk-field": "mk-item"}]}),
    ("GET", "/users/mk-user", None),
    ("DELETE", "/users/mk-user", None),
    ("GET", "/items/mk-item", None),
    ("GET", "/items/mk-item/similar?k=mk-query", None),
    ("GET", "/items?query=mk-query", None),
    ("GET", "/mk-path?mk-query=mk-query", None),
    ("POST", "/admin/bundles/mk-bundle/promote", None),
)
RAW = (
    b'{"history": [{"title": "mk-title"',
    b'{"mk-field": NaN, "constraint": "mk-sentence"}',
    b'"mk-title"',
    b"mk-",
)


def ask_everything(url: str, key: str) -> list[int]:
    """The statuses of one request for each place that a client can write in."""
    headers = {
        "Authorization": f"Bearer {key}",
        "User-Agent": "mk-agent",
        "X-Request-ID": "mk-a b",
        "Cookie": "a=mk-cookie",
    }
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        answers = [client.request(method, path, json=body) for method, path, body in BODIES]
        kind = {"Content-Type": "application/json"}
        answers += [client.post("/recommend", content=content, headers=kind) for content in RAW]
        answers.append(client.get("/items/i1", headers={"Authorization": "Bearer laser_mk-key"}))
        answers.append(client.get("/items/i1", headers={"Host": "mk-host.example"}))
    return [answer.status_code for answer in answers]


@contextmanager
def serving(**settings: str) -> Iterator[tuple[str, Path]]:
    """The service as a process: (url, the file of all that it writes)."""
    log = Path(settings.pop("log"))
    with log.open("wb") as file:
        command = [sys.executable, "-m", "service"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(**settings), stdout=file, stderr=file)
    try:
        wait_until(lambda: b'"serving", "url": "' in log.read_bytes() or process.poll() is not None, 120)
        yield log.read_text().split('"url": "')[1].split('"')[0], log
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow  # starts two services
@pytest.mark.parametrize("store", ["there", "away"])
def test_nothing_that_anybody_wrote_or_keeps_secret_is_in_any_log(
    bundles: Path, tmp_path: Path, store: str
) -> None:
    issued = create(tmp_path / "keys.json", Wish("shop", tuple(Scope)))
    given = {"LASER_BUNDLES": str(bundles), "LASER_KEYS_FILE": str(tmp_path / "keys.json")}
    given |= {
        "LASER_LOG_LEVEL": "debug",
        "LASER_DRAIN_SECONDS": "0",
        "LASER_STATE": str(tmp_path / "state.sqlite"),
    }
    if store == "away":
        given["LASER_REDIS_URL"] = "redis://:mk-password@127.0.0.1:1/0"
    with serving(**given, log=str(tmp_path / "log")) as (url, log):
        statuses = ask_everything(url, issued.secret)
    assert {200, 401, 404, 421, 422} <= set(statuses) <= {200, 401, 404, 421, 422, 503}
    assert (503 in statuses) is (store == "away")
    written = log.read_text()
    assert written.count('"event": "request"') >= len(statuses)
    assert '"caller": "shop"' in written
    assert not [line for line in written.splitlines() if "mk-" in line]
    assert issued.secret.split("_", 2)[2] not in written


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/items/i1", 200), ("GET", "/no", 404), ("POST", "/recommend", 422), ("GET", "/metrics", 200)],
)
def test_no_answer_can_be_run_framed_sniffed_shared_or_kept(
    live: Running, method: str, path: str, status: int
) -> None:
    answer = live.client.request(method, path, headers={"Origin": "https://evil.example"})
    assert answer.status_code == status
    safe = {
        "cache-control": "no-store",
        "content-security-policy": LOCKED_DOWN,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    assert {name: answer.headers.get(name) for name in safe} == safe
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_foreign_page_gets_no_leave_to_ask(live: Running) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = live.client.options("/recommend", headers=asked)
    refused(answer, 405, "method_not_allowed", None)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_documentation_runs_its_own_script_and_the_cdns_alone(live: Running) -> None:
    policy = live.client.get("/docs").headers["content-security-policy"]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == "'none'"
    cdn, inline = parts["script-src"].split()
    assert cdn == "https://cdn.jsdelivr.net"
    assert inline.startswith("'sha256-")
    assert "unsafe" not in parts["script-src"]


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_deleted_user_is_gone_from_answers_and_files_and_is_not_brought_back(
    fragile: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users_module, "PURGE_SECONDS", 0.02)
    server = fragile(state=tmp_path / "state.sqlite")
    events = [
        {"user_id": "the-user", "event_id": f"the-event-{n}", "item_id": f"the-item-{n}", "timestamp": T + n}
        for n in range(3)
    ]
    assert server.client.post("/events", json={"events": events}).status_code == 200
    assert server.client.get("/users/the-user").status_code == 200
    assert b"the-event-0" in on_disk(tmp_path)
    assert server.client.delete("/users/the-user").json()["deleted_events"] == 3
    wait_until(lambda: b"the-" not in on_disk(tmp_path))
    assert server.client.post("/events", json={"events": events}).json()["outcomes"] == ["outdated"] * 3
    refused(server.client.get("/users/the-user"), 404, "user_not_found", "user_id")
    refused(server.post(user_id="the-user"), 422, "no_stored_history", "user_id")
    assert b"the-" not in on_disk(tmp_path)
