"""Commands that take hours, or another machine, as the tests run them: for real, and small.

All that differs from what a page says is here:

- the data of a page, whatever it calls them, are 40 items and 60 users (tests/training_world.py); what its public
  dump holds is a dump of the same form;
- SHORTER comes before a page's own `--set`, which therefore counts, and makes the network small;
- a backbone of the hub is a folder of that name in the reader's folder, with random weights;
- HERE stands for what exports name: another machine, another folder, all interfaces; so does `cpu` where there is no
  CUDA device;
- a run that a page goes on from is trained first.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import torch
from transformers import Qwen3Config

from tests.docs.blocks import ROOT
from tests.tiny import VOCABULARY, save_tiny_backbone, tiny_model, tiny_tokenizer
from tests.training_world import tiny_overrides, write_world

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
HERE = {"LASER_HOST": "127.0.0.1", "LASER_DEVICE": DEVICE, "LASER_BUNDLES": "bundles"}
BACKBONE, OWN_BACKBONE = "models/tiny", "models/mine"
DECODERS = ("Qwen/Qwen3-Embedding-0.6B", "Qwen/Qwen3-0.6B")


def write_backbones(home: Path) -> list[str]:
    """The backbones that pages name, each tiny, in the reader's folder. Returns SHORTER as words."""
    backbone = save_tiny_backbone(home / BACKBONE)
    save_tiny_backbone(home / OWN_BACKBONE, seed=1)
    for name in DECODERS:
        config = Qwen3Config(
            vocab_size=len(VOCABULARY),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
        )
        tiny_model(config).save_pretrained(home / name)
        tiny_tokenizer().save_pretrained(home / name)
    shorter = tiny_overrides(backbone) | {
        "laser.backbone.name": BACKBONE,
        "laser.prompt.max_tokens": "100",
        "training.phase1_epochs": "1",
        "training.phase2_epochs": "1",
        "id_recommenders.epochs": "1",
    }
    return [word for key, value in shorter.items() for word in ("--set", f"{key}={value}")]


def write_dump(raw: Path) -> None:
    """A dump as amazon2018 reads it: six users, each of whom took all of six products."""
    raw.mkdir(exist_ok=True)
    products = [{"asin": f"B{n}", "title": f"Thing {n}", "brand": "Acme"} for n in range(6)]
    reviews = [
        {"reviewerID": f"A{user}", "asin": f"B{n}", "overall": 5.0, "unixReviewTime": 1_472_688_000 + n}
        for user in range(6)
        for n in range(6)
    ]
    for name, lines in (("Things_5", reviews), ("meta_Things", products)):
        text = "\n".join(map(json.dumps, lines))
        (raw / f"{name}.json.gz").write_bytes(gzip.compress(text.encode()))


def ready(command: str, words: Sequence[str], given: Mapping[str, Any], shorter: Sequence[str]) -> list[str]:
    """Put what the command needs into the current folder; returns the words to run it with.

    `given` are its arguments and options as it reads them.
    """
    if command == "data prepare":
        write_dump(given["raw"])
        shutil.rmtree(given["out"], ignore_errors=True)
    if command in ("train", "evaluate", "reindex"):
        write_world(given["data"])
    if command == "train":
        shutil.rmtree(given["out"], ignore_errors=True)
        return ["train", *shorter, *(DEVICE if word == "cuda" else word for word in words[1:])]
    return list(words)


def missing_runs(command: str, given: Mapping[str, Any]) -> Iterable[Path]:
    """The runs that the command goes on from and that are not there."""
    runs = given.get("runs", ()) if command == "evaluate" else [given["run"]] if command == "reindex" else []
    return [run for run in runs if not (run / "checkpoint").is_dir()]


def serve(words: Sequence[str], home: Path, exported: Mapping[str, str]) -> None:
    """Start the service on a free port, ask it whether it is ready, and end it as a machine that stops does."""
    environment = {"LASER_PORT": "0", "LASER_DRAIN_SECONDS": "0", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(ROOT / "laser.py"), *words]
    host = exported.get("LASER_ALLOWED_HOSTS", "127.0.0.1")
    env = os.environ | dict(exported) | environment
    with subprocess.Popen(command, cwd=home, env=env, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            lines = (json.loads(line) for line in server.stderr)
            url = next(line["url"] for line in lines if line["event"] == "serving")
            answer = httpx.get(f"{url}/readyz", headers={"Host": host}, timeout=60)
            assert answer.status_code == 200, answer.text
        finally:
            server.send_signal(signal.SIGTERM)
    assert server.returncode == 0, words
