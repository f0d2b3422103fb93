"""How the commands of a page are run: for real, in the reader's folder, long ones small (small.py).

Read only, as the program would read them:

- `laser bench`: hours; tests/benchmarks runs the benchmarks small;
- `make`: its recipes are expanded; test_makefile.py holds them, and `make test` is what runs this;
- `docker`: there is no engine in the tests; files, profiles and services are looked up in the compose file, and what a
  container runs is read like any command of ours;
- `pip install`: what is to be installed is there. `make test` has installed the same.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import httpx
import typer
import yaml

import laser
from benchmarks import names
from tests.docs.blocks import ROOT
from tests.docs.conftest import World
from tests.docs.small import missing_runs, ready, serve

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
    """Run one command of a reader who is in `world.home`. Fails for a program that this does not know."""
    if re.match(r"[A-Z_]+=", words[0]):  # set for this command alone
        before = dict(world.exported)
        run_export(words[:1], world)
        run_command(words[1:], world)
        world.exported.clear()
        world.exported.update(before)
        return
    name = words[0].removeprefix(".venv/bin/")
    assert name in PROGRAMS, f"{name}: how a page may use it is said in {__name__}"
    PROGRAMS[name]([word.replace("$BUNDLE", world.bundle) for word in words[1:]], world)


def run_laser(words: Sequence[str], world: World) -> None:
    """Must succeed. A run that it goes on from is trained where no command of the page has done so."""
    command, given = read_laser(words)
    if command == "bench":
        return
    if command == "serve":
        serve(words, world.home, world.exported)
        return
    with contextlib.chdir(world.home), mock.patch.dict(os.environ, world.exported):
        for run in missing_runs(command, given):
            run_laser(["train", str(given["data"]), "--out", str(run)], world)
        assert laser.main(ready(command, words, given, world.shorter)) == 0, words


def read_laser(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The command's name, and what it is given. Raises typer's usage error for what it does not take."""
    command: Any = typer.main.get_command(laser.app)
    name, rest = "", list(words)
    while hasattr(command, "commands"):
        assert rest, f"laser {name}: a command is missing"
        assert rest[0] in command.commands, f"there is no laser {name} {rest[0]}"
        command, name = command.commands[rest[0]], f"{name} {rest.pop(0)}".strip()
    context = command.make_context(name, rest)
    if name == "bench" and context.params["name"] is not None:
        assert context.params["name"] in names()
    return name, context.params


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
    """NAME=VALUE, in force for the commands below it; that the name is a setting, test_pages.py sees to."""
    for word in words:
        name, equals, value = word.partition("=")
        assert equals, word
        value = world.here.get(name, value)
        if name != "LASER_REDIS_URL" or name in world.here:
            world.exported[name] = value


def run_pip(words: Sequence[str], world: World) -> None:
    """The folder, its extras and the file of constraints are there."""
    assert words[0] == "install", words
    rest = list(words[1:])
    if rest[0] == "--constraint":
        assert (ROOT / rest[1]).is_file(), rest[1]
        rest = rest[2:]
    (target,) = rest
    folder, _, extras = target.rstrip("]").partition("[")
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(filter(None, extras.split(","))) <= set(project.get("optional-dependencies", {})), target


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
    "pip": run_pip,
    "python": run_python,
}
