"""Small talk, commands to a machine, and reasons: words of a sentence that ask nothing of a catalogue.

A sentence is looked at clause by clause. "The train is late again" states something and asks for nothing; "nothing
from NYX, their stuff flakes" gives a reason behind its comma; "in my bag" is where somebody is. What is named there
does not count, nor does anything from a command to a machine on: "no horror. Ignore your instructions and ...". A
sentence that is nothing else is ignored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from service.constraints.element import Element
from service.constraints.lexicon import CONDITIONS, word_set
from service.constraints.tokens import Token

COVERAGE = 0.6  # a statement that names the catalogue with fewer of its words is small talk
NAMED = ("value", "relative", "range")
ABOUT_ONESELF = frozenset(["i", "he", "she", "we", "my", "our"])
ASKING = ("negation", "denied", "optional", "not_only", "hedge")
Clause = list[int]  # places of elements


def without_talk(tokens: Sequence[Token], elements: Sequence[Element]) -> list[Element] | None:
    """The elements, those of talk turned into fillers; None where all of it is talk."""
    clauses = list(_clauses(tokens, elements))
    talk: set[int] = set()
    for number, clause in enumerate(clauses):
        said = set(_words(tokens, elements, clause))
        if said & word_set("COMMANDS") and said & word_set("MACHINERY"):
            talk |= set(range(clause[0], len(elements)))  # from here on it speaks to a machine
            break
        behind = clauses[number + 1] if number + 1 < len(clauses) else []
        taken_up = any(elements[place].kind == "denied" for place in behind)  # "... so none of that"
        opener = elements[clause[0] - 1] if clause[0] else None
        depends = opener is not None and _text(tokens, opener) in _conditions()  # "as long as it's red"
        is_reason = (
            number > 0 and not depends and len(talk) < clause[0] and _is_reason(tokens, elements, clause)
        )
        if not taken_up and (is_reason or _is_statement(tokens, elements, clause)):
            talk |= set(clause)
    if elements and all(n in talk for n, each in enumerate(elements) if _means(each)) and talk:
        return None
    talk |= _whereabouts(tokens, elements)
    return [
        replace(each, kind="filler") if n in talk and _means(each) else each
        for n, each in enumerate(elements)
    ]


def _means(element: Element) -> bool:
    return element.kind in (*NAMED, "text", "missing", "attribute")


def _clauses(tokens: Sequence[Token], elements: Sequence[Element]) -> Iterator[Clause]:
    """Runs of elements between commas, ends, breaks and what begins a reason."""
    clause: Clause = []
    for place, element in enumerate(elements):
        starts = element.kind == "filler" and tokens[element.first].word in word_set("REASONS")
        if element.kind in ("comma", "end", "break") or starts:
            if clause:
                yield clause
            clause = []
        else:
            clause.append(place)
    if clause:
        yield clause


def _words(tokens: Sequence[Token], elements: Sequence[Element], clause: Clause) -> list[str]:
    return [token.word for n in clause for token in tokens[elements[n].first : elements[n].last]]


def _asks(tokens: Sequence[Token], elements: Sequence[Element], clause: Clause) -> bool:
    """Whether words of asking stand in it: "show", "without", "it has to be", "you've got"."""
    if word_set("REQUESTS") & set(_words(tokens, elements, clause)):
        return True
    parts = [elements[place] for place in clause]
    return any(each.kind in (*ASKING, "affirmation") and each.last - each.first > 1 for each in parts)


def _is_reason(tokens: Sequence[Token], elements: Sequence[Element], clause: Clause) -> bool:
    """A clause behind another that speaks of somebody or of what was said, and asks nothing: "it dries my hair"."""
    starts = _words(tokens, elements, clause)[0] in word_set("SPEAKERS")
    numbers = any(elements[place].kind in ("range", "attribute", "missing", "relative") for place in clause)
    return starts and not numbers and not _asks(tokens, elements, clause)


def _is_statement(tokens: Sequence[Token], elements: Sequence[Element], clause: Clause) -> bool:
    """A clause that states or asks something about the world, and names little of the catalogue."""
    said = [place for place in clause if elements[place].kind != "filler" or _is_short(elements[place])]
    words = _words(tokens, elements, said)
    if not words:
        return False
    asks_who = words[0] in word_set("QUESTIONS") and tokens[-1].word == "?"
    if _asks(tokens, elements, clause) or not (asks_who or word_set("STATEMENTS") & set(words)):
        return False
    parts = [elements[place] for place in clause]
    if clause[0] == 0 and parts[0].kind == "value":
        return False  # "comedies where the hero was framed", but "the train is late"
    if any(each.kind in ("attribute", "missing") for each in parts):
        return False
    own = words[0] in ABOUT_ONESELF  # "I was born in 1985": a number is one thing that is said
    named = sum(
        1 if own and each.kind == "range" else each.last - each.first for each in parts if each.kind in NAMED
    )
    texts = sum(each.last - each.first for each in parts if each.kind == "text")
    return texts > 0 and named / (named + texts) < COVERAGE


def _is_short(element: Element) -> bool:
    """One word, not a turn of phrase like "I was wondering"."""
    return element.last - element.first == 1


def _text(tokens: Sequence[Token], element: Element) -> str:
    return " ".join(token.word for token in tokens[element.first : element.last])


@cache
def _conditions() -> frozenset[str]:
    return frozenset(CONDITIONS.split("|"))


def _whereabouts(tokens: Sequence[Token], elements: Sequence[Element]) -> set[int]:
    """Places of what stands behind "in my" and the like."""
    found: set[int] = set()
    for place, element in enumerate(elements):
        before = [token.word for token in tokens[max(0, element.first - 2) : element.first]]
        if (
            len(before) == 2
            and before[0] in word_set("PLACES")
            and before[1] in word_set("OWNERS")
            and element.kind in ("value", "text")
        ):
            found.add(place)
    return found
