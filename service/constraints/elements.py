"""From tokens to elements: the values, ranges, relative words, names of attributes and grammar words of a sentence.

One pass from left to right that takes the longest thing that can start at each token. What signs and scopes mean is
grammar.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from service.constraints.attributes import Flag, Numeric
from service.constraints.choose import Missing, choose, end_of, relative
from service.constraints.lexicon import FILLERS, grammar_words, longest, phrases, words
from service.constraints.ranges import Range, read_range
from service.constraints.relative import AMOUNTS, PLAIN, senses
from service.constraints.tokens import Token
from service.constraints.types import HARD, Bounds, Relative, Values
from service.constraints.values import AMBIGUOUS, Match
from service.constraints.vocabulary import Vocabulary

Kind = Literal[
    "value", "range", "relative", "missing", "attribute", "text",
    "negation", "affirmation", "not_only", "hedge", "break", "both", "either", "filler", "or", "and", "comma", "end",
]  # fmt: skip
Meaning = Values | Bounds | Relative | Missing | None

CUES = frozenset({"by", "from"})  # stand before the name of a maker
SKIPPED = frozenset({",", "-", "/", ":", "+", "(", ")"})  # signs inside of a value's name
FLAG_SURE, AMOUNT_SURE = 0.9, 0.8
CUED, CAPITAL, SIGNED, RARE = 0.25, 0.15, 0.15, 0.15  # what stands beside a doubtful name adds so much
MEASURES = frozenset(["long", "old", "tall", "high", "wide", "deep", "heavy", "thick", "big", "large"])  # behind a quantity
LONGEST_MISSPELT = 4  # words of a value with a slip of the pen
SLIP = 0.05  # of the similarity of a misspelt word


@dataclass(frozen=True)
class Element:
    """Tokens `first`..`last` - 1 and what they are."""

    kind: Kind
    first: int
    last: int
    meaning: Meaning = None
    attribute: str | None = None


class Reader:
    """Reads one sentence's tokens with one vocabulary."""

    def __init__(self, sentence: str, tokens: Sequence[Token], vocabulary: Vocabulary) -> None:
        self.sentence = sentence
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.found: list[Element] = []
        self._carried: str | None = None

    def read(self) -> list[Element]:
        """All elements, in order; every token is in one."""
        at = 0
        while at < len(self.tokens):
            element = self._next(at)
            self.found.append(element)
            at = element.last
        return self.found

    def words(self, first: int, last: int) -> str:
        """The sentence between two tokens, as it was written."""
        return self.sentence[self.tokens[first].start : self.tokens[last - 1].end]

    def _next(self, at: int) -> Element:
        value = self._value(at)
        numbers = self._range(at)
        if value and (numbers is None or value.last >= numbers.last):
            plain = self._relative(at) if value.last == at + 1 else None
            if plain is None or value.attribute in self.vocabulary.values.descriptive:
                return value
        for found in (numbers, self._flag(at), self._amount(at), self._relative(at)):
            if found is not None:
                return found
        grammar = self._grammar(at)
        name = self._attribute(at)
        if (
            name is not None
            and (grammar is None or name.last >= grammar.last)
            and (not grammar or grammar.kind == "filler")
        ):
            return name
        if grammar is not None:
            return grammar
        return self._doubtful(at) or Element("text", at, at + 1)

    def _value(self, at: int) -> Element | None:
        """The longest value whose full name starts here."""
        tokens, index = self.tokens, self.vocabulary.values
        if not (tokens[at].is_word or tokens[at].number is not None):
            return None
        key: list[str] = []
        best: tuple[Match, int] | None = None
        for place in range(at, min(len(tokens), at + 2 * index.longest)):
            if tokens[place].is_word or tokens[place].number is not None:
                key.append(tokens[place].stem)
                if len(key) > index.longest:
                    break
                if (match := index.find(tuple(key))) is not None and self._may_be_value(at, place + 1, match):
                    best = match, place + 1
            elif tokens[place].word not in SKIPPED:
                break
        if best is None or best[1] == at + 1:  # "sun screen"
            pair = tokens[at : at + 2]
            if (
                len(pair) == 2
                and pair[1].is_word
                and (match := index.find((pair[0].word + pair[1].stem,))) is not None
            ):
                best = match, at + 2
        return None if best is None else self._of(best[0], at, best[1])

    def _may_be_value(self, first: int, last: int, match: Match) -> bool:
        """A single grammar word is a value only where it is written like one: "NON", not "non"."""
        if last - first > 1 or self.tokens[first].word not in grammar_words():
            return self.tokens[first].is_word or last - first > 1
        token = self.tokens[first]
        return first > 0 and token.is_capital and token.text in {value.value for value in match.values}

    def _of(self, match: Match, first: int, last: int, confidence: float | None = None) -> Element | None:
        """An element of the column that the words beside it name, else of the one with most items."""
        named = self._named_column(first, last)
        options = [value for value in match.values if value.column == named] or list(match.values)
        column = max(options, key=lambda value: value.items).column
        chosen = tuple(value.value for value in options if value.column == column)
        sure = confidence if confidence is not None else self._sureness(match, first, last, named == column)
        if not match.whole and sure < HARD:
            return None
        return Element("value", first, last, Values(column, chosen, self.words(first, last), sure), column)

    def _sureness(self, match: Match, first: int, last: int, named: bool) -> float:
        """How sure the match is, given what stands beside it."""
        sure = match.confidence
        if match.whole and sure != AMBIGUOUS:
            return sure
        token = self.tokens[first]
        before = self.tokens[first - 1] if first else None
        sure += CUED if named or (before is not None and before.word in CUES) else 0.0
        if before is not None and before.word not in ".!?:" and token.is_capital:
            sure += CAPITAL
        if self.found and self.found[-1].kind in ("negation", "affirmation") and self.found[-1].last == first:
            sure += SIGNED
        if not self.vocabulary.values.is_everyday(token.word):
            sure += RARE
        return min(round(sure, 2), 0.95)

    def _named_column(self, first: int, last: int) -> str | None:
        """The categorical column that is named right before or behind: "genre: war", "the OPI brand"."""
        for element in reversed(self.found):
            if element.kind == "attribute":
                return element.attribute
            if element.kind not in ("filler", "either", "both"):
                break
        key = tuple(token.stem for token in self.tokens[last : last + 1])
        name = self.vocabulary.attribute(key)
        return name if name in self.vocabulary.values.columns else None

    def _range(self, at: int) -> Element | None:
        found = read_range(self.tokens, at)
        if found is None:
            return None
        named, last = self._named_numbers(found)
        meaning = choose(found, self.vocabulary.numeric, named, self._carried)
        if meaning is None:
            return None
        if isinstance(meaning, Missing):
            return Element("missing", at, last, meaning)
        self._carried = meaning.attribute
        return Element("range", at, last, replace(meaning, words=self.words(at, last)), meaning.attribute)

    def _named_numbers(self, found: Range) -> tuple[Numeric | None, int]:
        """The numeric column named before or behind a range, and the token behind both."""
        place = found.end
        if place < len(self.tokens) and self.tokens[place].word in ("of", "in", "for"):
            place += 1
        if place < len(self.tokens):
            behind = self.vocabulary.number_word(self.tokens[place].stem)
            if (
                behind is not None
                and place > found.end - 1
                and self.tokens[place].word not in ("time", "long")
            ):
                return behind, place + 1
        for element in reversed(self.found):
            if element.kind == "attribute" and element.attribute in self.vocabulary.numeric_by_name:
                return self.vocabulary.numeric_by_name[element.attribute], found.end
            if element.kind not in ("filler", "attribute"):
                break
            column = self.vocabulary.number_word(self.tokens[element.last - 1].stem)
            if column is not None:
                return column, found.end
        return None, found.end

    def _flag(self, at: int) -> Element | None:
        for size in range(self.vocabulary.longest_name, 0, -1):
            parts = [token for token in self.tokens[at : at + 2 * size] if token.word != "-"][:size]
            flag = self.vocabulary.flag(tuple(token.stem for token in parts))
            if flag is not None and len(parts) == size:
                last = self.tokens.index(parts[-1]) + 1
                return Element("value", at, last, _yes(flag, self.words(at, last)), flag.name)
        return None

    def _amount(self, at: int) -> Element | None:
        """ "high protein", "low in sugar", "few pages"."""
        texts = [token.word for token in self.tokens[at : at + 3]]
        for size in range(len(texts), 0, -1):
            side = AMOUNTS.get(" ".join(texts[:size]))
            if side is None:
                continue
            place = at + size
            while place < len(self.tokens) and self.tokens[place].word in ("-", "in", "on", "of"):
                place += 1
            column = (
                self.vocabulary.number_word(self.tokens[place].stem) if place < len(self.tokens) else None
            )
            if column is not None and not column.is_year:
                end = end_of(column, side, PLAIN, self.words(at, place + 1), AMOUNT_SURE)
                return Element("relative", at, place + 1, end, column.name)
        return None

    def _relative(self, at: int) -> Element | None:
        if self.found and self.found[-1].kind == "range" and self.tokens[at].word in MEASURES:
            return Element("filler", at, at + 1)  # "two hours long"
        parts = [(n, token.word) for n, token in enumerate(self.tokens[at : at + 6], at) if token.word != "-"]
        for size in range(min(4, len(parts)), 0, -1):
            sense = senses().get(tuple(word for _, word in parts[:size]))
            if sense is None:
                continue
            last = parts[size - 1][0] + 1
            meaning = relative(sense, self.vocabulary.numeric, self.words(at, last))
            if meaning is not None and (sense.free or self._stands_free(last)):
                return Element("relative", at, last, meaning, meaning.attribute)
        return None

    def _stands_free(self, place: int) -> bool:
        """Whether what follows does not belong to the word: "short films" and "short, please", not "short hair"."""
        if (
            place >= len(self.tokens)
            or not self.tokens[place].is_word
            or self.tokens[place].word in ("and", "or")
        ):
            return True
        if (
            self._grammar(place) is not None
            or self._value(place) is not None
            or self._attribute(place) is not None
        ):
            return True
        return (self.tokens[place].word,) in senses() or self.vocabulary.values.correct(
            self.tokens[place].stem
        ) is not None

    def _attribute(self, at: int) -> Element | None:
        for size in range(self.vocabulary.longest_name, 0, -1):
            key = tuple(token.stem for token in self.tokens[at : at + size])
            name = self.vocabulary.attribute(key)
            if name is not None and len(key) == size:
                return Element("attribute", at, at + size, None, name)
        return None

    def _grammar(self, at: int) -> Element | None:
        texts = tuple(token.word for token in self.tokens[at : at + longest()])
        for size in range(len(texts), 0, -1):
            kind = phrases().get(texts[:size])
            if kind is not None:
                return Element(kind, at, at + size)  # type: ignore[arg-type]
        if not (self.tokens[at].is_word or self.tokens[at].number is not None):
            return Element("filler", at, at + 1)
        return Element("filler", at, at + 1) if self.tokens[at].stem in _filler_stems() else None

    def _doubtful(self, at: int) -> Element | None:
        """A value by a telling word of its name, written as one word, or misspelt."""
        index, token = self.vocabulary.values, self.tokens[at]
        if not token.is_word:
            return None
        if (match := index.find_joined(token.word)) is not None:
            return self._of(match, at, at + 1)
        if (match := index.find_part(token.stem)) is not None:
            return self._of(match, at, at + 1)
        spelt = [self._corrected(n) for n in range(at, min(len(self.tokens), at + LONGEST_MISSPELT))]
        for size in range(len(spelt), 0, -1):
            similar = min(similarity for _, similarity in spelt[:size])
            if similar < 1 and (match := index.find(tuple(stem for stem, _ in spelt[:size]))) is not None:
                return self._of(match, at, at + size, round(similar - SLIP, 2))
        if spelt[0][1] < 1 and (match := index.find_part(spelt[0][0])) is not None:
            return self._of(match, at, at + 1)
        return None

    def _corrected(self, at: int) -> tuple[str, float]:
        """A word as it should be spelt, and the similarity of the two."""
        token = self.tokens[at]
        if not token.is_word or self.vocabulary.values.is_known(token.word, token.stem):
            return token.stem, 1.0
        return self.vocabulary.values.correct(token.stem) or (token.stem, 1.0)


def _yes(flag: Flag, text: str) -> Values | Bounds:
    if flag.numeric:
        return Bounds(flag.name, text, FLAG_SURE, gte=1.0, lte=1.0)
    return Values(flag.name, (flag.yes,), text, FLAG_SURE)


def _filler_stems() -> frozenset[str]:
    return words(FILLERS)
