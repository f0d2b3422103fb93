"""SIGTERM while requests are in flight: new ones are answered in the grace time, all of them finish, and it ends."""

import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from index.bundle import Bundle
from index.item_index import open_index
from service.app import create_app
from service.metrics import Metrics
from service.recommender import Recommender
from service.server import DrainingServer, uvicorn_config
from service.settings import Settings
from tests.service.fakes import FakeEncoder
from tests.service.world import wait_until

BODY = {"history": [{"item_id": "i1"}], "k": 3}


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_what_is_in_flight_finishes_and_newcomers_are_answered_until_the_grace_time_is_over(
    bundle: Bundle, encoder: FakeEncoder, settings: Settings
) -> None:
    recommender = Recommender(bundle, encoder, open_index(bundle.vectors, "cpu"), settings, Metrics())
    app = create_app(settings, recommender)
    listener = socket.create_server(("127.0.0.1", 0))
    server = DrainingServer(uvicorn_config(app), app, drain_seconds=0.5)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    wait_until(lambda: server.started)
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    encoder.gate.clear()
    try:
        with ThreadPoolExecutor(2) as pool:
            early = pool.submit(httpx.post, f"{url}/recommend", json=BODY, timeout=30)
            assert encoder.entered.wait(5)
            server.handle_exit(signal.SIGTERM, None)
            assert httpx.get(f"{url}/readyz").json()["code"] == "closing"
            late = pool.submit(httpx.post, f"{url}/recommend", json=BODY, timeout=30)
            wait_until(lambda: recommender.waiting["encode"] == 1)
            wait_until(
                lambda: not is_open(port)
            )  # the grace time is over, and two requests are still in flight
            assert not early.done()
            assert not late.done()
            encoder.gate.set()
            for answered in (early.result(), late.result()):
                assert answered.status_code == 200
                assert len(answered.json()["items"]) == 3
        thread.join(10)
        assert not thread.is_alive()
    finally:
        encoder.gate.set()
        server.handle_exit(signal.SIGINT, None)
        thread.join(10)
        listener.close()
