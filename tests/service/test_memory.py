"""What is freed is given back: the process shrinks."""

import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

from service.memory import give_back_memory, keep_out_of_collections

STATUS = Path("/proc/self/status")


def resident() -> int:
    """Bytes of this process in memory."""
    [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux says what a process holds")
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


class Link:
    """One that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_only_a_cycle_holds_is_freed() -> None:
    gone = weakref.ref(Link())
    give_back_memory()
    assert gone() is None


def test_what_is_loaded_is_not_looked_through_again() -> None:
    kept = Link()
    try:
        keep_out_of_collections()
        assert gc.get_freeze_count() > 0
        assert not any(each is kept for each in gc.get_objects())
    finally:
        gc.unfreeze()


ARENAS_OF_TEN_THREADS = """
import ctypes, threading
import pyarrow
from service.memory import share_memory

share_memory()
assert pyarrow.default_memory_pool().backend_name == "system"
all_there = threading.Barrier(10)
threads = [threading.Thread(target=lambda: (bytearray(100_000), all_there.wait())) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""


@pytest.mark.skipif(not STATUS.exists(), reason="glibc says how many arenas it has")
@pytest.mark.parametrize(("chosen", "arenas"), [(None, 2), ("1", 1)])
def test_threads_share_two_arenas_unless_somebody_chose(
    chosen: str | None, arenas: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chosen is None:
        monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    else:
        monkeypatch.setenv("MALLOC_ARENA_MAX", chosen)
    command = [sys.executable, "-c", ARENAS_OF_TEN_THREADS]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said.count("<heap nr=") == arenas
