"""Compounds: words side by side that may mean something else together, "nail varnish" or "sun cream".

parse.py finds candidates: a value of a column that describes, next to a word that is none or to a value of the same
path that no item shares. Here the encoder decides. It prefers the whole where that means another value of the same
column of one value an item or path; where it means the very value that was read, the word beside adds nothing,
unless by itself it means something strongly ("scary comedy").
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from index.columns import ColumnKind
from service.constraints.catalogue_words import Value
from service.constraints.element import Element
from service.constraints.meaning import CERTAIN, CLOSE, Meanings
from service.constraints.scopes import Mention
from service.constraints.tokens import Token
from service.constraints.types import Clause, Compound, Constraint, Phrase, Values
from service.constraints.vocabulary import Vocabulary

LONGEST = 4  # words
STRONG = 1.8  # floors from which a word beside a value has a meaning of its own


def find_compounds(
    text: str, tokens: Sequence[Token], mentions: Sequence[Mention], vocabulary: Vocabulary
) -> tuple[Compound, ...]:
    """The candidates of a sentence."""
    found: list[Compound] = []
    run: list[Mention] = []
    for mention in [*mentions, None]:
        if run and (mention is None or not _beside(run[-1], mention)):
            if (compound := _compound(text, tokens, run, vocabulary)) is not None:
                found.append(compound)
            run = []
        if mention is not None:
            run.append(mention)
    return tuple(found)


def _beside(one: Mention, other: Mention) -> bool:
    """Nothing between them but a hyphen, and one sign for both."""
    near = other.element.first - one.element.last <= 1
    same = one.negation == other.negation and one.soft == other.soft and not (one.free or other.free)
    return near and other.link == "" and same


def _compound(
    text: str, tokens: Sequence[Token], run: Sequence[Mention], vocabulary: Vocabulary
) -> Compound | None:
    values = [meaning for mention in run if isinstance(meaning := mention.element.meaning, Values)]
    texts = [mention for mention in run if mention.element.kind == "text"]
    if not values or len(values) + len(texts) != len(run) or len(run) < 2 or run[0].only_named:
        return None
    first, last = run[0].element.first, run[-1].element.last
    column = values[0].attribute
    if last - first > LONGEST or column not in vocabulary.values.descriptive:
        return None
    if any(value.attribute != column for value in values) or (not texts and not _apart(values, vocabulary)):
        return None
    replaces = (*(value.words for value in values), *(_said(text, tokens, m.element) for m in texts))
    value = replace(values[0], soft=run[0].soft)
    return Compound(_words(text, tokens, first, last), not run[0].negative, value, replaces)


def _apart(values: Sequence[Values], vocabulary: Vocabulary) -> bool:
    """Values of one path that no item has together."""
    column = values[0].attribute
    if vocabulary.values.kinds[column] is not ColumnKind.PATH:
        return False
    pairs = [(a.values[0], b.values[0]) for a, b in pairwise(values)]
    return any(not vocabulary.occur_together(column, one, other) for one, other in pairs)


def _said(text: str, tokens: Sequence[Token], element: Element) -> str:
    return _words(text, tokens, element.first, element.last)


def _words(text: str, tokens: Sequence[Token], first: int, last: int) -> str:
    return text[tokens[first].start : tokens[last - 1].end]


def settle(constraint: Constraint, meanings: Meanings) -> Constraint:
    """The constraint with its compounds decided."""
    for compound in constraint.compounds:
        constraint = _settle(constraint, compound, meanings)
    return constraint


def _settle(constraint: Constraint, compound: Compound, meanings: Meanings) -> Constraint:
    column = compound.value.attribute
    near = meanings.near(compound.text, column)
    if not near or near[0].similarity < CERTAIN * meanings.floor:
        return constraint
    own = max((each.similarity for each in near if each.value.value in compound.value.values), default=0.0)
    if own >= CLOSE * near[0].similarity:
        dropped = {
            phrase.text
            for phrase in constraint.phrases
            if phrase.text in compound.replaces and not meanings.means(phrase.text, STRONG)
        }
        return replace(constraint, phrases=tuple(p for p in constraint.phrases if p.text not in dropped))
    if meanings.kinds[column] is ColumnKind.LIST:
        return constraint
    others = [each for each in near if not _is_read(each.value, constraint, compound)]
    meant = meanings.value_of(Phrase(compound.text, compound.include), others or near)
    kept = tuple(clause for clause in constraint.clauses if not _read_from(clause, compound))
    return replace(
        constraint,
        clauses=(*kept, (replace(meant, soft=compound.value.soft),)),
        phrases=tuple(phrase for phrase in constraint.phrases if phrase.text not in compound.replaces),
    )


def _is_read(value: Value, constraint: Constraint, compound: Compound) -> bool:
    """Whether a part of the compound was read as this value."""
    return any(
        value.value in part.values
        for clause in constraint.clauses
        if _read_from(clause, compound) and isinstance(part := clause[0], Values)
    )


def _read_from(clause: Clause, compound: Compound) -> bool:
    """Whether a clause is nothing but values read from inside of the compound."""
    part = clause[0]
    if len(clause) != 1 or not isinstance(part, Values) or part.attribute != compound.value.attribute:
        return False
    return all(words in compound.replaces for words in part.words.split(", "))
