"""A bundle on disk, the real tiny Laser served over HTTP, and a server whose encoder can be made to fail."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from index.bundle import Bundle, open_bundle
from index.item_index import open_index
from service.loading import load_recommender
from service.metrics import Metrics
from service.recommender import Recommender
from service.settings import Settings, load_settings
from tests.service.bundle_world import add_bundle
from tests.service.fakes import FakeEncoder
from tests.service.world import Running, Start, running, write_bundle


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root with one published bundle, "first"."""
    return write_bundle(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="session")
def bundle(bundles: Path) -> Bundle:
    return open_bundle(bundles, None)


@pytest.fixture(scope="session")
def settings(bundles: Path) -> Settings:
    return load_settings(
        bundles=bundles,
        device="cpu",
        dtype="float32",
        encode_in="threads",
        max_k=50,
        max_history=20,
        max_exclude=10,
        max_sentence=100,
        max_wait_ms=60_000,  # of a machine that is busy with other things
    )


@pytest.fixture(scope="session")
def live(settings: Settings) -> Iterator[Running]:
    """The real service around the tiny Laser."""
    with running(settings, load_recommender(settings, Metrics())) as server:
        yield server


@pytest.fixture
def root(bundles: Path, tmp_path: Path) -> Path:
    """Bundles "first", which is published, "second" with the same items, and "third" with 20 of them."""
    root = tmp_path / "bundles"
    shutil.copytree(bundles, root)
    add_bundle(root, "second")
    add_bundle(root, "third", items=20)
    return root


@pytest.fixture
def start(root: Path, settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Serve what is published, with settings changed as given; it does not follow the pointer unless told to."""
    with ExitStack() as stack:

        def serve(**changes: Any) -> Running:
            own = {"bundles": root, "state": tmp_path / "state.sqlite", "follow_seconds": 0.0}
            chosen = settings.model_copy(update=own | changes)
            return stack.enter_context(running(chosen, load_recommender(chosen, Metrics())))

        yield serve


@pytest.fixture
def encoder(bundle: Bundle) -> FakeEncoder:
    return FakeEncoder(bundle.text_vectors.shape[1], bundle.vectors.shape[1])


@pytest.fixture
def fragile(bundle: Bundle, encoder: FakeEncoder, settings: Settings) -> Iterator[Callable[..., Running]]:
    """Start a service around the fake encoder, with settings changed as given."""
    with ExitStack() as stack:
        stack.callback(encoder.gate.set)

        def start(**changes: Any) -> Running:
            changed = settings.model_copy(
                update={"cache_mb": 0.0} | changes
            )  # each request reaches the encoder
            index = open_index(bundle.vectors, "cpu")
            recommender = Recommender(bundle, encoder, index, changed, Metrics())
            server = stack.enter_context(running(changed, recommender))
            stack.callback(encoder.gate.set)  # before the server stops, which waits for what is in flight
            return server

        yield start
