"""A service that is killed and started again, each time a new process on the same folder and store."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from benchmarks._service import SERVING, START_SECONDS, ServiceError


class Victim:
    """`start` it, `wait` until it is ready, `kill` it, from the beginning."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        """`settings` are LASER_* variables."""
        self._folder = folder
        self._environment = {**os.environ, **settings, "LASER_PORT": "0"}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """A new process; returns at once."""
        with (self._folder / "service.log").open("wb") as log:
            command = [sys.executable, "-m", "service"]
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def wait(self) -> str:
        """Its address, once it is ready. Raises ServiceError where it never is."""
        assert self._process is not None
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up and self._process.poll() is None:
            found = SERVING.search((self._folder / "service.log").read_bytes())
            if found is not None and _is_ready(found[1].decode()):
                return found[1].decode()
            time.sleep(0.05)
        raise ServiceError((self._folder / "service.log").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
