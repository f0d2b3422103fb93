"""The help of every command, word for word as `laser COMMAND --help` prints it."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from laser import app

WIDTH = "100"


def markdown() -> str:
    """One section a command, in the order of `laser --help`."""
    return "\n".join(f"## laser {name}\n\n```text\n{_help(name)}```\n" for name in names())


def names() -> Iterator[str]:
    """Every command, such as "bundles promote"."""
    yield from _below(typer.main.get_command(app), "")


def _below(command: Any, name: str) -> Iterator[str]:
    for word, child in getattr(command, "commands", {"": None}).items():
        yield from (name,) if child is None else _below(child, f"{name} {word}".strip())


def _help(name: str) -> str:
    ran = CliRunner(env={"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH}).invoke(
        app, [*name.split(), "--help"], prog_name="laser"
    )
    return ran.output
