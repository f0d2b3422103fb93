"""The documentation's world: the demo's films with a tiny random Laser, served, in a folder like a reader's own."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.catalogue import FILMS_PATH
from demo.simulator import write_demo
from index.bundle import publish
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import load_settings
from tests.docs.small import HERE, write_backbones
from tests.service.bundle_world import add_bundle
from tests.service.store.redis_server import RedisServer
from tests.service.world import Running, running, write_bundle


@dataclass(frozen=True)
class World:
    """`home` is where commands are run; `served` answers from bundles of its own, of which "second" is published.

    `exported` are the variables that a page has set so far, `here` what stands for those that name another machine.
    """

    home: Path
    served: Running
    shorter: list[str]
    here: dict[str, str]
    exported: dict[str, str] = field(default_factory=dict)
    bundle: str = "second"

    def begin_page(self) -> None:
        """A page begins in a new terminal, without keys."""
        self.exported.clear()
        (self.home / "keys.json").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """A real Redis; None where there is none, and what a page says of Redis is then run without."""
    if shutil.which("redis-server") is None:
        yield None
        return
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, redis_url: str | None) -> Iterator[World]:
    home = tmp_path_factory.mktemp("reader")
    films = [json.loads(line) for line in FILMS_PATH.read_text("utf-8").splitlines()]
    root = write_bundle(home / "service", items=films)
    add_bundle(root, World.bundle)
    publish(root, World.bundle)
    write_demo(home / "runs/demo/data", users=60)
    shutil.copytree(home / "runs/demo/data", home / "shop")
    shutil.copytree(root, home / "bundles")
    (home / "runs/demo/bundles").symlink_to(root)
    here = HERE if redis_url is None else {**HERE, "LASER_REDIS_URL": redis_url}
    settings = load_settings(bundles=root, device="cpu", dtype="float32", max_wait_ms=60_000)
    with running(settings, load_recommender(settings, Metrics())) as served:
        yield World(home, served, write_backbones(home), here)
