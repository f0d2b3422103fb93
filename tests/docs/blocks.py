"""The pages, and the fenced blocks in them: a language, and after it maybe what the block is for.

json                    an answer, shortened: its keys are the service's
json POST /recommend    a body that the service must answer
json shop/items.jsonl   a file (text too), written before the commands below it are run
sh                      commands
python                  a program that runs
"""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent.parent
DOCS = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts]
PAGES = [ROOT / "README.md", *DOCS]
BESIDE = [
    page for folder in ("client", "demo", "examples", "ops") for page in sorted((ROOT / folder).rglob("*.md"))
]


class Block(NamedTuple):
    """One fenced block; `line` is that of its fence."""

    line: int
    language: str
    purpose: str
    text: str


def name_of(page: Path) -> str:
    """The page's path in the tree."""
    return page.relative_to(ROOT).as_posix()


def parse(page: Path) -> list[Token]:
    """The page's Markdown."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks, directives aside, in the order of the page."""
    found = []
    for token in parse(page):
        if token.type == "fence" and not token.info.startswith("{"):
            assert token.map is not None
            language, _, purpose = token.info.strip().partition(" ")
            found.append(Block(token.map[0] + 1, language, purpose, token.content))
    return found


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a shell block as words; a command goes on where a quote is open or a line ends in a backslash."""
    waiting = ""
    for line in text.splitlines():
        waiting += line
        if waiting.endswith("\\"):
            waiting = waiting[:-1]
            continue
        try:
            words = shlex.split(waiting, comments=True)
        except ValueError:  # no closing quotation yet
            waiting += "\n"
            continue
        waiting = ""
        if words:
            yield words
    assert not waiting, f"a quote is never closed: {waiting}"
