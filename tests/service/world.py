"""The small world of the service's tests: a catalogue, a bundle of it on disk, and a server on a real socket.

The Laser in it is real but tiny and random; what an answer should be is computed beside it by brute force.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from index.bundle import BundleWriter, publish, write_arrays
from index.catalog import Catalogue
from index.neighbours import Neighbours
from model.checkpoint import load_checkpoint, save_checkpoint
from service.app import create_app
from service.recommender import Recommender
from service.server import uvicorn_config
from service.settings import Settings
from tests.tiny import tiny_laser

BRANDS = ("Acme", "Stanley", "Bolt", "Orion")
GENRES = ("tools", "garden", "kitchen")


def records(count: int = 40) -> list[dict[str, object]]:
    """Items 0..count-1: brand and genres in turn, price 1.5 x n; every tenth lacks its price."""
    return [
        {
            "item_id": f"i{n}",
            "title": f"thing {n}",
            "brand": BRANDS[n % 4],
            "genres": [GENRES[n % 3], GENRES[(n + 1) % 3]],
            "price": None if n % 10 == 9 else 1.5 * n,
        }
        for n in range(count)
    ] + [
        {
            "item_id": "shelf/7 b",
            "title": "an id with a slash",
            "brand": "Acme",
            "genres": ["tools"],
            "price": 2,
        }
    ]


def write_bundle(
    folder: Path, bundle_id: str = "first", items: Sequence[dict[str, object]] | None = None
) -> Path:
    """Publish a bundle of `items` (none: of `records()`) under folder / "bundles", its backbone beside it.

    Returns the bundles' root.
    """
    items = items or records()
    catalogue = Catalogue.from_records(items)
    save_checkpoint(tiny_laser(catalogue.item_ids, folder / "backbone"), folder / "checkpoint")
    laser = load_checkpoint(folder / "checkpoint", dtype="float32")
    root = folder / "bundles"
    with BundleWriter(root, bundle_id) as writer:
        encoded = laser.encode_items(items)
        placed = laser.neighbours(catalogue.item_ids, encoded.text_vectors)
        assert placed is not None
        write_arrays(
            writer.folder,
            catalogue,
            encoded.vectors,
            encoded.text_vectors,
            encoded.token_ids,
            Neighbours(*placed),
        )
        save_checkpoint(laser, writer.folder / "checkpoint")
        writer.seal(encoder_fingerprint=laser.fingerprint, data_hash="0" * 64)
    publish(root, bundle_id)
    return root


@dataclass
class Running:
    """A server that runs in a thread."""

    url: str
    client: httpx.Client
    recommender: Recommender

    def post(self, **request: Any) -> httpx.Response:
        """POST /recommend."""
        return self.client.post("/recommend", json=request)


Start = Callable[..., Running]  # a service with settings changed by their names


@contextmanager
def running(settings: Settings, recommender: Recommender) -> Iterator[Running]:
    """Serve over HTTP on a free loopback port; stopped on leaving."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn_config(create_app(settings, recommender)))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    wait_until(lambda: server.started)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=20) as client:
            yield Running(url, client, recommender)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def wait_until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something happens, or fail; the machine may be busy with other things."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
