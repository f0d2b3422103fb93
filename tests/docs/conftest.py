"""The documentation's world: the demo's films with a tiny random Laser, served, in a folder like a reader's own."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.catalogue import FILMS_PATH
from demo.simulator import write_demo
from index.bundle import publish
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import load_settings
from tests.service.bundle_world import add_bundle
from tests.service.world import Running, running, write_bundle


@dataclass(frozen=True)
class World:
    """`home` is where commands are run; `served` answers from its bundles, of which "second" is published."""

    home: Path
    served: Running
    bundle: str = "second"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("reader")
    films = [json.loads(line) for line in FILMS_PATH.read_text("utf-8").splitlines()]
    root = write_bundle(home, items=films)
    add_bundle(root, World.bundle)
    publish(root, World.bundle)
    write_demo(home / "runs/demo/data", users=60)
    shutil.copytree(home / "runs/demo/data", home / "shop")
    (home / "runs/demo/bundles").symlink_to(root)
    settings = load_settings(bundles=root, device="cpu", dtype="float32", max_wait_ms=60_000)
    with running(settings, load_recommender(settings, Metrics())) as served:
        yield World(home, served)
