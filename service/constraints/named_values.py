"""Values of the catalogue in a sentence, and how sure each is, given what stands beside it."""

from collections.abc import Sequence

from service.constraints.element import Element
from service.constraints.lexicon import grammar_words
from service.constraints.tokens import Token
from service.constraints.types import HARD, Values
from service.constraints.values import AMBIGUOUS, Match
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
        if sure < HARD and (not match.whole or match.confidence == AMBIGUOUS):
            return None  # a word like any other
        words = self.sentence[self.tokens[first].start : self.tokens[last - 1].end]
        return Element("value", first, last, Values(column, chosen, words, sure), column)

    def _sureness(self, match: Match, first: int, last: int, named: bool) -> float:
        """How sure the match is, given what stands beside it."""
        sure = match.confidence
        if match.whole and sure != AMBIGUOUS:
            return sure
        token = self.tokens[first]
        before = self.tokens[first - 1] if first else None
        sure += CUED if named or (before is not None and before.word in CUES) else 0.0
        inside = before is not None and before.word not in ".!?:"
        if token.is_capital and (inside or self._heads_a_list(last)):
            sure += CAPITAL
        if self.found and self.found[-1].kind in ("negation", "affirmation") and self.found[-1].last == first:
            sure += SIGNED
        if not self.vocabulary.values.is_everyday(token.word):
            sure += RARE
        return min(round(sure, 2), 0.95)

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
        """A value misspelt, written as one word, or by a telling word of its name."""
        index, token = self.vocabulary.values, self.tokens[at]
        if not token.is_word:
            return None
        if (match := index.find_joined(token.word)) is not None:
            return self._of(match, at, at + 1)
        spelt = [self._corrected(n) for n in range(at, min(len(self.tokens), at + LONGEST_MISSPELT))]
        for size in range(len(spelt), 0, -1):
            similar = min(similarity for _, similarity in spelt[:size])
            if similar < 1 and (match := index.find(tuple(stem for stem, _ in spelt[:size]))) is not None:
                return self._of(match, at, at + size, round(similar - SLIP, 2))
        match = index.find_part(token.stem) or (index.find_part(spelt[0][0]) if spelt[0][1] < 1 else None)
        return None if match is None else self._of(match, at, at + 1)

    def _corrected(self, at: int) -> tuple[str, float]:
        """A word as it should be spelt, and the similarity of the two."""
        token = self.tokens[at]
        if not token.is_word or self.vocabulary.values.is_known(token.word, token.stem):
            return token.stem, 1.0
        return self.vocabulary.values.correct(token.stem) or (token.stem, 1.0)
