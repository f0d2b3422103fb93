"""One tiny run of the whole pipeline, for tests that only look at what it made, and a checkpoint to re-index with."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from model.checkpoint import save_checkpoint
from model.laser import Laser
from tests.tiny import save_tiny_backbone, tiny_laser
from tests.training_world import ITEM_IDS, Made, tiny_overrides, write_world
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


@pytest.fixture(scope="module")
def laser(tmp_path_factory: pytest.TempPathFactory) -> Laser:
    """Random weights; it knows the items of the checkerboard."""
    return tiny_laser(ITEM_IDS, tmp_path_factory.mktemp("backbone"))


@pytest.fixture
def home(laser: Laser, tmp_path: Path) -> Path:
    """A folder with `run` (a checkpoint in it), `data`, and an empty place for `bundles`."""
    save_checkpoint(laser, tmp_path / "run" / "checkpoint")
    write_world(tmp_path / "data")
    return tmp_path
