"""The zygote and its workers: `python -m service.processes.worker CONTROL CHECKPOINT DTYPE CORES`.

CONTROL is the number of an open socket. Once loaded, the zygote writes LOADED to it, or why that cannot be; every
socket that comes over it afterwards gets a worker.
"""

import ctypes
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from model.backbone import BackboneError
from model.checkpoint import CheckpointError, load_checkpoint
from model.encoder import TextEncoder
from service import logs
from service.frozen_texts import FrozenTexts
from service.memory import LOOK_SECONDS, Heap, give_back_memory
from service.processes import LOADED
from service.workers import NICENESS

SET_PARENT_DEATH_SIGNAL = 1  # Linux's prctl(2)
CALM_SECONDS = 0.25  # without a call, until there is time to look at the heap
MESSAGE = 64  # bytes; what comes over the control socket beside the socket itself says nothing

Calls = Mapping[str, Callable[..., Any]]


def main(arguments: Sequence[str]) -> int:
    """Load, then fork until the service's end of the control socket closes. Returns the exit status."""
    number, checkpoint, dtype, cores = arguments
    for each in (signal.SIGINT, signal.SIGTERM):  # meant for the service, which ends its workers itself
        signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    with socket.socket(fileno=int(number)) as control:
        torch.set_num_threads(1)  # a process with threads cannot be forked
        with suppress(OSError):  # the service is gone
            try:
                calls = load(Path(checkpoint), dtype)
            except (BackboneError, CheckpointError) as error:
                control.sendall(str(error).encode())
                return 2
            give_back_memory()
            gc.freeze()  # or the collector would write to pages that all share
            control.sendall(LOADED)
            while descriptors := socket.recv_fds(control, MESSAGE, 1)[1]:
                with Connection(descriptors[0]) as connection:
                    if os.fork() == 0:
                        control.close()
                        work(connection, calls, int(cores))
                        os._exit(0)
    return 0


def load(checkpoint: Path, dtype: str) -> Calls:
    """What can be asked of a checkpoint. Raises CheckpointError, BackboneError."""
    laser = load_checkpoint(checkpoint, device="cpu", dtype=dtype)
    laser.fuse()
    texts = FrozenTexts(TextEncoder(laser.config, laser.backbone))
    return {
        "outline": laser.outline,
        "encode_users": laser.encode_users,
        "encode_items": laser.encode_items,
        "tokenize_constraint": laser.tokenize_constraint,
        "item_experts": laser.item_experts,
        "text_vectors": texts.vectors,
        "words": texts.words,
    }


def work(connection: Connection, calls: Calls, cores: int) -> None:
    """Answer calls until the other end closes, on so many cores and behind the service."""
    die_with_parent()
    with suppress(OSError):
        os.nice(NICENESS)
    torch.set_num_threads(cores)
    heap, looked = Heap(), time.monotonic()
    with suppress(EOFError, OSError):  # the service is gone
        while True:
            if not connection.poll(CALM_SECONDS) and time.monotonic() - looked > LOOK_SECONDS:
                heap.shrink()
                looked = time.monotonic()
            connection.send(answer(calls, *connection.recv()))


def answer(calls: Calls, name: str, given: Sequence[Any]) -> tuple[bool, object]:
    """(True, the result) or (False, (the error in words, what may be logged of it))."""
    try:
        return True, calls[name](*given)
    except Exception as error:
        return False, (f"{type(error).__name__}: {error}", logs.describe(error))


def die_with_parent() -> None:
    """Have the system end this process with the one that forked it, also in the middle of a pass (Linux)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
