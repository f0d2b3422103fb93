"""Memory given back to the system, and collections that stay short.

glibc keeps what is freed for the thread that had it. Whoever loads and frees a bundle now and then, each time on other
threads, would hold a bundle's worth of memory for every one of them.
"""

import ctypes
import gc
from contextlib import suppress


def keep_out_of_collections() -> None:
    """What is loaded by now stays: later collections, which stop every thread, need not look through it."""
    gc.collect()
    gc.freeze()


def give_back_memory() -> None:
    """Free what only cycles hold, and return what is freed, all threads' alike, where the C library can (glibc)."""
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
