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
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from service.constraints.neutral import NEUTRAL
from service.constraints.tokens import stem_of
from service.constraints.types import Clause, Constraint, Contradiction, Leaning, Phrase, Together, Values
from service.constraints.values import Value
from service.constraints.vocabulary import Vocabulary

Vectors = NDArray[np.float32]

MOST_VALUES = 1500  # of the descriptive columns, those with most items
RELEVANT, CERTAIN = 1.35, 1.5  # in floors
FLOOR_QUANTILE = 0.95
CLOSE, ALIKE = 0.92, 0.97  # of the best similarity: nearly as good, as good
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
    """Compares phrases with values. One thread calls it: vectors of phrases are remembered."""

    def __init__(self, vocabulary: Vocabulary, texts: Texts) -> None:
        index = vocabulary.values
        candidates = [value for value in index.all if value.column in index.descriptive]
        self.values = sorted(candidates, key=lambda value: -value.items)[:MOST_VALUES]
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
        if not self.values:
            return []
        texts = [text, _company(text, within)]
        self.prepare(texts)
        similarity = (
            self._vectors @ np.mean([self._kept[each] for each in texts], axis=0) - self._usual
        )  # [V]
        order = np.argsort(-similarity, kind="stable")
        found = (Near(self.values[n], float(similarity[n])) for n in order)
        return [near for near in found if column in (None, near.value.column)][:MOST_NEAR]

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


def read_phrases(constraint: Constraint, meanings: Meanings | None) -> Constraint:
    """Settle every phrase: a value, a leaning that also enters the prompt, or ignored.

    Without an encoder's meanings every phrase that is wanted is text.
    """
    if meanings is None:
        text = ", ".join(phrase.text for phrase in constraint.phrases if phrase.include)
        return replace(constraint, as_text=text)
    meanings.prepare(texts_of(constraint))
    within = "" if constraint.clauses else constraint.sentence
    clauses: list[Clause] = list(constraint.clauses)
    contradictions: list[Contradiction] = []
    leanings: list[Leaning] = []
    ignored: list[str] = []
    for phrase in constraint.phrases:
        near = meanings.near(phrase.text, phrase.attribute, within)
        if near and near[0].similarity >= CERTAIN * meanings.floor:
            value = _value(phrase, near, meanings.floor)
            if not _join_denied(clauses, phrase, value):
                clauses.append((value,))
        elif phrase.attribute is not None:
            what = f"This catalogue knows no {phrase.attribute} called {phrase.text!r}."
            contradictions.append(Contradiction("unknown_value", what, phrase.text, phrase.attribute))
        elif near and near[0].similarity >= RELEVANT * meanings.floor:
            leanings.append(_leaning(phrase, near, meanings.floor))
        else:
            ignored.append(phrase.text)
    return replace(
        constraint,
        clauses=tuple(clauses),
        contradictions=(*constraint.contradictions, *contradictions),
        leanings=tuple(leanings),
        as_text=", ".join(leaning.text for leaning in leanings if leaning.include),
        ignored=(*constraint.ignored, *ignored),
    )


def _join_denied(clauses: list[Clause], phrase: Phrase, value: Values) -> bool:
    """ "No romantic comedies" denies the two together: put the phrase's value to the one that is denied already."""
    for place, clause in enumerate(clauses):
        denied = clause[0]
        if (
            phrase.beside
            and isinstance(denied, Values)
            and not denied.include
            and denied.words == phrase.beside
        ):
            both = (replace(value, include=True), replace(denied, include=True))
            clauses[place] = (Together(both), *clause[1:])
            return True
    return False


def texts_of(constraint: Constraint) -> list[str]:
    """What has to be encoded for `read_phrases`."""
    within = "" if constraint.clauses else constraint.sentence
    return [text for phrase in constraint.phrases for text in (phrase.text, _company(phrase.text, within))]


def prompt_text(constraint: Constraint, strict: bool, alone: bool) -> str:
    """What of a settled constraint enters the prompt.

    strict: what stayed text, since words that filter stay out; soft: the whole sentence, if any of it is about this
    catalogue. Where nothing but the sentence is known of the user (`alone`), what it wants is all the prompt can say.
    """
    if not strict and (constraint.clauses or constraint.leanings):
        return constraint.sentence
    if alone and not constraint.as_text:
        wanted = [condition for condition in constraint.conditions() if isinstance(condition, Values)]
        return ", ".join(dict.fromkeys(condition.words for condition in wanted if condition.include))
    return constraint.as_text


def _company(text: str, within: str) -> str:
    if within not in ("", text):
        return within
    return text if text.startswith("something") else f"something {text}"


def _value(phrase: Phrase, near: Sequence[Near], floor: float) -> Values:
    """The broadest of the best values, and those of its column that are as good; more where they are to be kept out."""
    best = max(
        (each for each in near if each.similarity >= CLOSE * near[0].similarity), key=lambda n: n.value.items
    )
    least = near[0].similarity * (ALIKE if phrase.include else CLOSE * CLOSE)
    alike = [each for each in near if each.similarity >= least and each.value.column == best.value.column]
    values = tuple(dict.fromkeys((best.value.value, *(each.value.value for each in alike))))
    sure = min(0.95, round(0.7 + 0.25 * (near[0].similarity / floor - CERTAIN) / CERTAIN, 2))
    return Values(best.value.column, values, phrase.text, sure, phrase.include)


def _leaning(phrase: Phrase, near: Sequence[Near], floor: float) -> Leaning:
    kept = [each for each in near if each.similarity >= 0.8 * RELEVANT * floor]
    strongest = kept[0].similarity
    return Leaning(
        phrase.text,
        phrase.include,
        tuple((e.value.column, e.value.value, round(e.similarity / strongest, 3)) for e in kept),
    )


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
