"""Words in the form in which they are compared."""

import pytest

from service.constraints.tokens import root, stem_of, stems, tokenize


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Women's", "women"), ("e.l.f.", "ELF"), ("Oils & Serums", "oil and serum"), ("zombies", "Zombie"),
        ("L\u2019Or\u00e9al", "loreal"), ("sci-fi", "sci fi"),
        ("brushes", "brush"), ("Children", "child"), ("heroes", "hero"),
        ("comedies", "comedy"), ("classes", "class"), ("Sto\ufb00", "stoff"),
    ],
)  # fmt: skip
def test_two_spellings_of_one_value(one: str, other: str) -> None:
    assert stems(one) == stems(other)


@pytest.mark.parametrize("word", ["bus", "this", "glass", "virus", "us"])
def test_what_is_no_plural_stays(word: str) -> None:
    assert stem_of(word) == word


@pytest.mark.parametrize(
    ("one", "other"),
    [("directed", "director"), ("rated", "rating"), ("serve", "serving"), ("designed", "designer")],
)
def test_words_of_one_root(one: str, other: str) -> None:
    assert root(one) == root(other)


def test_numbers_are_read_as_they_are_written() -> None:
    assert [token.number for token in tokenize("1,299.50 12,50 .5 90")] == [1299.5, 12.5, 0.5, 90]


def test_a_token_knows_where_it_stands() -> None:
    text = "no Horror, 90s"
    tokens = tokenize(text)
    assert [text[token.start : token.end] for token in tokens] == ["no", "Horror", ",", "90", "s"]
    assert [token.glued for token in tokens] == [True, False, True, False, True]
    assert [token.is_capital for token in tokens] == [False, True, False, False, False]


def test_marks_alone_are_no_words() -> None:
    assert tokenize("\u0301 \U0001f642") == ()
