"""Metamorphic: an item of the catalogue whose title commands a machine is an item like any other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.test_injection import HISTORY, INJECTIONS, NEUTRAL
from tests.service.world import Running, running

SENTENCE = "no Stanley, something under $40"


@pytest.fixture(scope="module")
def shop(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The real service on a store of its own, where items come and go."""
    state: Path = tmp_path_factory.mktemp("shop") / "state.sqlite"
    own = settings.model_copy(update={"state": state})
    with running(own, load_recommender(own, Metrics())) as server:
        yield server


def answer_with(server: Running, title: str, **request: Any) -> dict[str, Any]:
    """The answer while the catalogue has one more item, of that title."""
    item = {"title": title, "attributes": {"brand": "Acme", "price": 12.5}}
    assert server.client.put("/items/new", json=item).status_code in (200, 201)
    response = server.post(history=HISTORY, k=50, **request)
    assert response.status_code == 200, response.text
    assert server.client.delete("/items/new").status_code in (200, 204)
    result: dict[str, Any] = response.json()
    return result


def scores(answer: dict[str, Any], without: str = "") -> dict[str, float]:
    return {item["item_id"]: item["score"] for item in answer["items"] if item["item_id"] != without}


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_items_title_moves_no_other_item(shop: Running, injection: str) -> None:
    neutral = scores(answer_with(shop, NEUTRAL[0]), without="new")
    assert scores(answer_with(shop, injection), without="new") == neutral


@pytest.mark.parametrize("injection", INJECTIONS)
def test_an_items_title_changes_nothing_of_what_a_sentence_means(shop: Running, injection: str) -> None:
    neutral = answer_with(shop, NEUTRAL[0], constraint=SENTENCE)
    commanded = answer_with(shop, injection, constraint=SENTENCE)
    assert commanded["applied"]["constraint"] == neutral["applied"]["constraint"]
    assert scores(commanded, without="new") == scores(neutral, without="new")


@pytest.mark.parametrize("injection", INJECTIONS)
def test_a_commanding_item_rises_no_further_than_neutral_ones(shop: Running, injection: str) -> None:
    ranks = [list(scores(answer_with(shop, title))).index("new") for title in NEUTRAL]
    assert list(scores(answer_with(shop, injection))).index("new") >= min(ranks) - 2


@pytest.mark.parametrize("mark", ["\u202e", "\u200b", "\u0007"])
def test_control_characters_in_an_items_title_are_not_there(shop: Running, mark: str) -> None:
    plain = scores(answer_with(shop, "a small hammer"))
    assert scores(answer_with(shop, f"a small{mark} hammer{mark}")) == plain


def test_special_tokens_in_an_items_title_are_letters(shop: Running) -> None:
    """A separator neither ends the title nor hides what follows."""
    one, other = (scores(answer_with(shop, f"[SEP] a {tool}"))["new"] for tool in ("hammer", "rake"))
    assert one != other
