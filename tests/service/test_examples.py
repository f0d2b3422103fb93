"""The examples in the OpenAPI document are true of the bundled demo: its items, its columns, its types."""

import json
from typing import Any

import pytest

from demo.catalogue import FILMS_PATH
from index.catalog import Catalogue
from index.filters import parse_filter
from service.constraints import Vocabulary, parse
from service.examples import RECOMMEND
from service.history import resolve
from service.schemas import RecommendRequest, check_limits
from service.settings import load_settings


@pytest.fixture(scope="module")
def films() -> Catalogue:
    return Catalogue.from_records(json.loads(line) for line in FILMS_PATH.read_text("utf-8").splitlines())


@pytest.mark.parametrize("name", RECOMMEND)
def test_an_example_fits_the_demo(name: str, films: Catalogue) -> None:
    value: dict[str, Any] = RECOMMEND[name]["value"]
    request = RecommendRequest.model_validate(value)
    check_limits(request, load_settings())
    assert resolve(request.history, films, load_settings()).unknown == ()
    assert all(films.row(item_id) is not None for item_id in request.exclude.item_ids)
    if request.filter is not None:
        parse_filter(request.filter, films.columns)


def test_every_word_of_an_example_is_understood(films: Catalogue) -> None:
    vocabulary = Vocabulary(films)
    strict = parse(RECOMMEND["sentence"]["value"]["constraint"], vocabulary)
    assert [condition.attribute for condition in strict.conditions()] == [
        "genres",
        "year",
        "genres",
        "runtime",
    ]
    assert strict.phrases == ()
    soft = parse(RECOMMEND["soft sentence"]["value"]["constraint"], vocabulary)
    assert [condition.attribute for condition in soft.conditions()] == ["runtime", "year"]
    assert [(phrase.text, phrase.include) for phrase in soft.phrases] == [("scary", False)]
