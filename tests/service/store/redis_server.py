"""A real redis-server of a test's own: on a free loopback port, with a folder of its own, durable to the last write."""

import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import redis

from tests.service.world import wait_until

PROGRAM = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not installed")

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class RedisServer:
    """Start it, stop it, kill it, start it again on the same port and folder."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url, socket_timeout=5)
        self._options = {"bind": "127.0.0.1", "save": "", "dir": str(folder), **DURABLE, **options}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        """Returns when it answers."""
        assert PROGRAM is not None
        options = ([f"--{name}", *(value.split() or [""])] for name, value in self._options.items())
        arguments = [text for option in options for text in option]
        command = [PROGRAM, "--port", str(self.port), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._answers)
        except AssertionError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """SIGTERM; also when it is paused or was never started."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def pause(self) -> None:
        """It accepts connections and never answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
