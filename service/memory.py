"""Memory given back to the system, and collections that stay short.

glibc keeps what is freed for the thread that had it. Whoever loads and frees a bundle now and then, each time on other
threads, would hold a bundle's worth of memory for every one of them. What loading freed goes back before the first
answer, and Arrow has no pool of its own beside the heap: the demo, loaded, holds 681 MiB instead of 708.
"""

import ctypes
import gc
from contextlib import suppress

import pyarrow as pa


def share_heap() -> None:
    """Let Arrow allocate from the heap that everything else uses. To be called before it allocates."""
    pa.set_memory_pool(pa.system_memory_pool())


def keep_out_of_collections() -> None:
    """What is loaded by now stays: later collections, which stop every thread, need not look through it."""
    give_back_memory()
    gc.freeze()


def give_back_memory() -> None:
    """Free what only cycles hold, and return what is freed, all threads' alike, where the C library can (glibc)."""
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
