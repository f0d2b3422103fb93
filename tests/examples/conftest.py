"""The demo's films served by a tiny Laser with random weights, and a folder that looks like a checkout with a demo."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.simulator import write_demo
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import load_settings
from tests.service.world import Running, running, write_bundle

ROOT = Path(__file__).parent.parent.parent
USERS = 40


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of the examples can be run as they are written."""
    folder = tmp_path_factory.mktemp("checkout")
    write_demo(folder / "runs" / "demo" / "data", USERS)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


@pytest.fixture(scope="session")
def films(checkout: Path) -> Iterator[Running]:
    """The service with all films of the demo. What comes back is allowed, in an order that means nothing."""
    lines = (checkout / "runs/demo/data/items.jsonl").read_text(encoding="utf-8").splitlines()
    root = write_bundle(checkout / "tiny", items=[json.loads(line) for line in lines])
    settings = load_settings(bundles=root, device="cpu", dtype="float32", max_wait_ms=60_000)
    with running(settings, load_recommender(settings, Metrics())) as server:
        yield server
