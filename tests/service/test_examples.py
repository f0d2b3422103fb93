"""The examples in the OpenAPI document are true of the bundled demo: its items, its columns, its types."""

import json
from typing import Any

import pytest

from demo.catalogue import FILMS_PATH
from index.catalog import Catalogue
from index.filters import parse_filter
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
