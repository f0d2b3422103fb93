"""Strict JSON: each thing that Python's parser would let through is refused with the path to it."""

import pytest

from service.errors import ApiError
from service.strict_json import loads


def test_ordinary_json_comes_through_unchanged() -> None:
    body = b'{"a": [1, -2.5, "\\u00e9\\ud83d\\ude00", null, true], "b": {"c": 9223372036854775807}}'
    assert loads(body) == {"a": [1, -2.5, "é😀", None, True], "b": {"c": 2**63 - 1}}
    assert loads(b"-9223372036854775808") == -(2**63)


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ('{"k": 1, "k": 2}', "k", "twice"),
        ('{"k": 1, "k": 1}', "k", "twice"),
        ('{"history": [{"item_id": "a"}, {"item_id": "b", "item_id": "c"}]}', "history[1].item_id", "twice"),
        ('{"k": NaN}', "k", "NaN"),
        ('{"filter": {"must": [{"key": "year", "lte": Infinity}]}}', "filter.must[0].lte", "Infinity"),
        ('{"k": -Infinity}', "k", "-Infinity"),
        ('{"k": 1e999}', "k", "too large"),
        ('{"k": 9223372036854775808}', "k", "64 bits"),
        ('{"k": -9223372036854775809}', "k", "64 bits"),
        ('{"k": ' + "9" * 100_000 + "}", "k", "64 bits"),
        ('{"constraint": "\\ud800"}', "constraint", "surrogate"),
        ('{"constraint": "\\udc00\\ud800"}', "constraint", "surrogate"),
        ('{"a": {"\\ud800": 1}}', "a", "surrogate"),
        ('{"a": ' + "[" * 40 + "]" * 40 + "}", None, "deeper"),
        ("[" * 100_000, "body", "deeper"),
        ('{"a": 1,}', "body", "line 1, column"),
        ("", "body", "line 1, column 1"),
        ("{'a': 1}", "body", "line 1, column 2"),
        ('{"a": "tab\there"}', "body", "control character"),
    ],
)
def test_what_is_not_strict_is_refused_by_name(body: str, field: str | None, says: str) -> None:
    with pytest.raises(ApiError) as caught:
        loads(body.encode())
    assert caught.value.status_code == 422
    assert caught.value.errors[0].code == "invalid_json"
    assert says in caught.value.detail
    if field is not None:
        assert caught.value.errors[0].field == field


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', '{"a": 1}'.encode("utf-16"), b"\xed\xa0\x80"])
def test_only_utf8(body: bytes) -> None:
    with pytest.raises(ApiError, match="UTF-8"):
        loads(body)
