"""The real service with two bundles, and each client to ask it with."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import load_settings
from tests.client.asking import Ask, asking
from tests.service.bundle_world import add_bundle
from tests.service.world import Running, running, write_bundle


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Bundles "first", which answers, and "second"; the store beside them."""
    root = write_bundle(tmp_path_factory.mktemp("client"))
    add_bundle(root, "second")
    settings = load_settings(bundles=root, device="cpu", dtype="float32", max_k=50, max_wait_ms=60_000)
    with running(settings, load_recommender(settings, Metrics())) as server:
        yield server


@pytest.fixture(params=["blocking", "awaiting"])
def face(request: pytest.FixtureRequest) -> str:
    """Which of the two clients."""
    return str(request.param)


@pytest.fixture
def client(face: str) -> Iterator[Callable[..., Ask]]:
    """Makes a client with the options given; closed in the end."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(asking(face, *args, **options))


@pytest.fixture
def ask(client: Callable[..., Ask], server: Running) -> Ask:
    """A client of the real service."""
    return client(server.url)


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port of this machine that is taken and refuses every connection: nobody listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
