"""Replicas of one service, restarted one by one as a deployment does it: a new one, then SIGTERM to the old."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks._service import SERVING, START_SECONDS, ServiceError
from benchmarks.service_bench.balancer import Balancer
from service.settings import PREFIX

STOP_SECONDS = 120.0
DRAIN_SECONDS = (
    2.0  # what a replica goes on answering after SIGTERM: many times what the balancer needs to notice
)


@dataclass(frozen=True)
class Replica:
    """One process that answers."""

    url: str
    process: asyncio.subprocess.Process


class Restart:
    """Starts replicas of folder/bundles, all on the same state, and restarts them behind a balancer."""

    def __init__(self, folder: Path, balancer: Balancer, drain_seconds: float = DRAIN_SECONDS) -> None:
        self._folder = folder
        self._balancer = balancer
        self._drain_seconds = drain_seconds
        self._started = 0
        self.replicas: list[Replica] = []

    async def start(self) -> None:
        """Start one, and wait until requests go to it. Raises ServiceError."""
        self._started += 1
        log = self._folder / f"replica-{self._started}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        environment |= {
            f"{PREFIX}BUNDLES": str(self._folder / "bundles"),
            f"{PREFIX}PORT": "0",
            f"{PREFIX}DRAIN_SECONDS": str(self._drain_seconds),
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "service", env=environment, stdout=output, stderr=output
            )
        replica = Replica(await _url(process, log), process)
        self.replicas.append(replica)
        self._balancer.add(replica.url)
        give_up = time.monotonic() + START_SECONDS
        while replica.url not in self._balancer.ready:
            if time.monotonic() > give_up:
                raise ServiceError(f"the service is not ready: {_end(log)}")
            await asyncio.sleep(0.05)

    async def restart_oldest(self) -> int:
        """Replace the replica that runs longest. Returns the status it left with; -9 where it had to be killed."""
        await self.start()
        old = self.replicas.pop(0)
        status = await _stop(old)
        self._balancer.remove(old.url)
        return status

    async def stop(self) -> None:
        """Stop all that run."""
        while self.replicas:
            await _stop(self.replicas.pop())


async def _stop(replica: Replica) -> int:
    replica.process.send_signal(signal.SIGTERM)
    try:
        return await asyncio.wait_for(replica.process.wait(), STOP_SECONDS)
    except TimeoutError:
        replica.process.kill()
        return await replica.process.wait()


async def _url(process: asyncio.subprocess.Process, log: Path) -> str:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.returncode is None:
        if found := SERVING.search(log.read_bytes()):
            return found[1].decode()
        await asyncio.sleep(0.05)
    if process.returncode is None:
        process.kill()
        await process.wait()
    raise ServiceError(f"the service did not start: {_end(log)}")


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
