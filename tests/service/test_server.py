"""The process: it starts whole or says in one line why not, drains on SIGTERM, and exits 0."""

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import service.server
from index.bundle import open_bundle
from model.laser import Laser
from service.http_protocol import MOST_HEAD
from service.loading import load_recommender
from service.metrics import Metrics
from service.server import DrainingServer, run, uvicorn_config
from service.settings import Settings, load_settings
from tests.service.world import Running

ROOT = Path(__file__).parents[2]

Refusal = Callable[..., str]


def environment(**settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LASER_")}
    return clean | {"LASER_DEVICE": "cpu", "LASER_PORT": "0"} | settings


@contextmanager
def process(**settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m service` with these settings, once it listens; its address comes from its log."""
    command = [sys.executable, "-m", "service"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(**settings), stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            assert started.stderr is not None
            lines = []
            for line in started.stderr:
                lines.append(line)
                if found := re.search(r'"url": "(http://[^"]+)"', line):
                    wait_for(found[1])
                    yield started, found[1]
                    return
            pytest.fail("it did not start:\n" + "".join(lines))
        finally:
            started.kill()


def wait_for(url: str) -> None:
    for _ in range(500):
        try:
            httpx.get(f"{url}/healthz")
            return
        except httpx.TransportError:
            time.sleep(0.01)
    pytest.fail("it does not answer")


def test_it_serves_and_drains(bundles: Path) -> None:
    with process(LASER_BUNDLES=str(bundles), LASER_DRAIN_SECONDS="1.5") as (started, url):
        body = {"history": [{"item_id": "i1"}], "k": 3}
        assert len(httpx.post(f"{url}/recommend", json=body).json()["items"]) == 3
        assert httpx.get(f"{url}/readyz").status_code == 200
        asked = time.monotonic()
        started.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        response = httpx.get(f"{url}/readyz")  # a new connection: the listener is still open
        assert (response.status_code, response.json()["code"]) == (503, "closing")
        assert response.headers["connection"] == "close"
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.post(f"{url}/recommend", json=body).status_code == 200
        assert started.wait(20) == 0
        assert time.monotonic() - asked >= 1.5


@pytest.mark.parametrize(
    ("signals", "leaves"),
    [
        ([], False),
        ([signal.SIGTERM], False),
        ([signal.SIGTERM, signal.SIGTERM], True),
        ([signal.SIGINT], True),
    ],
)
def test_only_a_second_signal_or_ctrl_c_skips_the_drain(signals: list[signal.Signals], leaves: bool) -> None:
    app = FastAPI()
    app.state.closing = False
    server = DrainingServer(uvicorn_config(app), app, drain_seconds=60)
    for number in signals:
        server.handle_exit(number, None)
    assert asyncio.run(server.on_tick(1)) is leaves
    assert app.state.closing is bool(signals)


def test_an_idle_connection_is_kept_longer_than_balancers_keep_theirs() -> None:
    assert uvicorn_config(FastAPI()).timeout_keep_alive > 60


@pytest.fixture
def loggers_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service that runs in this process configures the logs of all."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    loggers = [logging.getLogger(name) for name in ("laser", "uvicorn.error", "opentelemetry", "")]
    before = [(each.handlers, each.propagate, each.level) for each in loggers]
    yield
    for each, (handlers, propagate, level) in zip(loggers, before, strict=True):
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


@pytest.mark.usefixtures("loggers_as_before")
def test_what_it_started_with_is_freed_once_another_is_swapped_in(
    bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = []

    def swap(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
        with TestClient(app):
            with app.state.serving.lease() as recommender:
                started_with = weakref.ref(recommender)
            del recommender
            app.state.serving.swap(load_recommender(settings, Metrics()))
        freed.append(started_with() is None)

    monkeypatch.setattr("service.server._serve", swap)
    monkeypatch.setattr("service.server.keep_out_of_collections", lambda: None)  # it would hold for all tests
    assert run(load_settings(device="cpu", port=0, bundles=bundles)) == 0
    assert freed == [True]


@pytest.fixture
def refusal(loggers_as_before: None, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """The one line with which the service refuses to start."""

    def refuse(**settings: Any) -> str:
        assert run(load_settings(device="cpu", **{"port": 0} | settings)) == 2
        captured = capsys.readouterr()
        [line] = captured.err.splitlines()
        assert captured.out == ""
        assert line.startswith("laser: ")
        return line

    return refuse


def test_no_bundle_is_one_line(refusal: Refusal, tmp_path: Path) -> None:
    assert str(tmp_path) in refusal(bundles=tmp_path)
    assert "nothing" in refusal(bundles=tmp_path, bundle="nothing")


def test_a_damaged_bundle_is_one_line(refusal: Refusal, bundles: Path, tmp_path: Path) -> None:
    root = tmp_path / "bundles"
    shutil.copytree(bundles, root)
    weights = root / "first" / "checkpoint" / "weights.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    assert "weights.safetensors" in refusal(bundles=root)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fingerprint": "another"}, "checkpoint is another"),
        ({"width": 7}, "its encoder's 7"),
    ],
)
def test_vectors_of_another_encoder_are_refused(
    refusal: Refusal, bundles: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    """The manifest and the checkpoint agree in a sealed bundle; this is the check behind that."""

    bundle = open_bundle(bundles)
    made = {"fingerprint": bundle.manifest.encoder_fingerprint, "width": bundle.vectors.shape[1]}
    foreign = SimpleNamespace(**made | changes)
    monkeypatch.setattr("service.loading._local", lambda *args: (foreign, None))
    assert says in refusal(bundles=bundles, encode_in="threads")


def test_an_encoder_that_fails_at_once_is_one_line(
    refusal: Refusal, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fail(self: Laser, histories: object) -> None:
        raise RuntimeError("no such\nkernel")

    monkeypatch.setattr(Laser, "encode_users", fail)
    assert "the first forward pass failed: no such kernel" in refusal(bundles=bundles, encode_in="threads")


def test_a_port_in_use_is_one_line(refusal: Refusal, bundles: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in refusal(bundles=bundles, port=port)


@pytest.mark.usefixtures("loggers_as_before")
def test_a_port_that_is_taken_while_the_bundle_loads_is_said_in_one_line(
    bundles: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve = service.server._serve

    def serve_too_late(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
        with socket.create_server(listener.getsockname()):
            serve(app, listener, settings)

    monkeypatch.setattr("service.server._serve", serve_too_late)
    monkeypatch.setattr("service.server.keep_out_of_collections", lambda: None)  # it would hold for all tests
    assert run(load_settings(device="cpu", port=0, bundles=bundles)) == 2
    *others, last = capsys.readouterr().err.splitlines()
    assert last.startswith("laser: cannot listen on the address it had taken: ")
    assert {json.loads(line)["level"] for line in others} == {"info"}


@pytest.mark.parametrize("piece", [b"X-Filler: 0123456789abcdef\r\n", b"0123456789abcdef"])
def test_a_head_that_does_not_end_is_refused(live: Running, piece: bytes) -> None:
    host, _, port = live.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-First: ")
        with suppress(ConnectionError):  # it closes while we still talk
            for _ in range(4 * MOST_HEAD // len(piece) // 64):
                connection.sendall(64 * piece)
        with suppress(ConnectionError):
            assert connection.recv(64).startswith(b"HTTP/1.1 400 ")
    assert live.client.get("/healthz").status_code == 200


def test_heads_of_one_connection_are_measured_apart(live: Running) -> None:
    for _ in range(5):
        long = {"X-Long": "x" * (MOST_HEAD // 4)}
        assert live.client.post("/recommend", json={"history": []}, headers=long).status_code == 422


def test_a_body_is_no_head_however_much_of_it_comes_at_once(live: Running) -> None:
    for _ in range(2):
        answer = live.client.post("/recommend", json={"history": [], "note": "x" * (4 * MOST_HEAD)})
        assert answer.json()["code"] == "unknown_field"


def test_a_wrong_setting_is_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=environment(LASER_MAX_K="many"),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("laser: LASER_MAX_K=many: ")
    assert ended.stderr.count("\n") == 1
