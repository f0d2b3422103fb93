"""What pages name exists: files they link to, headings they point at, settings, modules and commands they speak of."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it.token import Token

from docs.generated.commands import names
from service.metric_list import listed
from service.metrics import Metrics
from service.settings import PREFIX, Settings
from tests.docs.blocks import BESIDE, PAGES, ROOT, name_of, parse

OF_COMPOSE = set(re.findall(r"\$\{(LASER_[A-Z_]+)", (ROOT / "docker-compose.yml").read_text("utf-8")))
OF_CLIENT = {"LASER_URL", "LASER_API_KEY"}
PLACE = re.compile(
    r"(?:model|index|training|service|demo|benchmarks|tests|docs|client|examples|ops)/[\w./-]*\w"
)


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    tokens = parse(page)
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES + BESIDE, ids=name_of)
def test_links_and_pictures_of_a_page_lead_somewhere(page: Path) -> None:
    for token in flat(parse(page)):
        target = str(token.attrGet("href") or token.attrGet("src") or "")
        if not target or target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), target
        assert ROOT in place.parents, f"{target} leaves the repository"
        if anchor:
            assert anchor in slugs(place), target


@pytest.mark.parametrize("page", PAGES + BESIDE, ids=name_of)
def test_settings_that_a_page_names_are_settings(page: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OF_COMPOSE | OF_CLIENT
    named = set(re.findall(r"\bLASER_[A-Z_]*[A-Z]\b", page.read_text("utf-8")))
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_metrics_that_a_page_names_are_counted(page: Path) -> None:
    known = {series for metric in listed(Metrics()) for series in (metric.name, *metric.series)}
    assert set(re.findall(r"`(laser_[a-z_]+)`", page.read_text("utf-8"))) - {"laser_client"} <= known


@pytest.mark.parametrize("page", PAGES + BESIDE, ids=name_of)
def test_files_and_commands_that_a_page_names_exist(page: Path) -> None:
    groups = {command.partition(" ")[0] for command in names()}
    for token in flat(parse(page)):
        if token.type == "code_inline":
            if PLACE.fullmatch(token.content):
                assert (ROOT / token.content).exists(), token.content
            if said := re.match(r"laser ([a-z]+)\b", token.content):
                assert said[1] in groups, token.content


def test_an_anchor_is_made_as_readers_of_markdown_make_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Redis, and `replicas`\n\n## One process\n")
    assert slugs(page) == {"redis-and-replicas", "one-process"}
