"""Event files, read back record by record as TensorBoard reads them."""

import io
import json
import struct
from collections import defaultdict
from pathlib import Path

import pytest
from rich.console import Console
from tensorboardX.proto.event_pb2 import Event

from training.event_files import EventFiles
from training.run_folder import RunFolder

Points = dict[str, list[tuple[int, float]]]


def events(folder: Path) -> list[Event]:
    """Of all event files of a folder. A record: its length, a checksum of that, the event, a checksum of it."""
    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            found.append(Event.FromString(data[place + 12 : place + 12 + length]))
            place += 12 + length + 4
    return found


def points(folder: Path) -> Points:
    """Every scalar by its tag: (step, value)."""
    scalars: Points = defaultdict(list)
    for event in events(folder):
        for value in event.summary.value:
            if value.HasField("simple_value"):
                scalars[value.tag].append((event.step, pytest.approx(value.simple_value)))
    return dict(scalars)


def test_steps_epochs_and_stages_have_tags_of_their_own(tmp_path: Path) -> None:
    files = EventFiles(tmp_path, {"seed": 0})
    files.step("phase 1", 0, {"loss": 9.5, "learning rate": 0.001, "expert 1": 0.25})
    files.step("phase 1", 1, {"loss": 9.25})
    files.stage("phase 1", {"epoch": -1, "validation": 0.125})
    files.stage("phase 1", {"epoch": 0, "loss": 9.0, "validation": 0.25})
    files.stage("residual step", {"step": 0.5, "ndcg_trained": 0.25})
    files.close()
    assert points(tmp_path) == {
        "phase-1/loss": [(0, 9.5), (1, 9.25)],
        "phase-1/learning-rate": [(0, 0.001)],
        "phase-1/expert-1": [(0, 0.25)],
        "phase-1-by-epoch/validation": [(0, 0.125), (1, 0.25)],
        "phase-1-by-epoch/loss": [(1, 9.0)],
        "residual-step/step": [(0, 0.5)],
        "residual-step/ndcg-trained": [(0, 0.25)],
    }


def test_what_is_not_finite_is_left_out(tmp_path: Path) -> None:
    files = EventFiles(tmp_path, {})
    files.step("phase 1", 0, {"loss": float("nan"), "balance": 1.0, "in-batch": float("inf")})
    files.close()
    assert points(tmp_path) == {"phase-1/balance": [(0, 1.0)]}


def test_the_configuration_is_there_as_text(tmp_path: Path) -> None:
    EventFiles(tmp_path, {"preset": "demo", "config": {"seed": 3}}).close()
    (text,) = (
        value.tensor.string_val[0].decode()
        for event in events(tmp_path)
        for value in event.summary.value
        if value.tag.startswith("run")
    )
    assert json.loads(text) == {"preset": "demo", "config": {"seed": 3}}
    assert all(line.startswith("    ") for line in text.splitlines())


def test_a_run_writes_them_while_it_goes_on_and_a_resumed_one_adds_its_own(tmp_path: Path) -> None:
    console = Console(file=io.StringIO())
    for epoch, resume in ((0, False), (1, True)):
        run = RunFolder(tmp_path, {"seed": 0}, resume, console)
        with run.progress():
            run.scalars("phase 1", epoch, {"loss": 8.0 - epoch})
            run.log("phase 1", {"epoch": epoch, "loss": 8.0 - epoch})
        run.log("done", {"seconds": 1.0})
        run.scalars("phase 1", 9, {"loss": 0.0})
    assert points(tmp_path / "tensorboard") == {
        "phase-1/loss": [(0, 8.0), (1, 7.0)],
        "phase-1-by-epoch/loss": [(1, 8.0), (2, 7.0)],
    }


def test_what_was_reported_before_a_failure_is_on_disk(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, {"seed": 0}, False, Console(file=io.StringIO()))

    def interrupted() -> None:
        with run.progress():
            run.scalars("phase 1", 0, {"loss": 8.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert points(tmp_path / "tensorboard") == {"phase-1/loss": [(0, 8.0)]}
