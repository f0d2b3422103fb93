"""Values of the catalogue in a sentence, and how sure each is, given what stands beside it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from service.constraints.element import Element
from service.constraints.lexicon import grammar_words, word_set
from service.constraints.tokens import Token
from service.constraints.types import HARD, Values
from service.constraints.values import AMBIGUOUS, LOOSE, Match
from service.constraints.vocabulary import Vocabulary

CUES = frozenset({"by", "from"})  # stand before the name of a maker
SKIPPED = frozenset({",", "-", "/", ":", "+", "(", ")"})  # signs inside of a value's name
CUED, CAPITAL, SIGNED, RARE = 0.25, 0.15, 0.15, 0.15  # what stands beside a doubtful name adds so much
LONGEST_MISSPELT = 4  # words of a value with a slip of the pen
SLIP = 0.05  # of the similarity of a misspelt word


class NamedValues:
    """Finds the values in one sentence's tokens; `found` holds the elements before the token that is asked about."""

    def __init__(
        self, sentence: str, tokens: Sequence[Token], found: Sequence[Element], vocabulary: Vocabulary
    ) -> None:
        self.sentence = sentence
        self.tokens = tokens
        self.found = found
        self.vocabulary = vocabulary

    def exact(self, at: int) -> Element | None:
        """The longest value whose full name starts here."""
        tokens, index = self.tokens, self.vocabulary.values
        if not (tokens[at].is_word or tokens[at].number is not None):
            return None
        key: list[str] = []
        signs: set[str] = set()
        best: tuple[Match, int] | None = None
        for place in range(at, min(len(tokens), at + 2 * index.longest)):
            if tokens[place].is_word or tokens[place].number is not None:
                key.append(tokens[place].stem)
                if len(key) > index.longest:
                    break
                match = index.find(tuple(key))
                if (
                    match is not None
                    and self._may_be_value(at, place + 1, match)
                    and _has_signs(match, signs)
                ):
                    best = match, place + 1
            else:
                signs.add(tokens[place].word)
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
        word = self.tokens[first].word
        if last - first > 1 or word not in grammar_words() or word in word_set("NOUNS"):
            return self.tokens[first].is_word or last - first > 1
        token = self.tokens[first]
        if first > 0 and self.tokens[first - 1].word == "about":
            return True  # "about cooking"
        return first > 0 and token.is_capital and token.text in {value.value for value in match.values}

    def misspelt(self, at: int, least: int = 1) -> Element | None:
        """The longest value of at least so many words that starts here, with a slip of the pen in it."""
        spelt = [self._spelt(n) for n in range(at, min(len(self.tokens), at + LONGEST_MISSPELT))]
        for size in range(len(spelt), least - 1, -1):
            if all(similar == 1 for options in spelt[:size] for _, similar in options):
                continue
            found: dict[float, Match] = {}
            for words in product(*spelt[:size]):
                match = self.vocabulary.values.find(tuple(stem for stem, _ in words))
                if match is not None:
                    found.setdefault(min(similar for _, similar in words), match)
            if found:
                return self._of(found[max(found)], at, at + size, round(max(found) - SLIP, 2))
        return None

    def _spelt(self, at: int) -> tuple[tuple[str, float], ...]:
        """What a word may be meant as: itself, or where nobody knows it, the words of values near to it."""
        token, index = self.tokens[at], self.vocabulary.values
        if not token.is_word or index.is_known(token.word, token.stem):
            return ((token.stem, 1.0),)
        return index.spelling.corrections(token.word) or ((token.stem, 1.0),)

    def _of(self, match: Match, first: int, last: int, confidence: float | None = None) -> Element | None:
        """An element of the column that the words beside it name, else of the one with most items."""
        named = self._named_column(first, last)
        options = [value for value in match.values if value.column == named] or list(match.values)
        column = max(options, key=lambda value: value.items).column
        chosen = tuple(value.value for value in options if value.column == column)
        sure = confidence if confidence is not None else self._sureness(match, first, last, named == column)
        if sure < HARD and (not match.whole or match.confidence == AMBIGUOUS):
            return None  # a word like any other
        words = self.sentence[self.tokens[first].start : self.tokens[last - 1].end]
        value = Values(column, chosen, words, sure)
        if not (match.whole or self.tokens[first].is_capital or self._is_cued(first, named == column)):
            return Element("text", first, last, value)  # "scents" may be more than Coastal Scents
        return Element("value", first, last, value, column)

    def _sureness(self, match: Match, first: int, last: int, named: bool) -> float:
        """How sure the match is, given what stands beside it."""
        sure = match.confidence
        if match.whole and sure != AMBIGUOUS:
            return sure
        token = self.tokens[first]
        before = self.tokens[first - 1] if first else None
        sure += CUED if self._is_cued(first, named) else 0.0
        inside = before is not None and before.word not in ".!?:"
        if token.is_capital and (inside or self._heads_a_list(last)):
            sure += CAPITAL
        if self.found and self.found[-1].kind in ("negation", "affirmation") and self.found[-1].last == first:
            sure += SIGNED
        if not self.vocabulary.values.is_everyday(token.word):
            sure += RARE
        return min(round(sure, 2), 0.95)

    def _is_cued(self, first: int, named: bool) -> bool:
        """Whether the name of its column, or a "by", says that this is a name."""
        return named or (first > 0 and self.tokens[first - 1].word in CUES)

    def _heads_a_list(self, last: int) -> bool:
        """ "Kubrick or Hitchcock": a capital at the start of a sentence counts where the next name has one too."""
        words = self.tokens[last : last + 2]
        return len(words) == 2 and words[0].word in ("or", "and", ",") and words[1].is_capital

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

    def doubtful(self, at: int) -> Element | None:
        """A value written as one word, by its initials, misspelt, or by a telling word of its name."""
        index, token = self.vocabulary.values, self.tokens[at]
        if not token.is_word:
            return None
        if (match := index.find_joined(token.word)) is not None:
            return self._of(match, at, at + 1)
        if len(token.text) > 1 and token.text.isupper() and (match := index.find_initials(token.word)):
            return self._of(match, at, at + 1, match.confidence)
        if (element := self.misspelt(at)) is not None:
            return element
        if (element := self._clipped(at)) is not None:
            return element
        match = index.find_part(token.stem) or index.find_part(self._spelt(at)[0][0])
        return None if match is None or self._goes_on(match) else self._of(match, at, at + 1)

    def _clipped(self, at: int) -> Element | None:
        """ "romcom" and "rom-com": the beginnings of two values; "sci-fi": of one value's words."""
        words = self.tokens[at : at + 3]
        hyphened = len(words) == 3 and words[1].word == "-" and words[2].is_word and words[2].glued
        if hyphened:
            match = self.vocabulary.values.find_clipped(words[0].word + words[2].stem, len(words[0].word))
        elif self.vocabulary.values.is_known(words[0].word, words[0].stem):
            return None
        else:
            match = self.vocabulary.values.find_clipped(words[0].stem)
        element = (
            None if match is None else self._of(match, at, at + 3 if hyphened else at + 1, match.confidence)
        )
        return None if element is None or match is None else replace(element, each=len(match.values) > 1)

    def _goes_on(self, match: Match) -> bool:
        """Whether a name of the same column stands before, with no more than values between: "OPI Nail Lacquer"."""
        for element in reversed(self.found):
            if element.kind != "value":
                return False
            if element.attribute == match.values[0].column:
                return True
        return False


def _has_signs(match: Match, signs: set[str]) -> bool:
    """Whether signs that stand between the words belong there: hyphens anywhere, "," and "." as in the name itself."""
    if signs <= {"-"}:
        return True
    if match.confidence == LOOSE:
        return False
    return signs <= SKIPPED or any(all(sign in value.value for sign in signs) for value in match.values)
