"""The service's side of the encoding processes: it starts them, asks them, replaces those that die, and ends them."""

import logging
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import LifoQueue
from typing import Any

from service import logs
from service.processes import LOADED

ROOT = Path(__file__).parents[2]  # where the packages are
START_SECONDS = 300.0
MESSAGE = 4096  # bytes of the longest reason
TRIES = 2  # of a call whose worker dies: the next worker may fare better, a third would not


class PoolError(Exception):
    """The processes cannot be started, cannot load the checkpoint, or keep dying."""


class EncodingError(Exception):
    """What a worker raised. It has logged where."""


class Pool:
    """`workers` processes with one checkpoint, each answering one call at a time.

    Starts at once and in the background; the first `call` waits until the checkpoint is loaded. Belongs to one holder
    to begin with; `share` adds one, and the last `release` ends the processes.
    """

    def __init__(self, checkpoint: Path, dtype: str, workers: int, cores: int) -> None:
        """`cores` are those of each worker, for one operation at a time."""
        self._arguments = (str(checkpoint.absolute()), dtype, str(cores))
        self._lock = threading.Lock()  # of what follows
        self._holders = 1
        self._zygote, self._control = self._start()
        self._loaded = False
        self._idle: LifoQueue[Connection | None] = LifoQueue()  # None: one that has to be forked first
        for _ in range(workers):
            self._idle.put(None)

    def call(self, name: str, *given: object) -> Any:
        """What the function of that name in worker.py makes of it. Raises EncodingError, PoolError."""
        for _ in range(TRIES):
            worker = self._idle.get()
            try:
                worker = worker or self._fork()
                worker.send((name, given))
                good, value = worker.recv()
            except (EOFError, OSError):
                logs.event(logging.WARNING, "an encoding process is gone; another takes its place")
                if worker is not None:
                    worker.close()
                worker = None
                continue
            finally:
                self._idle.put(worker)
            if good:
                return value
            message, where = value
            logs.event(logging.ERROR, "an encoding process could not", **where)
            raise EncodingError(message)
        raise PoolError("encoding processes die as soon as they are asked")

    def share(self) -> bool:
        """Take one more holder in; False where the last one has left, and the processes with it."""
        with self._lock:
            there = self._holders > 0
            self._holders += there
        return there

    def release(self) -> None:
        """To be called once by each holder, when it asks nothing any more."""
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
            _end(self._zygote, self._control)

    def _fork(self) -> Connection:
        """A new worker; of a new zygote, where the old one is gone. Raises PoolError, OSError."""
        with self._lock:
            if not self._holders:
                raise PoolError("the encoding processes were ended")
            if self._zygote.poll() is not None:
                _end(self._zygote, self._control)
                self._zygote, self._control = self._start()
                self._loaded = False
            if not self._loaded:
                self._wait()
            ours, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
            return Connection(ours.detach())

    def _start(self) -> tuple["subprocess.Popen[bytes]", socket.socket]:
        ours, theirs = socket.socketpair()
        module = [sys.executable, "-P", "-m", "service.processes.worker"]  # not from where it is called
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        with theirs:
            zygote = subprocess.Popen(
                [*module, str(theirs.fileno()), *self._arguments],
                env=os.environ | {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        return zygote, ours

    def _wait(self) -> None:
        """Until the checkpoint is loaded. Raises PoolError."""
        self._control.settimeout(START_SECONDS)
        said = b""
        with suppress(OSError):
            said = self._control.recv(MESSAGE)
        self._loaded = said == LOADED
        if not self._loaded:
            _end(self._zygote, self._control)  # the next call tries again
            if said:
                raise PoolError(said.decode(errors="replace"))
            raise PoolError(
                "the encoding processes ended before they had loaded; LASER_ENCODE_IN=threads does without them"
            )


def _end(zygote: "subprocess.Popen[bytes]", control: socket.socket) -> None:
    """End a zygote; the system ends its workers with it, whatever they compute."""
    zygote.kill()
    zygote.wait()
    control.close()
