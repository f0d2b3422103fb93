"""Memory given back to the system, and collections that stay short.

glibc keeps what is freed for the thread that had it. Whoever loads and frees a bundle now and then, each time on other
threads, would hold a bundle's worth of memory for every one of them. What loading freed goes back before the first
answer, and Arrow has no pool of its own beside the heap: the demo, loaded, holds 681 MiB instead of 708.

Batches of ever other sizes leave a heap in pieces, most of them free, that would grow for hours; so what is free goes
back whenever the process has grown by a little (`shrinking`).
"""

import asyncio
import ctypes
import gc
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

PROC = Path("/proc")
STATM = PROC / "self" / "statm"
PROPORTIONAL = re.compile(
    r"^Pss:\s+(\d+) kB$", re.MULTILINE
)  # each page divided by the processes that have it
LOOK_SECONDS = 5.0
YOUNG = 20_000  # new objects from which on a collection looks for cycles among them
WORTH = 32 * 2**20  # bytes of growth from which it pays to look for free ones


def share_heap() -> None:
    """Let Arrow allocate from the heap that everything else uses. To be called before it allocates."""
    import pyarrow as pa  # which an encoding process needs not

    pa.set_memory_pool(pa.system_memory_pool())


def bound_programs() -> None:
    """Let oneDNN, and PyTorch's layer over it, keep fewer programs. To be called before anything is computed.

    They compile one for each shape that they meet, and by default keep a thousand, in each process that encodes: that
    many are met within hours. With these numbers 4,500 small batches of ever other lengths took no longer, and memory
    in use stood still from the first 500 on, where it had grown by 40 MiB and grew on. What the environment says wins.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    os.environ.setdefault("LRU_CACHE_CAPACITY", "64")


def keep_out_of_collections() -> None:
    """What is loaded by now stays: later collections, which stop every thread, need not look through it.

    They also come more rarely: by Python's own measure an answer took .97 ms of the event loop, by this one .79 ms.
    """
    give_back_memory()
    gc.freeze()
    gc.set_threshold(YOUNG)


def give_back_memory() -> None:
    """Free what only cycles hold, and return what is freed, all threads' alike, where the C library can (glibc)."""
    gc.collect()
    _trim()


class Heap:
    """The process's memory, watched."""

    def __init__(self) -> None:
        self._held = resident()

    def shrink(self) -> bool:
        """Give back what is free if there is more in memory by WORTH than after the last time."""
        if resident() - self._held < WORTH:
            return False
        _trim()
        self._held = resident()
        return True


@asynccontextmanager
async def shrinking(is_calm: Callable[[], bool]) -> AsyncIterator[None]:
    """Look at the heap every LOOK_SECONDS if it is calm, until the block ends.

    While pages go back, nobody can allocate: a tenth of a second for some hundred MiB.
    """
    heap = Heap()

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if is_calm():
                await asyncio.to_thread(heap.shrink)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not say."""
    try:
        return int(STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def held() -> int:
    """Bytes in memory of this process and those it started, what they share counted once; takes some milliseconds.

    0 where the system does not say.
    """
    own = os.getpid()
    return sum(_proportional(process) for process in (own, *descendants(own)))


def descendants(process: int) -> Iterator[int]:
    """The processes that a process started, and those that they did (Linux)."""
    with suppress(OSError):
        for thread in (PROC / str(process) / "task").iterdir():
            for child in map(int, (thread / "children").read_text("ascii").split()):
                yield child
                yield from descendants(child)


def _proportional(process: int) -> int:
    try:
        rollup = (PROC / str(process) / "smaps_rollup").read_text("ascii")
    except OSError:  # it has ended, or this is another system
        return 0
    return 1024 * sum(map(int, PROPORTIONAL.findall(rollup)))


def _trim() -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
