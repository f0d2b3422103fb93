"""A service as its users have it: a process of its own on loopback, on a copy of a bundle, in a folder of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index.bundle import Manifest, open_bundle, publish
from service.settings import PREFIX

SERVING = re.compile(rb'"event": "serving", "url": "(http://[^"]+)"')
START_SECONDS = 300.0
STOP_SECONDS = 30.0


class ServiceError(Exception):
    """The service did not start; the message ends with what it said."""


@dataclass(frozen=True)
class Service:
    """One that answers."""

    url: str
    log: Path
    process: "subprocess.Popen[bytes]"


def copy_bundle(bundles: Path, folder: Path) -> Manifest:
    """Put the published bundle alone into `folder`, published there. Raises BundleError."""
    bundle = open_bundle(bundles)
    shutil.copytree(bundle.folder, folder / bundle.manifest.bundle_id)
    publish(folder, bundle.manifest.bundle_id)
    return bundle.manifest


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Service]:
    """Serve folder/bundles, with LASER_* settings by their names, until the block ends. Raises ServiceError."""
    log = folder / "service.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {f"{PREFIX}{name.upper()}": value for name, value in settings.items()}
    environment |= {"LASER_BUNDLES": str(folder / "bundles"), "LASER_PORT": "0", "LASER_DRAIN_SECONDS": "0"}
    with log.open("ab") as output:
        command = [sys.executable, "-m", "service"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield Service(_url(process, log), log, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _url(process: "subprocess.Popen[bytes]", log: Path) -> str:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        if found := SERVING.search(log.read_bytes()):
            return found[1].decode()
        time.sleep(0.05)
    raise ServiceError(f"the service did not start: {log.read_text(errors='replace')[-2000:]}")
