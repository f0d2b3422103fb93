"""A redis-server of a benchmark's own, on loopback and durable to the last write, that can be stopped and paused."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
START_SECONDS = 30.0


class RedisMissingError(Exception):
    """There is no redis-server on this machine, or it does not start."""


class RedisServer:
    """`start` it, and after `stop` or `kill` again: the port and what it acknowledged stay the same."""

    def __init__(self, folder: Path) -> None:
        """Raises RedisMissingError."""
        program = shutil.which("redis-server")
        if program is None:
            raise RedisMissingError("redis-server is not on the PATH: install Redis 7")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        options = DURABLE | {"bind": "127.0.0.1", "port": str(port), "dir": str(folder)}
        self._command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        self._client = redis.Redis.from_url(self.url, socket_timeout=1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers. Raises RedisMissingError."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > give_up or self._process.poll() is not None:
                raise RedisMissingError("redis-server does not start")
            time.sleep(0.01)

    def answers(self) -> bool:
        """Does it answer a PING now?"""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """End it, also where it is paused or was never started."""
        self._client.close()  # its connection; it makes another when it is asked again
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It takes connections and answers none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`; returns when it answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        while not self.answers():
            time.sleep(0.01)
