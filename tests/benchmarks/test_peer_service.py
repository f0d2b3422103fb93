"""The service against an embedding server and FAISS: the judgement, and a short run against a stand-in."""

import json
import stat
import sys
from pathlib import Path

import pytest

from benchmarks.peer_service import Measured, checks, main, rows
from benchmarks.service_bench import infinity
from benchmarks.service_bench.client import Sample
from benchmarks.service_bench.infinity import InfinityError, installed, serving_infinity
from benchmarks.service_bench.phases import Phase
from index.bundle import open_bundle
from tests.benchmarks.test_service_speed import write_data
from tests.service.world import write_bundle

STAND_IN = """#!{python}
import base64, json, struct, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(b"ok")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked["encoding_format"] == "base64" and len(asked["input"]) == 1 and asked["input"][0]
        vector = base64.b64encode(struct.pack("<{width}f", *range({width}))).decode()
        self.answer(json.dumps({{"data": [{{"embedding": vector}}]}}).encode())

    def log_message(self, *args):
        pass

ThreadingHTTPServer.request_queue_size = 128  # as many connect at once as the client has in flight
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


def phase(key: str, seconds: list[float], status: int = 200) -> Phase:
    return Phase(key, [Sample(status, 0.0, each) for each in seconds])


def test_ratios_are_of_the_same_round() -> None:
    measured = Measured(
        {
            "laser": [phase("l", [1.0] * 8), phase("l", [1.0] * 6), phase("l", [2.0] * 40)],
            "peer": [phase("p", [1.0] * 4), phase("p", [1.0] * 2), phase("p", [2.0] * 4)],
        },
        {
            "laser": [phase("l", [0.1, 0.2])],
            "peer": [Phase("p", [*phase("p", [0.4]).samples, Sample(503, 0.0, 9.0)])],
        },
    )
    assert [(check.name, check.value, check.op, check.target) for check in checks(measured)] == [
        ("requests/s over the peer's", 3.0, ">=", 1.6),
        ("p99 over the peer's at equal load", 0.5, "<=", 0.65),
        ("requests not answered at equal load", 1, "<=", 0),
    ]
    assert [row["key"] for row in rows(measured)] == ["l"] * 3 + ["p"] * 3 + ["l", "p"]


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    return write_bundle(tmp_path)


@pytest.fixture
def stand_in(bundles: Path, tmp_path: Path) -> Path:
    """A command with infinity's interface."""
    bundle = open_bundle(bundles)
    command = tmp_path / "environment" / "bin" / "infinity_emb"
    command.parent.mkdir(parents=True)
    width = bundle.text_vectors.shape[1]
    command.write_text(STAND_IN.format(python=sys.executable, width=width), encoding="utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return command


def test_a_short_run(
    stand_in: Path,
    bundles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_data(tmp_path / "data", open_bundle(bundles).catalogue.item_ids)
    monkeypatch.setattr("benchmarks.peer_service.installed", lambda: installed(stand_in.parents[1]))
    arguments = ["--data", str(tmp_path / "data"), "--bundles", str(bundles), "--seconds", "0.3"]
    arguments += ["--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed == json.loads((tmp_path / "out" / "peer_service.json").read_text(encoding="utf-8"))
    assert len(printed["rows"]) == 12
    timed = printed["rows"][6:]
    answered = sum(int(row["statuses"].partition("200: ")[2].split(" ")[0]) for row in timed)
    assert printed["checks"][2]["value"] == sum(row["requests"] for row in timed) - answered
    assert all(row["answers_per_s"] > 0 for row in printed["rows"])


def test_a_peer_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = tmp_path / "infinity_emb"
    command.write_text("#!/bin/sh\necho no such model >&2\nexit 3\n", encoding="utf-8")
    command.chmod(0o700)
    with pytest.raises(InfinityError, match="no such model"), serving_infinity(command, tmp_path / "log"):
        pass


def test_a_peer_that_cannot_be_installed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infinity, "PACKAGES", (str(tmp_path / "no such package"),))
    monkeypatch.setattr(infinity.sys, "executable", "/bin/false")
    with pytest.raises(InfinityError, match="cannot be installed"):
        installed(tmp_path / "environment")
