"""What the encoder makes of the phrases that no word matched: "scary", "nail varnish", "happy Monday".

A phrase is compared with the descriptive values of the catalogue (genres, categories; not brands) in the frozen text
model's own space, unwhitened: whitening looks at what tells items apart and blurs paraphrases. Each value stands for
the mean of three ways to write it, and what neutral sentences look like is taken off first, or broad values
("Horror") would be near to everything:

    similarity(phrase, value) = cos(phrase, value) - mean over neutral sentences of cos(sentence, value)

The neutral sentences also set the scale. `floor` is what 95 per cent of them stay below with their best value; a
phrase beyond 1.35 floors is relevant, beyond 1.5 it means its best value as surely as a word would. On development
phrases of two catalogues (tests/service/constraints) all but 1 in 60 irrelevant ones stay below.

Letters: P phrases, V values, D width of the text model.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from service.constraints.catalogue_words import Value
from service.constraints.lexicon import word_set
from service.constraints.naming import is_kin, is_naming
from service.constraints.neutral import NEUTRAL
from service.constraints.titles import Titles
from service.constraints.tokens import stem_of, stems, tokenize
from service.constraints.types import Phrase, Values
from service.constraints.vocabulary import Vocabulary

Vectors = NDArray[np.float32]

MOST_VALUES = 1500  # of the descriptive columns, those with most items
RELEVANT, CERTAIN = 1.35, 1.5  # in floors
FLOOR_QUANTILE = 0.95
CLOSE, ALIKE = 0.92, 0.97  # of the best similarity: nearly as good, as good
UNIVERSAL = 0.9  # share of the items from which a value says nothing: "Bicycles" where there is nothing else
VOTED = 0.95  # confidence of what all titles say
ONE_OF_MANY = (
    0.66  # of the best similarity: what a column's middle value reaches if the word is another of its kind
)
SECOND = 0.85  # of the best: what a second value of a kind with names reaches
FEWEST = 3  # values that make a kind
MOST_NEAR = 5  # values that a phrase leans to
KEPT = 4096  # phrases whose vectors are remembered


class Texts(Protocol):
    """The frozen text model."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors float32 [n, D], unwhitened."""
        ...


class Near(NamedTuple):
    """A value near a phrase."""

    value: Value
    similarity: float


class Meanings:
    """Compares phrases with values, one call at a time: vectors of phrases are remembered."""

    def __init__(self, vocabulary: Vocabulary, texts: Texts) -> None:
        index = vocabulary.values
        most = UNIVERSAL * len(vocabulary.catalogue)
        candidates = [
            value for value in index.all if value.column in index.descriptive and value.items <= most
        ]
        self.values = sorted(candidates, key=lambda value: -value.items)[:MOST_VALUES]
        self.kinds = index.kinds
        self._is_gibberish = index.is_gibberish
        self._titles = Titles(vocabulary.catalogue, index)
        self._texts = texts
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        common = texts.vectors(NEUTRAL)  # [neutral, D]
        self._vectors = _value_vectors(self.values, texts, common.shape[1])  # [V, D]
        neutral = common @ self._vectors.T  # [neutral, V]
        self._usual = neutral.mean(axis=0)  # [V]
        best = (neutral - self._usual).max(axis=1) if self.values else np.zeros(1)
        self.floor = max(float(np.quantile(best, FLOOR_QUANTILE)), 1e-3)

    def prepare(self, phrases: Sequence[str]) -> None:
        """Encode what is not remembered yet, in one call."""
        new = [text for text in dict.fromkeys(phrases) if text not in self._kept]
        if new and self.values:
            for text, vector in zip(new, self._texts.vectors(new), strict=True):
                self._kept[text] = vector
        while len(self._kept) > max(KEPT, len(new)):
            self._kept.popitem(last=False)

    def near(self, text: str, column: str | None = None, within: str = "") -> list[Near]:
        """The values nearest to a phrase, best first, of one column if it is given.

        It is read twice, alone and in company: in the sentence it was taken from where that is all there is
        (`within`), else as "something ...", which tells a wish ("funny") from a name.
        """
        words = [token.word for token in tokenize(text) if token.is_word]
        if not self.values or self._is_gibberish(words):
            return []
        texts = [text, company(text, within)]
        self.prepare(texts)
        similarity = (
            self._vectors @ np.mean([self._kept[each] for each in texts], axis=0) - self._usual
        )  # [V]
        order = np.argsort(-similarity, kind="stable")
        found = (Near(self.values[n], float(similarity[n])) for n in order)
        return [near for near in found if column in (None, near.value.column)][:MOST_NEAR]

    def meant(self, phrase: Phrase, near: Sequence[Near], another: bool) -> Values | None:
        """What a phrase surely means, as a condition; None where nothing is sure.

        That is its nearest value, unless it is `another` of the kind. Titles are heard on it (titles.py): where they
        have another value it is that; where they veto, the phrase is tried without its general nouns.
        """
        sure = bool(near) and near[0].similarity >= CERTAIN * self.floor and not another
        if sure and not self._titles.veto(phrase.text, near[0].value):
            return self.value_of(phrase, near)
        plain = bare(phrase.text)
        vote = self._titles.vote(plain)
        if vote is not None and phrase.attribute in (None, vote[0].column):
            value, share = vote
            return Values(value.column, (value.value,), phrase.text, round(share * VOTED, 2), phrase.include)
        closer = self.near(plain, phrase.attribute) if plain != phrase.text else []
        if (
            closer
            and closer[0].similarity >= CERTAIN * self.floor
            and not self._titles.veto(plain, closer[0].value)
        ):
            return None if self.is_another(plain, closer) else self.value_of(phrase, closer)
        return None

    def vetoed(self, text: str, near: Sequence[Near]) -> bool:
        """Whether titles say that a phrase does not mean its nearest value."""
        return bool(near) and self._titles.veto(text, near[0].value)

    def is_another(self, text: str, near: Sequence[Near], named: bool = False) -> bool:
        """Whether a phrase is none of the values of its nearest one's column but another of the kind (naming.py).

        `named`: the column was ("the city of Atlantis"), and one of names knows no other words for them.
        """
        if not near:
            return False
        best = near[0].value
        text = bare(text)
        self.prepare([text])
        places = [n for n, value in enumerate(self.values) if value.column == best.column]
        similarity = np.sort(self._vectors[places] @ self._kept[text] - self._usual[places])[
            ::-1
        ]  # [V], falling
        if len(places) < FEWEST or is_kin(text, best.value) or set(stems(text)) & set(stems(best.value)):
            return False
        if is_naming(best.column) and (named or similarity[1] >= SECOND * similarity[0]):
            return True
        return bool(np.median(similarity) >= ONE_OF_MANY * similarity[0])

    def related(self, column: str, values: Sequence[str]) -> list[tuple[str, float]]:
        """Other values of the column near to some of these, with their similarity in (0, 1]."""
        places = [n for n, value in enumerate(self.values) if value.column == column]
        wanted = [n for n in places if self.values[n].value in values]
        if not wanted:
            return []
        similarity = (self._vectors[places] @ self._vectors[wanted].T).max(axis=1) - self._usual[places]
        least = RELEVANT * self.floor
        return [
            (self.values[n].value, min(float(each), 1.0))
            for n, each in zip(places, similarity, strict=True)
            if each >= least and n not in wanted
        ]

    def means(self, text: str, floors: float) -> bool:
        """Whether a phrase is so near to a value."""
        near = self.near(text)
        return bool(near) and near[0].similarity >= floors * self.floor

    def value_of(self, phrase: Phrase, near: Sequence[Near]) -> Values:
        """The broadest of the best values and those of its column that are as good; more where they shall stay out."""
        best = max(
            (each for each in near if each.similarity >= CLOSE * near[0].similarity),
            key=lambda n: n.value.items,
        )
        least = near[0].similarity * (ALIKE if phrase.include else CLOSE * CLOSE)
        alike = [each for each in near if each.similarity >= least and each.value.column == best.value.column]
        values = tuple(dict.fromkeys((best.value.value, *(each.value.value for each in alike))))
        sure = min(0.95, round(0.7 + 0.25 * (near[0].similarity / self.floor - CERTAIN) / CERTAIN, 2))
        return Values(best.value.column, values, phrase.text, sure, phrase.include)


def bare(text: str) -> str:
    """A phrase without the general nouns around it: "cowboy" of "cowboy films"."""
    words = text.split()
    while len(words) > 1 and words[-1].casefold() in word_set("NOUNS"):
        words.pop()
    while len(words) > 1 and words[0].casefold() in word_set("PRONOUNS"):
        words.pop(0)
    return " ".join(words)


def company(text: str, within: str = "") -> str:
    """What a phrase is read with: its sentence where that is more, else a word that makes it a wish."""
    if within not in ("", text):
        return within
    return text if text.startswith("something") else f"something {text}"


def _value_vectors(values: Sequence[Value], texts: Texts, width: int) -> Vectors:
    """Unit vectors [V, D]: the mean of "Horror", "genres: Horror" and "Horror genre"."""
    if not values:
        return np.zeros((0, width), np.float32)
    names = [(value.value, value.column.replace("_", " ")) for value in values]
    total: Vectors = texts.vectors([name for name, _ in names])
    total = total + texts.vectors([f"{column}: {name}" for name, column in names])
    total = total + texts.vectors([f"{name} {stem_of(column)}" for name, column in names])
    unit: Vectors = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-6)
    return unit
