"""How the encoder's threads share the cores.

On a CPU several threads encode a batch each, with one core an operation: an operation on two cores waits for both at
its end, and most of an encoder's operations are too short for that. On two cores a single prompt took 18 ms with both
and 12 ms with one; batches of 16 came to 188 prompts/s one after the other with both, and to 316 side by side.

Python runs one thread at a time, so that more threads than a few would wait for each other: with more cores than
threads, each thread's operations get several. A GPU has one queue, and one thread that fills it.

Where each thread has a process to compute in (processes/), it only hands over and waits.
"""

import os
import sys
import threading
from contextlib import suppress
from typing import Literal, NamedTuple, Protocol

Place = Literal["auto", "threads", "processes"]

MOST_WORKERS = 4
NICENESS = 10  # of what encodes, threads or processes: what accepts, refuses and answers comes first


class Cores(Protocol):
    """The part of model.laser.Laser that says where and how wide it computes."""

    @property
    def on_cpu(self) -> bool: ...
    @property
    def on_calling_thread(self) -> bool: ...
    def use_cores(self, cores: int) -> None: ...


class Share(NamedTuple):
    """So many threads, each with so many cores."""

    workers: int
    cores: int

    @classmethod
    def of(cls, cores: float, on_cpu: bool, wanted: int = 0) -> "Share":
        """`cores` are there; `wanted` is the number of threads, where somebody chose it."""
        workers = wanted or (min(MOST_WORKERS, max(1, int(cores))) if on_cpu else 1)
        return cls(workers, max(1, int(cores) // workers))

    def in_processes(self, place: Place, on_cpu: bool) -> bool:
        """Whether each worker encodes in a process of its own, where somebody chose the `place`, or `auto`.

        Raises ValueError where processes were chosen and cannot be.
        """
        fits = on_cpu and sys.platform == "linux"
        if place == "processes" and not fits:
            raise ValueError("encoding processes need Linux and the encoder on its CPU")
        return fits and (place == "processes" or (place == "auto" and self.workers > 1))

    def begin(self, encoder: Cores) -> None:
        """To be called on each of the threads before it encodes."""
        if not (encoder.on_cpu and encoder.on_calling_thread):
            return
        encoder.use_cores(self.cores)
        with suppress(OSError, AttributeError):  # where threads have no priority of their own
            thread = threading.get_native_id()
            own = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, own + NICENESS)
