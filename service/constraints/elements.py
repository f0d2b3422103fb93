"""From tokens to elements: the values, ranges, relative words, names of attributes and grammar words of a sentence.

One pass from left to right that takes the longest thing that can start at each token. What signs and scopes mean is
grammar.py's.
"""

from collections.abc import Sequence
from dataclasses import replace

from service.constraints.attributes import EXTREMES, Numeric
from service.constraints.choose import WHOLE, Missing, best_fit, choose, end_of, relative
from service.constraints.element import Element
from service.constraints.flags import said_of, yes
from service.constraints.lexicon import FILLERS, grammar_words, longest, phrases, word_set, words
from service.constraints.named_values import CUES, NamedValues
from service.constraints.pairs import HIGHEST, LOWEST, between_ends
from service.constraints.ranges import Range, read_range
from service.constraints.relative import AMOUNTS, PLAIN, SUPERLATIVE, senses
from service.constraints.tokens import Token
from service.constraints.types import Bounds, Values
from service.constraints.vocabulary import Vocabulary

AMOUNT_SURE = 0.8
SHAPES = frozenset(["long", "short", "small", "large", "big", "great", "good", "cheap"])
MOST = frozenset(["lowest", "highest", "fewest", "least", "most"])  # of amounts: "the most pages"
MEASURES = frozenset(
    ["long", "old", "tall", "high", "wide", "deep", "heavy", "thick", "big", "large"]
)  # behind a quantity
TOPICS = frozenset(["about", "with", "of", "on", "my", "for", "their", "his", "her", "our", "featuring"])


class Reader:
    """Reads one sentence's tokens with one vocabulary."""

    def __init__(self, sentence: str, tokens: Sequence[Token], vocabulary: Vocabulary) -> None:
        self.sentence = sentence
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.found: list[Element] = []
        self._carried: str | None = None
        self._values = NamedValues(sentence, tokens, self.found, vocabulary)

    def read(self) -> list[Element]:
        """All elements, in order; every token is in one."""
        at = 0
        while at < len(self.tokens):
            element = self._next(at)
            self.found += self._paired(element)
            at = element.last
        return self.found

    def _paired(self, element: Element) -> list[Element]:
        """A range on one of two columns for the ends of a thing as ranges on both, unless that one was named; values
        that hold together one by one."""
        bounds = element.meaning
        if element.each and isinstance(bounds, Values):
            return [replace(element, meaning=replace(bounds, values=(value,))) for value in bounds.values]
        pair = self.vocabulary.pairs.get(element.attribute or "")
        before = {token.stem for token in self.tokens[max(0, element.first - 2) : element.first]}
        if not isinstance(bounds, Bounds) or pair is None or before & EXTREMES:
            return [element]
        return [
            replace(element, meaning=each, attribute=each.attribute) for each in between_ends(bounds, pair)
        ]

    def words(self, first: int, last: int) -> str:
        """The sentence between two tokens, as it was written."""
        return self.sentence[self.tokens[first].start : self.tokens[last - 1].end]

    def _next(self, at: int) -> Element:
        value = self._values.exact(at)
        slipped = self._values.misspelt(at, least=2)
        if slipped is not None and (value is None or slipped.last > value.last):
            return slipped
        numbers = self._range(at)
        if value and (numbers is None or value.last >= numbers.last):
            plain = self._relative(at) if value.last == at + 1 else None
            if plain is None or value.attribute in self.vocabulary.values.descriptive:
                return value
        for found in (self._extreme(at), numbers, self._flag(at), self._amount(at), self._relative(at)):
            if found is not None:
                return found
        grammar = None if self._is_topic(at) else self._grammar(at)
        name = self._attribute(at)
        if (
            name is not None
            and (grammar is None or name.last >= grammar.last)
            and (not grammar or grammar.kind == "filler")
        ):
            return name
        if grammar is not None:
            return grammar
        if (doubtful := self._values.doubtful(at)) is not None:
            return doubtful
        named = (
            at > 0 and self.tokens[at - 1].word in CUES and self.tokens[at].is_capital
        )  # "by Chateau Nowhere"
        general = self.vocabulary.values.is_general(self.tokens[at].stem) and not named
        return Element("filler" if general else "text", at, at + 1)

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
            behind = best_fit(found, self.vocabulary.number_words(self.tokens[place].stem))
            if (
                behind is not None
                and place > found.end - 1
                and self.tokens[place].word not in ("time", "long")
            ):
                return behind, place + 1
        told: Numeric | None = None  # by a word that is no column's name: "rated", "prep time"
        for element in reversed(self.found):
            if element.kind == "attribute" and element.attribute in self.vocabulary.numeric_by_name:
                return self.vocabulary.numeric_by_name[element.attribute], found.end
            if element.kind not in ("filler", "attribute"):
                break
            words = self.vocabulary.number_words(self.tokens[element.last - 1].stem)
            told = told or best_fit(found, words)
        return None if found.units else told, found.end  # a unit tells more: "total time under an hour"

    def _extreme(self, at: int) -> Element | None:
        """ "max weight 12 kg": the name of a column between the comparator and its number."""
        bound = (
            "lte" if self.tokens[at].word in HIGHEST else "gte" if self.tokens[at].word in LOWEST else None
        )
        name = self._attribute(at + 1) if bound is not None and at + 1 < len(self.tokens) else None
        column = self.vocabulary.numeric_by_name.get(str(name.attribute)) if name is not None else None
        if name is None or column is None or EXTREMES & set(column.stems):
            return None
        place = name.last
        while place < len(self.tokens) and self.tokens[place].word in ("of", ":", "is", "-"):
            place += 1
        found = read_range(self.tokens, place) if place < len(self.tokens) else None
        if found is None or not found.bare:
            return None
        low, high = (None, found.gte) if bound == "lte" else (found.gte, None)
        limit = found._replace(gte=low, lte=high, bare=False)
        meaning = choose(limit, self.vocabulary.numeric, column, None)
        if not isinstance(meaning, Bounds):
            return None
        return Element("range", at, found.end, replace(meaning, words=self.words(at, found.end)), column.name)

    def _flag(self, at: int) -> Element | None:
        for size in range(self.vocabulary.longest_name, 0, -1):
            parts = [token for token in self.tokens[at : at + 2 * size] if token.word != "-"][:size]
            flag = self.vocabulary.flag(tuple(token.stem for token in parts))
            if flag is not None and len(parts) == size:
                last, holds = said_of(self.tokens, at + self.tokens[at:].index(parts[-1]) + 1)
                meaning = replace(yes(flag, self.words(at, last)), include=holds)
                return Element("value", at, last, meaning, flag.name)
        token = self.tokens[at]
        flag = self.vocabulary.flag((token.stem.removeprefix("un"),)) if token.word.startswith("un") else None
        if flag is None:
            return None
        return Element("value", at, at + 1, replace(yes(flag, token.text), include=False), flag.name)

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
            stem = self.tokens[place].stem if place < len(self.tokens) else ""
            named = self.vocabulary.number_words(stem) if stem else ()
            if texts[0] in SHAPES:  # "a long read" is not of a high reading level
                named = tuple(each for each in named if stem in each.stems)
            column = next(
                (each for each in named if set(WHOLE) & set(each.stems)), named[0] if named else None
            )
            if column is not None and not column.is_year:
                percentile = SUPERLATIVE if self.tokens[at].word in MOST else PLAIN
                end = end_of(column, side, percentile, self.words(at, place + 1), AMOUNT_SURE)
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
            if (
                meaning is not None
                and self.vocabulary.attribute((self.tokens[at].stem,)) == meaning.attribute
            ):
                continue  # "vintage 2005 or later"
            if meaning is not None and (sense.free or self._stands_free(at, last)):
                if last < len(self.tokens) and self.tokens[last].word == "than":
                    meaning = replace(meaning, than=meaning.own)
                return Element("relative", at, last, meaning, meaning.attribute)
        return None

    def _stands_free(self, first: int, last: int) -> bool:
        """Whether the word is about the items: not "about old age" or "for long hair", where what follows owns it."""
        if last >= len(self.tokens) or not self.tokens[last].is_word or self._grammar(last) is not None:
            return True
        if first > 0 and self.tokens[first - 1].word in TOPICS:
            return False
        index = self.vocabulary.values
        unknown = [
            t for t in self.tokens if t.is_word and not self._is_grammar(t) and not index.has_word(t.stem)
        ]
        return (
            self.tokens[last] not in unknown or len(unknown) == 1
        )  # "a light laptop", not "the quick brown fox"

    def _is_grammar(self, token: Token) -> bool:
        """Part of the grammar, a filler or a relative word."""
        in_grammar = token.word in grammar_words() or token.stem in words(FILLERS)
        return in_grammar or (token.word,) in senses()

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

    def _is_topic(self, at: int) -> bool:
        """A word of everyday talk that is what something is about: "about cooking"."""
        return at > 0 and self.tokens[at - 1].word == "about" and self.tokens[at].word in word_set("CONTENT")


def _filler_stems() -> frozenset[str]:
    return words(FILLERS)
