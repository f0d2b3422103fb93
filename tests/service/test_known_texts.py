"""Texts encoded for one bundle serve the next one; what users say later is not kept."""

import numpy as np
import pytest

from model.encoder import TextEncoder
from service.frozen_texts import FrozenTexts
from service.known_texts import KnownTexts
from tests.tiny import tiny_backbone, tiny_config


@pytest.fixture
def text() -> FrozenTexts:
    return FrozenTexts(TextEncoder(tiny_config(), tiny_backbone()))


@pytest.fixture
def encoded(text: FrozenTexts, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call of the model got."""
    calls: list[int] = []
    encode = TextEncoder.text_vectors

    def counted(self, token_ids, *arguments, **options):  # type: ignore[no-untyped-def]
        calls.append(len(token_ids))
        return encode(self, token_ids, *arguments, **options)

    monkeypatch.setattr(TextEncoder, "text_vectors", counted)
    return calls


def test_the_next_bundle_encodes_only_what_is_new(text: FrozenTexts, encoded: list[int]) -> None:
    first = KnownTexts(text)
    expected = first.vectors(["horror", "drama", "horror"])
    assert encoded == [2]
    first.begun()
    second = KnownTexts(text, first)
    found = second.vectors(["drama", "comedy", "horror"])
    assert encoded == [2, 1]
    np.testing.assert_array_equal(found[[2, 0, 2]], expected)
    np.testing.assert_allclose(found[1], KnownTexts(text).vectors(["comedy"])[0], atol=1e-6)
    assert second.words() is first.words()


def test_a_bundle_keeps_only_what_it_asked_for_itself(text: FrozenTexts) -> None:
    first = KnownTexts(text)
    first.vectors(["horror", "drama"])
    first.begun()
    second = KnownTexts(text, first)
    second.vectors(["drama"])
    second.begun()
    assert set(second.first) == {"drama"}


def test_what_is_said_later_is_not_kept(text: FrozenTexts, encoded: list[int]) -> None:
    texts = KnownTexts(text)
    texts.vectors(["horror"])
    texts.begun()
    for _ in range(2):
        assert texts.vectors(["pssst", "horror"]).shape == (2, 32)
    assert encoded == [1, 2, 2]
    assert set(texts.first) == {"horror"}
    assert KnownTexts(text).vectors([]).shape == (0, 32)
