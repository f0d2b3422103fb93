"""Clipped words: the beginnings of two values written as one ("romcom"), or of the two words of one value ("scifi")."""

from collections.abc import Mapping, Sequence

from service.constraints.catalogue_words import Value

Key = tuple[str, ...]  # the stems of a name

SHORTEST = 3  # letters of a clipped value: "rom", "com"


def find_clipped(
    named: Mapping[Key, Sequence[Value]],
    describing: frozenset[str],
    lists: frozenset[str],
    word: str,
    cut: int = 0,
) -> tuple[Value, ...]:
    """The one value, or the two of a column in `lists`, that a word is clipped from; () where none or several could be.

    `cut` is where the second part begins; without it every place is tried.
    """
    short = [
        (value, key)
        for key, values in named.items()
        if len(key) <= 2 and key[0][0] in word  # the first letter of either part
        for value in values
        if value.column in describing
    ]
    for place in (cut,) if cut else range(2, len(word) - 1):
        one, other = word[:place], word[place:]
        whole = _beginning(short, (one, other))
        if len(whole) == 1:
            return (whole[0],)
        if min(len(one), len(other)) < SHORTEST:
            continue
        for column in lists:
            of_column = [(value, key) for value, key in short if value.column == column]
            left, right = _beginning(of_column, (one,)), _beginning(of_column, (other,))
            if len(left) == len(right) == 1 and left != right:
                return (*left, *right)
    return ()


def _beginning(values: Sequence[tuple[Value, Key]], parts: Key) -> list[Value]:
    """The values with so many words, each of which begins with its part."""
    return [
        value
        for value, key in values
        if len(key) == len(parts)
        and all(stem.startswith(part) for stem, part in zip(key, parts, strict=True))
    ]
