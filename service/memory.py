"""Memory given back to the system.

glibc keeps what is freed for the thread that had it. Whoever loads and frees a bundle now and then, each time on other
threads, would hold a bundle's worth of memory for every one of them.
"""

import ctypes
from contextlib import suppress


def give_back_memory() -> None:
    """Return what is freed, all threads' alike, where the C library can (glibc). Other threads go on meanwhile."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
