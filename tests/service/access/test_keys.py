"""One key: what it looks like, what is kept of it, what recognises it."""

import re

import pytest
from pydantic import ValidationError

from service.access.keys import ApiKey, id_of, issue, matches
from service.access.scopes import Scope

NOW = "2026-03-01T10:00:00+00:00"


def test_a_key_is_an_id_and_256_random_bits() -> None:
    first, second = (issue("shop", "default", frozenset({Scope.WRITE}), NOW) for _ in range(2))
    found = re.fullmatch(r"laser_([0-9a-f]{8})_([A-Za-z0-9_-]{43})", first.secret)
    assert found is not None
    assert first.key.id == found[1] == id_of(first.secret)
    assert first.secret != second.secret


def test_of_a_key_only_the_digest_is_kept() -> None:
    secret, key = issue("shop", "default", frozenset({Scope.WRITE}), NOW)
    assert secret.rpartition("_")[2] not in key.model_dump_json()
    assert len(key.sha256) == 64


def test_the_whole_text_is_what_matches() -> None:
    secret, key = issue("shop", "default", frozenset({Scope.WRITE}), NOW)
    assert matches(key, secret)
    assert not matches(key, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert not matches(key, issue("shop", "default", frozenset({Scope.WRITE}), NOW).secret)


@pytest.mark.parametrize(
    "text",
    ["", "laser_", "laser_0123456_" + "x" * 43, "laser_01234567_" + "x" * 42, "laser_01234567_" + "é" * 43],
)
def test_what_has_not_the_form_of_a_key_has_no_id(text: str) -> None:
    assert id_of(text) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"name": ""},
        {"tenant": "a/b"},  # a slash parts the tenant from the user in the store
        {"tenant": ""},
        {"scopes": []},
        {"scopes": ["all"]},
        {"rate": 0},
        {"burst": 0},
        {"sha256": "00"},
        {"owner": "me"},
    ],
)
def test_a_record_of_another_form_is_refused(wrong: dict[str, object]) -> None:
    good = issue("shop", "default", frozenset({Scope.WRITE}), NOW).key.model_dump(mode="json")
    assert ApiKey.model_validate(good).scopes == {Scope.WRITE}
    with pytest.raises(ValidationError):
        ApiKey.model_validate(good | wrong)
