"""Pages about a run, sent from the bundle in service: verified, harmless, and no other file."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.bundle import publish
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from tests.service.bundle_world import add_bundle
from tests.service.test_bad_input import refused
from tests.service.world import Running, running

PAGE = "<!doctype html><title>R</title><style>p { color: red }</style><p>Good<script>harm()</script>"
POLICY = (
    "default-src 'none'; style-src 'sha256-ngewhhP73WDIbgwseeu52VAAJgKdGUsu1IUQQsAm8m4='; sandbox; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def with_reports(folder: Path) -> None:
    (folder / "reports").mkdir()
    for name in ("training.html", "evaluation.html", "notes.txt"):
        (folder / "reports" / name).write_text(PAGE)


@pytest.fixture(scope="module")
def root(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reports") / "bundles"
    shutil.copytree(bundles, root)
    add_bundle(root, "told", change=with_reports)
    publish(root, "told")
    return root


@pytest.fixture(scope="module")
def told(root: Path, settings: Settings) -> Iterator[Running]:
    chosen = settings.model_copy(update={"bundles": root, "state": root.parent / "state.sqlite"})
    with running(chosen, load_recommender(chosen, Metrics())) as server:
        yield server


def test_the_insight_names_the_pages_of_the_bundle(told: Running, live: Running) -> None:
    assert told.client.get("/catalogue/insight").json()["reports"] == ["evaluation.html", "training.html"]
    assert live.client.get("/catalogue/insight").json()["reports"] == []


def test_a_page_comes_under_a_policy_that_lets_it_do_nothing(told: Running) -> None:
    response = told.client.get("/reports/training.html")
    assert (response.status_code, response.text) == (200, PAGE)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["notes.txt", "other.html", "..%2fmanifest.json", "%2e%2e/columns.json", ""])
def test_nothing_else_is_sent(told: Running, name: str) -> None:
    refused(told.client.get(f"/reports/{name}"), 404, "not_found", None)


def test_a_page_that_was_changed_is_not_sent(told: Running, root: Path) -> None:
    page = root / "told" / "reports" / "evaluation.html"
    page.write_text(PAGE + "more")
    refused(told.client.get("/reports/evaluation.html"), 404, "not_found", None)
    page.unlink()
    refused(told.client.get("/reports/evaluation.html"), 404, "not_found", None)
