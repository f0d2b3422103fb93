"""The online half: FastAPI around a bundle, from a request to k items that are allowed.

    app -> schemas -> history.resolve -> constraints.parse -> batcher -> encoding -> searching -> response

`serve(settings)` runs it as a process; `service.app.create_app(settings, recommender)` is the factory behind
it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.settings import Settings

VERSION = "0.1.0"


def serve(settings: "Settings") -> int:
    """Load everything, then answer requests until a signal.

    Returns the exit status: 0, or 2 after one line on stderr.
    """
    # torch, faiss and FastAPI are loaded by whoever serves, not by whoever asks for VERSION.
    from service.memory import bound_programs, share_heap
    from service.server import run

    share_heap()
    bound_programs()
    return run(settings)
