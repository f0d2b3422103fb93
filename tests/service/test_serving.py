"""Leases and swaps: a request keeps what it began with, the next one gets the new one, the old one is closed and
freed."""

import gc
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace

import pytest

from index.bundle import Bundle
from index.item_index import open_index
from service.metrics import Metrics
from service.recommender import Recommender
from service.serving import Serving
from service.settings import Settings
from service.stages import probe_job
from service.tickets import ClosedError
from tests.service.fakes import FakeEncoder
from tests.service.world import wait_until

Make = Callable[[], Recommender]


@pytest.fixture
def make(bundle: Bundle, encoder: FakeEncoder, settings: Settings) -> Make:
    """A new recommender around the fake encoder; all count in the same metrics."""
    metrics = Metrics()

    def recommender() -> Recommender:
        return Recommender(bundle, encoder, open_index(bundle.vectors, "cpu"), settings, metrics)

    return recommender


def is_closed(recommender: Recommender) -> bool:
    try:
        recommender.warm_up()
    except ClosedError:
        return True
    return False


def retiring() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "laser-retire"]


def test_a_lease_keeps_the_old_one_open_and_the_next_gets_the_new_one(make: Make) -> None:
    old, new = make(), make()
    serving = Serving(old)
    with serving.lease() as first, serving.lease() as second:
        serving.swap(new)
        assert first is second is old
        with serving.lease() as third:
            assert third is new
        assert not retiring()
        old.warm_up()  # still answers
    wait_until(lambda: is_closed(old))
    with serving.lease() as after:
        assert after is new
    serving.close()
    assert is_closed(new)


def test_one_that_nobody_holds_is_closed_at_once_and_its_memory_is_free(make: Make) -> None:
    old = make()
    serving = Serving(old)
    gone = weakref.ref(old)
    serving.swap(make())
    del old
    wait_until(lambda: not retiring())
    gc.collect()
    assert gone() is None
    serving.close()


def test_a_request_that_fails_gives_its_lease_back(make: Make) -> None:
    old = make()
    serving = Serving(old)

    def request() -> None:
        with serving.lease():
            serving.swap(make())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        request()
    wait_until(lambda: is_closed(old))
    serving.close()


def test_closing_waits_for_those_that_retire(make: Make, encoder: FakeEncoder) -> None:
    old = make()
    serving = Serving(old)
    encoder.gate.clear()
    job = old._stages._encoder.submit(probe_job(old.snapshot))
    assert encoder.entered.wait(5)
    serving.swap(make())
    closing = threading.Thread(target=serving.close)
    closing.start()
    assert retiring(), "the encoder is still busy with the old one's job"
    encoder.gate.set()
    closing.join(10)
    assert not retiring()
    job.result(10)


def test_metrics_follow_the_recommender_in_service(
    make: Make, bundle: Bundle, encoder: FakeEncoder, settings: Settings
) -> None:
    serving = Serving(make())
    value = serving.metrics.registry.get_sample_value
    labels = {
        "bundle": "first",
        "encoder": bundle.manifest.encoder_fingerprint,
        "service": serving._current.recommender.versions.service,
    }
    assert value("laser_bundle_info", labels) == 1
    assert value("laser_catalogue_items") == 41
    second = replace(bundle, manifest=replace(bundle.manifest, bundle_id="second"))
    new = Recommender(second, encoder, open_index(bundle.vectors, "cpu"), settings, serving.metrics)
    serving.swap(new)
    assert value("laser_bundle_info", labels) is None
    assert value("laser_bundle_info", labels | {"bundle": "second"}) == 1
    encoder.gate.clear()
    encoder.entered.clear()
    queue = new._stages._encoder
    first = queue.submit(probe_job(new.snapshot))
    assert encoder.entered.wait(5)
    jobs = [first, *(queue.submit(probe_job(new.snapshot)) for _ in range(2))]
    assert value("laser_queue_waiting", {"stage": "encode"}) == 2
    encoder.gate.set()
    for job in jobs:
        job.result(10)
    serving.close()
