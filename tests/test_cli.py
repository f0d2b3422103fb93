"""The command line: help, one line for bad input, JSON for machines, and the whole way from a dump to an answer."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import laser
import training.prepare
from benchmarks import names
from tests.service.world import write_bundle
from tests.tiny import save_tiny_backbone
from training.reindex import Reindexed

ROOT = Path(__file__).parent.parent
COMMANDS = ["demo", "train", "evaluate", "reindex", "serve", "bench", "doctor", "data prepare", "data check"]
COMMANDS += ["bundles list", "bundles promote", "bundles rollback", "bundles prune"]
COMMANDS += ["keys create", "keys list", "keys revoke"]
Captured = pytest.CaptureFixture[str]


def write_data(folder: Path, users: int = 30, items: int = 20) -> Path:
    """A data folder: each user takes five neighbouring items of a ring."""
    folder.mkdir()
    rows = [{"item_id": f"i{n:02}", "title": f"thing {n}", "brand": "ab"[n % 2]} for n in range(items)]
    log = [f"u{user:02},i{(user + step) % items:02},{step}" for user in range(users) for step in range(5)]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (folder / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *log]) + "\n")
    info = {"name": "ring", "timestamp": "position", "text": ["title", "brand"]}
    (folder / "dataset.json").write_text(json.dumps(info))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_is_a_sentence_and_explains_every_option(command: str, capsys: Captured) -> None:
    assert laser.main([*command.split(), "--help"]) == 0
    usage, _, text = capsys.readouterr().out.partition("\n\n")
    assert usage.startswith(f"Usage: laser {command}")
    assert re.match(r"  [A-Z][^.]+\.\n", text)
    assert not re.search(r"^  (--?\w\S*( <.*>)?|\w+ <.*>)$\n(?! {10})", text, re.MULTILINE), (
        "an option without help"
    )


def test_help_lists_the_commands(capsys: Captured) -> None:
    assert laser.main(["--help"]) == 0
    listed = re.findall(r"^  (\w+)  ", capsys.readouterr().out.partition("Commands:")[2], re.MULTILINE)
    assert listed == [*(name for name in COMMANDS if " " not in name), "data", "bundles", "keys"]


def test_the_command_that_make_installs_is_this_one() -> None:
    done = subprocess.run([Path(sys.executable).parent / "laser", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Usage: laser [OPTIONS] COMMAND [ARGS]...")


BAD_INPUT = {
    "tarin": "No such command 'tarin'. Did you mean 'train'?",
    "train data": "Missing option '--out'.",
    "train {tmp}/no --out {tmp}/run": "{tmp}/no/dataset.json: cannot be read (No such file or directory)",
    "train {data} --out {tmp}/run --preset cup": (
        "there is no preset 'cup'; choose one of cpu, gpu, paper, faithful, demo"
    ),
    "train {data} --out {tmp}/run --set seed": "Invalid value for --set: 'seed' has no '='",
    "train {data} --out {tmp}/run --set laser.decay=x": "laser.decay: 'x' is no float",
    "train {data} --out {tmp}/run --device tpu": (
        "Invalid value for --device: torch has no device 'tpu' here; use cpu or auto"
    ),
    "data check {tmp}/no": "{tmp}/no/dataset.json: cannot be read (No such file or directory)",
    "evaluate {tmp} {data}": "{tmp} holds no run: there is no run.json",
    "reindex {tmp} {data} --column brand=hue": (
        "Invalid value for --column: 'hue' is none of categorical, path, list, numeric, text"
    ),
    "serve --bundles {tmp}/no": (
        "{tmp}/no/current does not exist: no bundle is published. Run `laser reindex` first"
    ),
    "serve --host 0.0.0.0 --port 0 --bundles {tmp}/no": (
        "listening on 0.0.0.0 needs API keys, and {tmp}/keys.json does not exist: run `laser keys create NAME --scope "
        "recommend`, or set LASER_ALLOW_ANONYMOUS=true where something else decides who can connect"
    ),
    "keys create shop --file {tmp}/keys.json": (
        "say what the key is good for, with --scope: recommend, write, admin, metrics"
    ),
    "keys list --file {tmp}/keys.json": "{tmp}/keys.json cannot be read (No such file or directory)",
    "serve --port 70000": "LASER_PORT=70000: Input should be less than or equal to 65535",
    "bench nothing": "there is no benchmark 'nothing'; there are: {benchmarks}",
    "demo --folder {data}": "{data} holds something other than the demo; choose another --folder",
}


@pytest.mark.parametrize("words", BAD_INPUT)
def test_bad_input_is_one_line_and_exit_status_2(words: str, tmp_path: Path, capsys: Captured) -> None:
    data = write_data(tmp_path / "data")
    known = {"tmp": tmp_path, "data": data, "benchmarks": ", ".join(names()) or "none"}
    assert laser.main(words.format(**known).split()) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"laser: {BAD_INPUT[words].format(**known)}\n")
    assert not (tmp_path / "run").exists()


def test_malformed_data_are_named_by_file_and_line(tmp_path: Path, capsys: Captured) -> None:
    data = write_data(tmp_path / "data")
    with (data / "items.jsonl").open("a") as file:
        file.write("{'item_id': 1}\n")
    assert laser.main(["data", "check", str(data)]) == 2
    assert capsys.readouterr().err.startswith(f"laser: {data}/items.jsonl:21: ")


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        raise ZeroDivisionError(folder)

    monkeypatch.setattr("training.check_data.check", broken)
    with pytest.raises(ZeroDivisionError):
        laser.main(["data", "check", str(tmp_path)])


def test_the_dumps_that_can_be_named_are_those_that_can_be_read() -> None:
    assert list(laser.Dump) == list(training.prepare.Source)


def test_a_dump_becomes_a_data_folder_and_is_reported(tmp_path: Path, capsys: Captured) -> None:
    raw = tmp_path / "ml"
    raw.mkdir()
    log = [(user, 1 + (user + step) % 4, 5, 900_000_000 + step) for user in range(1, 9) for step in range(3)]
    (raw / "u.data").write_text("".join("\t".join(map(str, row)) + "\n" for row in log))
    genres = "|".join("0" * 18 + "1")
    (raw / "u.item").write_text(
        "".join(f"{n}|Film {n} (1990)|01-Jan-1990||url|{genres}\n" for n in range(1, 5))
    )

    assert laser.main(["data", "prepare", "movielens", str(raw), str(tmp_path / "data"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["users"], made["items"], made["interactions"]) == (8, 4, 24)
    assert laser.main(["data", "check", str(tmp_path / "data"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lengths"]["mean"] == 3
    assert laser.main(["data", "check", str(tmp_path / "data")]) == 0
    assert re.search(r"^interactions +24$", capsys.readouterr().out, re.MULTILINE)


def test_doctor_fails_where_something_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("LASER_PORT", "eighty")
    assert laser.main(["doctor"]) == 1
    assert re.search(
        r"^wrong +settings +LASER_PORT=eighty: .*\n +Correct the variable", capsys.readouterr().out, re.M
    )
    assert laser.main(["doctor", "--json"]) == 1
    states = {found["name"]: found["state"] for found in json.loads(capsys.readouterr().out)["findings"]}
    assert states["settings"] == "wrong"
    assert states["python"] == "good"


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The demo's four stages without their minutes: each notes that it ran, and the last leaves a bundle."""
    ran: list[str] = []

    def write_demo(folder: Path) -> None:
        ran.append("data")
        folder.mkdir()

    def train(data: Path, run: Path, preset_name: str, resume: bool) -> None:
        ran.append(f"train {preset_name}, resume {resume}")
        if len(ran) == 2:
            raise KeyboardInterrupt

    def evaluate(runs: list[Path], data: Path, users: int) -> None:
        ran.append(f"evaluate {[run.name for run in runs]} on {users} users")

    def reindex(run: Path, data: Path, bundles: Path) -> Reindexed:
        ran.append("reindex")
        assert write_bundle(bundles.parent) == bundles
        return Reindexed("first", 41, 41, 0)

    monkeypatch.setattr("demo.simulator.write_demo", write_demo)
    monkeypatch.setattr("training.pipeline.train", train)
    monkeypatch.setattr("training.evaluate.evaluate", evaluate)
    monkeypatch.setattr("training.reindex.reindex", reindex)
    return ran


def test_the_demo_goes_on_where_it_was_stopped_and_is_not_made_twice(
    stages: list[str], tmp_path: Path, capsys: Captured
) -> None:
    start = ["demo", "--no-serve", "--folder", str(tmp_path / "demo")]
    assert laser.main(start) == 130
    assert stages == ["data", "train demo, resume True"]
    stages.append("stopped")
    assert laser.main(start) == 0
    assert stages[2:] == [
        "stopped",
        "train demo, resume True",
        "evaluate ['run'] on 500 users",
        "reindex",
    ]
    capsys.readouterr()
    assert laser.main(start) == 0
    assert len(stages) == 6
    assert capsys.readouterr().err == f"The demo in {tmp_path}/demo is up to date.\n"


@pytest.mark.slow  # a training run, if a small one
def test_from_a_data_folder_to_an_answer(tmp_path: Path, capsys: Captured) -> None:
    data, run, bundles = write_data(tmp_path / "data"), tmp_path / "run", tmp_path / "bundles"
    backbone = save_tiny_backbone(tmp_path / "backbone")
    command = f"train {data} --out {run} --preset demo --backbone {backbone.name} --json".split()
    for shorter in ("training.phase1_epochs=1", "training.phase2_epochs=1", "id_recommenders.epochs=1"):
        command += ["--set", shorter]
    assert laser.main(command) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"] == str(run / "checkpoint")
    assert laser.main(command) == 2, "a run is not overwritten"

    assert laser.main(["evaluate", str(run), str(data), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) > 10
    reindex = ["reindex", str(run), str(data), "--bundles", str(bundles), "--json"]
    assert laser.main([*reindex, "--column", "brand=text"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["items"], made["encoded"]) == (20, 20)

    env = os.environ | {"LASER_DRAIN_SECONDS": "0", "LASER_PORT": "0"}
    serve = [sys.executable, "laser.py", "serve", "--bundles", str(bundles)]
    with subprocess.Popen(serve, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
            url = next(match[0] for match in found if match)
            request = {"history": [{"item_id": "i03"}, {"item_id": "i04"}], "k": 3}
            answer = httpx.post(f"{url}/recommend", json=request, timeout=60).json()
            assert len(answer["items"]) == 3
            assert answer["versions"]["bundle"] == made["bundle_id"]
        finally:
            server.send_signal(signal.SIGTERM)
    assert server.returncode == 0
