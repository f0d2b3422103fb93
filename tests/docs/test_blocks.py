"""Every fenced block of every page is true: commands succeed, requests are answered, programs run.

Commands are run in the order of their page, in a reader's folder (runner.py says how, and what is only read). The pages
of the examples are held by tests/examples, with what their programs print.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from demo.catalogue import FILMS_PATH
from docs.generated.schemas import document
from tests.docs.blocks import BESIDE, PAGES, Block, blocks, commands, name_of
from tests.docs.conftest import World
from tests.docs.runner import ADDRESS, read_laser, run_command

LANGUAGES = {"json", "python", "sh", "text"}
OTHER_KEYS = {"time", "level", "event", "url", "version"}  # of a line of the log
OTHER_KEYS |= {"name", "text"}  # of dataset.json
OTHER_KEYS |= {"caller", "ms", "stages", "parse", "resolve", "wait", "encode", "search", "respond", "route"}
WITH_BLOCKS = [
    page for page in PAGES + BESIDE if blocks(page) and not page.with_suffix(".py").exists()
]  # a page beside a program is an example's


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=name_of)
def test_every_block_of_a_page_is_true(page: Path, world: World) -> None:
    world.begin_page()
    for block in blocks(page):
        try:
            check(block, world)
        except Exception as error:
            raise AssertionError(f"{name_of(page)}:{block.line}: {error}") from error


def check(block: Block, world: World) -> None:
    """Raises what is wrong with a block."""
    assert block.language in LANGUAGES, f"a block in {block.language or 'no language'}"
    method, _, path = block.purpose.partition(" ")
    if path:
        assert block.language == "json"
        answer = world.served.client.request(method, path, json=json.loads(block.text))
        assert answer.is_success, answer.text
    elif block.purpose:
        file = world.home / block.purpose
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
    elif block.language == "json":
        unknown = set(keys(json.loads(block.text))) - known_keys()
        assert not unknown, f"no answer has {', '.join(sorted(unknown))}"
    elif block.language == "sh":
        for words in commands(block.text):
            run_command(words, world)
    elif block.language == "python":
        program = block.text.replace(ADDRESS, world.served.url)
        with contextlib.chdir(world.home):
            exec(compile(program, block.purpose or "block", "exec"), {"__name__": "block"})


def keys(value: Any) -> Iterator[str]:
    """The keys of every object in a JSON value."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(inner)


def known_keys() -> set[str]:
    """What an answer's objects can have: the fields of the schemas, the columns of the films."""
    schemas = document()["components"]["schemas"].values()
    film = json.loads(FILMS_PATH.read_text("utf-8").splitlines()[0])
    return {key for schema in schemas for key in schema.get("properties", ())} | set(film) | OTHER_KEYS


def test_a_block_that_is_not_true_is_found(world: World) -> None:
    wrong = [
        Block(1, "", "", "no language"),
        Block(1, "json", "", "{'single': 'quotes'}"),
        Block(1, "json", "", '{"itmes": []}'),
        Block(1, "json", "POST /recommend", '{"histroy": []}'),
        Block(1, "sh", "", "laser train shop --ouy runs/shop"),
        Block(1, "sh", "", "laser data chekc shop"),
        Block(1, "sh", "", "laser data check nowhere"),
        Block(1, "sh", "", "laser bench nothing"),
        Block(1, "sh", "", "make dmeo"),
        Block(1, "sh", "", "curl -s http://127.0.0.1:8000/recomend"),
        Block(1, "sh", "", "docker compose run --rm redindex"),
        Block(1, "sh", "", "redis-server --appendonly no"),
        Block(1, "sh", "", "rm -rf shop"),
        Block(1, "sh", "", "laser train nowhere/at/all.csv/shop"),
        Block(1, "sh", "", "laser train shop --out runs/wrong --set laser.decay=x"),
        Block(1, "sh", "", "LASER_MAX_K=0 laser serve"),
        Block(1, "sh", "", "pip install .[everything]"),
        Block(1, "python", "", "from model.backbone import NOTHING"),
    ]
    for block in wrong:
        with pytest.raises((AssertionError, ImportError, SystemExit, ValueError, typer.TyperException)):
            check(block, world)


def test_words_of_a_command_go_on_behind_a_backslash_and_within_quotes() -> None:
    text = "# first\nlaser serve \\\n  --port 1  # here\ncurl -d '{\n\"k\": 1}' URL\n"
    assert list(commands(text)) == [["laser", "serve", "--port", "1"], ["curl", "-d", '{\n"k": 1}', "URL"]]


def test_a_command_inside_a_group_is_read_with_its_arguments() -> None:
    name, given = read_laser(["bundles", "promote", "second", "--bundles", "here"])
    assert (name, given["bundle_id"], given["bundles"]) == ("bundles promote", "second", Path("here"))
