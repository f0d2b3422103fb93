"""How the commands of a page are checked: run where that takes a moment, else read as the program would read them."""

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import typer
import yaml

import laser
from benchmarks import names
from tests.docs.blocks import ROOT
from tests.docs.conftest import World

QUICK = ("data check", "bundles list", "bundles promote", "bundles rollback", "bundles prune", "keys create")
QUICK += ("keys list", "doctor")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
PROFILES = {name for service in COMPOSE["services"].values() for name in service.get("profiles", ())}
ADDRESS = "http://127.0.0.1:8000"

curl_options = argparse.ArgumentParser(exit_on_error=False)
curl_options.add_argument("url")
curl_options.add_argument("-X", dest="method")
curl_options.add_argument("-H", dest="headers", action="append", default=[])
curl_options.add_argument("-d", dest="body")
curl_options.add_argument("-s", action="store_true")
curl_options.add_argument("-i", action="store_true")


def run_command(words: Sequence[str], world: World) -> None:
    """Check one command of a reader who is in `world.home`. Fails for a program that this does not know."""
    name = words[0].removeprefix(".venv/bin/")
    assert name in PROGRAMS, f"{name}: how a page may use it is said in {__name__}"
    PROGRAMS[name]([word.replace("$BUNDLE", world.bundle) for word in words[1:]], world)


def run_laser(words: Sequence[str], world: World) -> None:
    """Options and arguments must be read without complaint; what takes a moment is run, and must succeed."""
    command = read_laser(words)
    if command in QUICK:
        with contextlib.chdir(world.home):
            assert laser.main(words) == 0, words


def read_laser(words: Sequence[str]) -> str:
    """The command's name. Raises typer's usage error for an option or argument that it does not take."""
    command: Any = typer.main.get_command(laser.app)
    name, rest = "", list(words)
    while hasattr(command, "commands"):
        assert rest, f"laser {name}: a command is missing"
        assert rest[0] in command.commands, f"there is no laser {name} {rest[0]}"
        command, name = command.commands[rest[0]], f"{name} {rest.pop(0)}".strip()
    context = command.make_context(name, rest)
    if name == "bench" and context.params["name"] is not None:
        assert context.params["name"] in names()
    return name


def run_make(words: Sequence[str], world: World) -> None:
    """The targets exist, and their recipes can be expanded."""
    outer = ("FAISS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "TORCH_INDEX_URL", "VENV")
    env = {key: value for key, value in os.environ.items() if key not in outer}
    done = subprocess.run(
        ["make", "--dry-run", *words, f"VENV={world.home}/env"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def run_curl(words: Sequence[str], world: World) -> None:
    """The request is sent to the served bundle and must be answered with 2xx."""
    answer = send(words, world)
    assert answer.is_success, answer.text


def send(words: Sequence[str], world: World) -> httpx.Response:
    """What curl's options ask, asked of the served bundle."""
    given = curl_options.parse_args(words)
    assert given.url.startswith(ADDRESS), given.url
    headers = dict(header.split(": ", 1) for header in given.headers)
    method = given.method or ("GET" if given.body is None else "POST")
    path = given.url.removeprefix(ADDRESS)
    return world.served.client.request(method, path or "/", headers=headers, content=given.body)


def run_docker(words: Sequence[str], world: World) -> None:
    """The files, the profile and the service of a compose command exist; a command for `laser` is read too."""
    assert words[0] == "compose", words
    rest = list(words[1:])
    while rest[0] in ("-f", "--profile"):
        option, value, *rest = rest
        known = (ROOT / value).is_file() if option == "-f" else value in PROFILES
        assert known, f"there is no {value}"
    assert rest[0] in ("up", "run", "restart"), words
    service, *inside = [word for word in rest[1:] if word != "--rm"] or [next(iter(COMPOSE["services"]))]
    assert service in COMPOSE["services"], f"there is no service {service}"
    if inside:
        assert inside[0] == "laser", inside
        read_laser(inside[1:])


def run_redis(words: Sequence[str], world: World) -> None:
    """What a page says of Redis is what the compose file does."""
    assert ["redis-server", *words] == COMPOSE["services"]["redis"]["command"]


def run_export(words: Sequence[str], world: World) -> None:
    """NAME=VALUE; that the name is a setting, test_pages.py sees to."""
    assert all(word.count("=") >= 1 for word in words), words


def run_python(words: Sequence[str], world: World) -> None:
    """A program of ours is run against the served bundle."""
    env = os.environ | {"LASER_URL": world.served.url}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


PROGRAMS: dict[str, Callable[[Sequence[str], World], None]] = {
    "laser": run_laser,
    "make": run_make,
    "curl": run_curl,
    "docker": run_docker,
    "redis-server": run_redis,
    "export": run_export,
    "python": run_python,
}
