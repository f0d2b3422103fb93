"""infinity, an embedding server, as its users run it: a process of its own with its own packages and defaults.

It needs other versions of packages than we do, so it gets an environment of its own under benchmarks/work, made once.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import torch

from benchmarks._outcome import FOLDER
from model.backbone import embedded_folder

ENVIRONMENT = FOLDER / "work" / "infinity"
PACKAGES = ("infinity-emb[server,torch]==0.0.78", "transformers>=4.57,<5")
START_SECONDS = 300.0
STOP_SECONDS = 30.0


class InfinityError(Exception):
    """It cannot be installed or does not start; the message ends with what it said."""


def installed(environment: Path = ENVIRONMENT) -> Path:
    """The command of infinity, installed first where it is missing. Raises InfinityError."""
    command = environment / "bin" / "infinity_emb"
    if not command.is_file():
        print(f"installing infinity into {environment} ...", file=sys.stderr)
        same_torch = f"torch=={torch.__version__.partition('+')[0]}"
        _run([sys.executable, "-m", "venv", str(environment)])
        _run([str(environment / "bin" / "python"), "-m", "pip", "install", "-q", same_torch, *PACKAGES])
    return command


@contextmanager
def serving_infinity(command: Path, log: Path) -> Iterator[str]:
    """The URL of one that serves the embedded weights on loopback until the block ends. Raises InfinityError."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = ["--model-id", str(embedded_folder()), "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0"}
    with log.open("ab") as output:
        process = subprocess.Popen([command, "v2", *options], env=environment, stdout=output, stderr=output)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise InfinityError(f"infinity did not start: {log.read_text(errors='replace')[-2000:]}")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InfinityError(f"infinity cannot be installed: {(done.stdout + done.stderr)[-2000:]}")
