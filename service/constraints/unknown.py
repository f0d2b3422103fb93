"""Values the catalogue does not have: "brand Zyxel", "directed by John Doe", "nothing from Foobar".

Reported rather than passed over. Two signs are strong enough: words behind the name of an attribute, and a name
(capital letters, or a word nobody knows) behind "by" or "from" where the catalogue has a column of names. Of a
column that describes (genres), the encoder is asked first about words that it knows: "genre: scary" may well be there.
"""

from collections.abc import Sequence

from service.constraints.element import Element
from service.constraints.lexicon import word_set
from service.constraints.named_values import CUES
from service.constraints.scopes import Mention
from service.constraints.tokens import Token, stems
from service.constraints.types import Contradiction, Phrase, Values
from service.constraints.vocabulary import Vocabulary

BETWEEN = frozenset(
    {"is", "of", ":", "by", "called", "named", "from", "be", "=", "are", "the", "in", "as", "should", "must"}
)
MAKERS = ("from", "at")  # stand before the names of makers, and of much else
LONGEST_NAME = 4  # words


def unknown_values(
    text: str,
    tokens: Sequence[Token],
    elements: Sequence[Element],
    mentions: Sequence[Mention],
    vocabulary: Vocabulary,
) -> tuple[list[Contradiction | Phrase], set[int]]:
    """What is named as a value and is none, and the first tokens of the words that are thereby accounted for."""
    found: list[Contradiction | Phrase] = []
    claimed: set[int] = set()
    negative = {mention.element.first: mention.negative for mention in mentions}
    for place, element in enumerate(elements):
        if element.kind != "text" or element.first in claimed:
            continue
        column = _named(elements, tokens, place, vocabulary)
        by_name = column is None and _is_name(elements, tokens, place, vocabulary)
        if column is None and not by_name:
            continue
        if _belongs(elements, tokens, place):
            claimed.add(element.first)
            continue
        last = _end(elements, tokens, place)
        words = text[tokens[element.first].start : tokens[last - 1].end]
        claimed |= set(range(element.first, last))
        strange = all(
            not vocabulary.values.is_known(token.word, token.stem) for token in tokens[element.first : last]
        )
        if column is not None and column in vocabulary.values.descriptive and not strange:
            found.append(Phrase(words, not negative.get(element.first, False), column))
        else:
            what = f"no {column}" if column else "nothing"
            found.append(
                Contradiction(
                    "unknown_value", f"This catalogue knows {what} called {words!r}.", words, column
                )
            )
    return found, claimed


def _belongs(elements: Sequence[Element], tokens: Sequence[Token], place: int) -> bool:
    """Whether the word is one of the name that follows, which was known by another of its words: "Le Guin"."""
    behind = elements[place + 1] if place + 1 < len(elements) else None
    if behind is None or not isinstance(behind.meaning, Values):
        return False
    stem = tokens[elements[place].first].stem
    return any(stem in stems(value) for value in behind.meaning.values)


def _named(
    elements: Sequence[Element], tokens: Sequence[Token], place: int, vocabulary: Vocabulary
) -> str | None:
    """The categorical column named before the words ("brand Zyxel"), or behind a name ("the Zyxel brand")."""
    first = tokens[elements[place].first]
    is_name = first.is_capital or not vocabulary.values.is_known(first.word, "")
    behind = _behind(elements, tokens, place)
    columns = vocabulary.values.columns
    if (
        is_name
        and place
        and behind is not None
        and behind.attribute in vocabulary.values.columns
        and behind.kind == "attribute"
    ):
        return behind.attribute
    for element in reversed(elements[:place]):
        if element.kind == "attribute":
            direct = elements[place - 1] is element
            sure = not direct or is_name or _describes(element, vocabulary)
            return element.attribute if sure and element.attribute in columns else None
        if not all(token.word in BETWEEN for token in tokens[element.first : element.last]):
            return None
    return None


def _behind(elements: Sequence[Element], tokens: Sequence[Token], place: int) -> Element | None:
    """The element behind the words, what may stand between skipped: "Zyxel as the brand"."""
    for element in elements[place + 1 :]:
        if element.kind == "attribute" or tokens[element.first].word not in BETWEEN:
            return element
    return None


def _describes(element: Element, vocabulary: Vocabulary) -> bool:
    return element.attribute in vocabulary.values.descriptive


def _is_name(
    elements: Sequence[Element], tokens: Sequence[Token], place: int, vocabulary: Vocabulary
) -> bool:
    """Whether the words are a name behind "by" or "from"."""
    first = elements[place].first
    if not vocabulary.names_things() or not first or tokens[first - 1].word not in (*CUES, "at"):
        return False
    token = tokens[first]
    known = vocabulary.values.is_known(token.word, token.stem)
    if tokens[first - 1].word == "at" and not token.is_capital:
        return False
    if tokens[first - 1].word in MAKERS and known:
        return False  # what it means is asked first: "from Italy"
    if token.word in word_set("CALENDAR"):
        return False
    return token.is_capital or not known


def _end(elements: Sequence[Element], tokens: Sequence[Token], place: int) -> int:
    """Behind the last word of a name: text that follows directly, with a capital where the first has one."""
    capital = tokens[elements[place].first].is_capital
    last = elements[place].last
    for element in elements[place + 1 : place + LONGEST_NAME]:
        if element.kind != "text" or (capital and not tokens[element.first].is_capital):
            break
        last = element.last
    return last
