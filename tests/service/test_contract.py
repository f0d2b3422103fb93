"""The service against its OpenAPI document, a little of what `laser bench contract` does in full."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contract import ask, checks
from service.access.issuing import Wish, create
from service.access.scopes import Scope
from service.app import create_app
from service.errors import KINDS, Code
from service.settings import Settings
from tests.service.world import Running

# No answer to anybody: the client has gone. And the addresses that do not exist are in no document.
UNSEEN = {Code.CLIENT_GONE, Code.METHOD_NOT_ALLOWED, Code.NOT_FOUND}


@pytest.mark.slow  # some ten seconds, most of them schemathesis' start
def test_no_answer_that_the_document_does_not_have(fragile: Callable[..., Running], tmp_path: Path) -> None:
    key = create(tmp_path / "keys.json", Wish("all", tuple(Scope))).secret
    server = fragile(keys_file=tmp_path / "keys.json", state=tmp_path / "state.sqlite")
    report = ask(server.url, key, 7, 2, tmp_path / "report.json", "examples,fuzzing")
    found = {check.name: check.value for check in checks(report)}
    assert (found.pop("cases") or 0) >= 60, "it looked at less than it should"
    assert found == dict.fromkeys(found, 0), report["failures"]


def test_every_status_is_documented_somewhere(settings: Settings) -> None:
    document: dict[str, Any] = create_app(settings).openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    documented = {status for operation in operations for status in operation["responses"]}
    assert {str(kind.status) for code, kind in KINDS.items() if code not in UNSEEN} <= documented
