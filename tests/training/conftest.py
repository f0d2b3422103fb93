"""One tiny run of the whole pipeline, shared by the tests that only look at what it made."""

import io

import pytest
from rich.console import Console

from tests.tiny import save_tiny_backbone
from tests.training_world import Made, tiny_overrides, write_world
from training.pipeline import train


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    backbone = save_tiny_backbone(folder / "backbone")
    data, overrides = write_world(folder / "data"), tiny_overrides(backbone)
    console = Console(file=io.StringIO(), width=200)
    checkpoint = train(data, folder / "run", overrides=overrides, console=console)
    assert checkpoint == folder / "run" / "checkpoint"
    return Made(data, folder / "run", backbone, overrides, console.file.getvalue())  # type: ignore[attr-defined]
