"""A redis-server of one's own, on loopback and durable to the last write, that can be stopped, killed and paused.

The tests have theirs from here too.
"""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
START_SECONDS = 30.0
ANSWER_SECONDS = 5.0


class RedisMissingError(Exception):
    """There is no redis-server on this machine, or it does not start."""


class RedisServer:
    """`start` it, and after `stop` or `kill` again: the port and what it acknowledged stay the same.

    `client` is connected to it.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        """Keeps its files in `folder`; `options` are those of redis.conf. Raises RedisMissingError."""
        program = shutil.which("redis-server")
        if program is None:
            raise RedisMissingError("redis-server is not on the PATH: install Redis 7")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
        chosen = (DURABLE | options).items()
        words = [word for name, value in chosen for word in (f"--{name}", *(value.split() or [""]))]
        self._command = [program, *place, *words]
        self.client = redis.Redis.from_url(self.url, socket_timeout=ANSWER_SECONDS)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        """Returns itself when it answers. Raises RedisMissingError."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > give_up or self._process.poll() is not None:
                self.stop()
                raise RedisMissingError("redis-server does not start")
            time.sleep(0.01)
        return self

    def answers(self) -> bool:
        """Does it answer a PING now?"""
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """End it, also where it is paused or was never started."""
        self.client.close()  # its connection; it makes another when it is asked again
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
