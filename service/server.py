"""The process: load, listen, answer, drain, leave.

uvicorn alone refuses new connections the moment it gets SIGTERM. Here the signal first turns /readyz red and
the listener stays open for LASER_DRAIN_SECONDS, in which balancers move on; then requests in flight finish,
and the exit status is 0. A second signal, or Ctrl+C, skips the wait.
"""

import errno
import logging
import os
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from service import VERSION, logs
from service.access.access import open_access
from service.access.key_file import KeyFileError
from service.app import create_app
from service.http_protocol import BoundedHead
from service.loading import StartupError, load_recommender
from service.memory import keep_out_of_collections
from service.metrics import Metrics
from service.settings import Settings, unknown_variables
from service.tracing_export import open_tracing

# Longer than balancers keep an idle connection (60 s), or they would send a request into one that is closing.
KEEP_ALIVE_SECONDS = 75


class DrainingServer(uvicorn.Server):
    """uvicorn with a drain in front of its shutdown."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds
        self._leave_at = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where the service answers once it does: until now the address was taken, and connections refused.

        Raises StartupError where another program listens there by now; Linux lets it share an address until then.
        """
        try:
            await super().startup(sockets=sockets)
            # uvloop closes a listener that cannot listen, and says nothing.
            if any(listener.fileno() < 0 for listener in sockets or []):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        except OSError as error:
            await self.lifespan.shutdown()
            raise StartupError(f"cannot listen on the address it had taken: {error.strerror}") from error
        for listener in (sockets or []) if self.started else []:
            host, port = listener.getsockname()[:2]
            url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            logs.event(logging.INFO, "serving", url=url, version=VERSION)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start draining; a second signal or Ctrl+C leaves at once.

        uvicorn would re-raise the signal and exit with it.
        """
        impatient = self._app.state.closing or sig == signal.SIGINT
        self._app.state.closing = True
        self._leave_at = 0 if impatient else time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; True ends the main loop."""
        return await super().on_tick(counter) or time.monotonic() >= self._leave_at


def run(settings: Settings) -> int:
    """Serve until a signal. Returns the exit status: 0, or 2 after one line on stderr."""
    logs.configure(settings.log_level)
    for line in unknown_variables():
        logs.event(logging.WARNING, line)
    try:
        access = open_access(settings)
        listener = _listen(settings.host, settings.port)
        with listener:
            # No name holds the recommender here: once another bundle is swapped in, nothing may keep it.
            app = create_app(
                settings, load_recommender(settings, Metrics(open_tracing(settings))), access=access
            )
            keep_out_of_collections()
            # NumPy's own threads spin for company, on cores that the encoder needs.
            threadpool_limits(1, "blas")
            _serve(app, listener, settings)
    except (StartupError, KeyFileError) as error:
        print(f"laser: {error}", file=sys.stderr)
        return 2
    return 0


def uvicorn_config(app: FastAPI) -> uvicorn.Config:
    """How uvicorn is run: it logs nothing of requests (the envelope does) and names itself to nobody."""
    return uvicorn.Config(
        app,
        lifespan="on",
        http=BoundedHead,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _serve(app: FastAPI, listener: socket.socket, settings: Settings) -> None:
    DrainingServer(uvicorn_config(app), app, settings.drain_seconds).run([listener])


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before the bundle is loaded, so that a port in use is told at once.

    Raises StartupError.
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener
