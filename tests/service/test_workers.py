"""How many threads encode, with how many cores each, and that encoding side by side changes no vector."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.bundle import Bundle
from model.checkpoint import load_checkpoint
from service.workers import NICENESS, Share
from tests.service.bundle_world import histories_of


@pytest.mark.parametrize(
    ("cores", "on_cpu", "wanted", "share"),
    [
        (1.0, True, 0, Share(1, 1)),
        (0.5, True, 0, Share(1, 1)),  # half a core of a container's
        (2.0, True, 0, Share(2, 1)),
        (16.0, True, 0, Share(4, 4)),
        (16.0, True, 8, Share(8, 2)),
        (2.0, True, 3, Share(3, 1)),
        (16.0, False, 0, Share(1, 16)),
    ],
)
def test_threads_and_cores(cores: float, on_cpu: bool, wanted: int, share: Share) -> None:
    assert Share.of(cores, on_cpu, wanted) == share


class Noted:
    """What was asked of an encoder."""

    def __init__(self, on_cpu: bool, on_calling_thread: bool = True) -> None:
        self.on_cpu, self.on_calling_thread = on_cpu, on_calling_thread
        self.cores: list[int] = []

    def use_cores(self, cores: int) -> None:
        self.cores.append(cores)


def test_a_worker_takes_its_cores_and_steps_behind_the_event_loop() -> None:
    encoder = Noted(on_cpu=True)
    nice: list[int] = []

    def work() -> None:
        Share(2, 3).begin(encoder)
        nice.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    own = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert encoder.cores == [3]
    assert nice == [min(19, own + NICENESS)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


@pytest.mark.parametrize(
    "encoder",
    [Noted(on_cpu=False), Noted(on_cpu=True, on_calling_thread=False)],
    ids=["a GPU", "another process"],
)
def test_a_thread_that_only_hands_over_is_left_as_it_is(encoder: Noted) -> None:
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    Share(1, 8).begin(encoder)
    assert encoder.cores == []
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_threads_side_by_side_make_the_vectors_of_one(bundle: Bundle) -> None:
    laser = load_checkpoint(bundle.folder / "checkpoint", dtype="float32")
    histories = histories_of(bundle, laser, 24)
    alone = [laser.encode_users([history])[0] for history in histories]
    with ThreadPoolExecutor(4, initializer=lambda: laser.use_cores(1)) as pool:
        together = list(pool.map(lambda history: laser.encode_users([history])[0], histories * 3))
    np.testing.assert_allclose(np.stack(together), np.stack(alone * 3), atol=1e-5)
