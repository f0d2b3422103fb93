"""What is freed is given back: the process shrinks."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator

import pyarrow as pa
import pytest

from service import memory, serve, server
from service.memory import (
    YOUNG,
    Heap,
    bound_programs,
    give_back_memory,
    held,
    keep_out_of_collections,
    resident,
)
from service.settings import Settings


@pytest.mark.skipif(not resident(), reason="only Linux says what a process holds")
def test_what_another_thread_allocated_and_freed_is_given_back() -> None:
    size, kept = 1000, []

    def allocate() -> None:
        blocks = [bytearray(size) for _ in range(60_000)]
        kept.append(blocks[-1])  # the end of the heap stays in use
        blocks.clear()

    thread = threading.Thread(target=allocate)
    thread.start()
    thread.join()
    before = resident()
    give_back_memory()
    assert before - resident() > 30_000_000


def test_what_is_free_goes_back_once_the_process_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    held, trims = [100 * 2**20], []
    monkeypatch.setattr(memory, "resident", lambda: held[0])

    def trim() -> None:
        trims.append(held[0])
        held[0] -= 20 * 2**20

    monkeypatch.setattr(memory, "_trim", trim)
    heap = Heap()
    held[0] += 31 * 2**20
    assert not heap.shrink()
    held[0] += 2**20
    assert heap.shrink()
    assert trims == [132 * 2**20]
    held[0] += 31 * 2**20  # 143 MiB: 31 more than after the last time
    assert not heap.shrink()


def test_a_service_looks_at_its_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Event()
    monkeypatch.setattr(memory, "LOOK_SECONDS", 0.0)

    async def serve_a_while() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(Heap, "shrink", lambda heap: loop.call_soon_threadsafe(looked.set))
        calm = iter([False, False, True])
        async with memory.shrinking(lambda: next(calm, True)):
            await asyncio.wait_for(looked.wait(), 30)
        assert next(calm, None) is None  # it had been asked until it was

    asyncio.run(serve_a_while())


@pytest.mark.skipif(not resident(), reason="only Linux says what a process holds")
def test_processes_that_were_started_count_and_what_they_share_counts_once() -> None:
    forking = (
        "import os, sys; block = os.urandom(1 << 26);"
        " os.write(1, b'parent\\n' if os.fork() else b'child\\n'); sys.stdin.read()"
    )
    before = held()
    command = [sys.executable, "-c", forking]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        assert {started.stdout.readline(), started.stdout.readline()} == {b"parent\n", b"child\n"}
        grown = held() - before
        started.stdin.close()
    assert 60 * 2**20 < grown < 110 * 2**20


@pytest.mark.parametrize(("before", "kept"), [(None, "256"), ("900", "900")])
def test_a_process_that_serves_keeps_few_programs_of_onednn(
    before: str | None, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, before or "")
    if before is None:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "64")
    bound_programs()
    assert os.environ[name] == kept


class Link:
    """One that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_only_a_cycle_holds_is_freed() -> None:
    gone = weakref.ref(Link())
    give_back_memory()
    assert gone() is None


@pytest.fixture
def collections_as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_loaded_is_not_looked_through_again(collections_as_before: None) -> None:
    kept = Link()
    keep_out_of_collections()
    assert gc.get_freeze_count() > 0
    assert not any(each is kept for each in gc.get_objects())
    assert gc.get_threshold()[0] == YOUNG


def test_a_process_that_serves_has_arrow_on_the_common_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        monkeypatch.setenv(name, "")  # restored afterwards
    pools: list[str] = []
    before = pa.default_memory_pool()
    monkeypatch.setattr(
        server, "run", lambda settings: pools.append(pa.default_memory_pool().backend_name) or 0
    )
    try:
        assert serve(Settings()) == 0
    finally:
        pa.set_memory_pool(before)
    assert pools == ["system"]


def test_what_loading_freed_is_given_back_before_the_first_answer(
    collections_as_before: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []
    monkeypatch.setattr(memory, "give_back_memory", lambda: given.append(gc.get_freeze_count() > 0))
    keep_out_of_collections()
    assert given == [False], "what is freed first is not kept"
    assert gc.get_freeze_count() > 0
