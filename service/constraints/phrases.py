"""Phrases settled: each becomes a condition, a leaning that also enters the prompt, or is ignored. And what of a
settled constraint the prompt says."""

from collections.abc import Sequence
from dataclasses import replace

from service.constraints.clauses import alternative
from service.constraints.compounds import settle
from service.constraints.meaning import CERTAIN, RELEVANT, Meanings, Near, bare, company
from service.constraints.naming import is_bare, is_naming
from service.constraints.types import Clause, Constraint, Contradiction, Leaning, Phrase, Together, Values

NAMES, MOST_NAMES = 3, 2  # of so many nearest values, so many of one column tell where a name is looked for


def read_phrases(constraint: Constraint, meanings: Meanings | None) -> Constraint:
    """Settle every phrase: a value, a leaning that also enters the prompt, or ignored.

    Without an encoder's meanings every phrase that is wanted is text.
    """
    if meanings is None:
        text = ", ".join(p.text for p in constraint.phrases if p.include and p.otherwise is None)
        named = tuple((phrase.otherwise,) for phrase in constraint.phrases if phrase.otherwise is not None)
        return replace(constraint, clauses=(*constraint.clauses, *named), as_text=text)
    meanings.prepare(texts_of(constraint))
    constraint = settle(constraint, meanings)
    within = _within(constraint)
    names_something = any(is_naming(column) for column in meanings.kinds)
    clauses: list[Clause] = list(constraint.clauses)
    contradictions: list[Contradiction] = []
    leanings: list[Leaning] = []
    ignored: list[str] = []
    for phrase in constraint.phrases:
        near = meanings.near(phrase.text, phrase.attribute, within)
        another = meanings.is_another(phrase.text, near, phrase.attribute is not None)
        certain = bool(near) and near[0].similarity >= CERTAIN * meanings.floor
        value = meanings.meant(phrase, near, another)
        if value is not None:
            if not (_join_denied(clauses, phrase, value) or _join_either(clauses, phrase, value)):
                clauses.append((value,))
        elif phrase.otherwise is not None:
            clauses.append((phrase.otherwise,))
        elif phrase.attribute is not None:
            what = f"This catalogue knows no {phrase.attribute} called {phrase.text!r}."
            contradictions.append(Contradiction("unknown_value", what, phrase.text, phrase.attribute))
        elif phrase.name == "maker" or (phrase.name == "name" and not near and names_something):
            what = f"This catalogue knows nothing called {phrase.text!r}."
            contradictions.append(Contradiction("unknown_value", what, phrase.text))
        elif (column := _missing_in(phrase, near, certain and another, clauses, meanings)) is not None:
            what = f"This catalogue knows no {column} called {phrase.text!r}."
            contradictions.append(Contradiction("unknown_value", what, phrase.text, column))
        elif (
            near and near[0].similarity >= RELEVANT * meanings.floor
            and not another and not meanings.vetoed(phrase.text, near)
        ):  # fmt: skip
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


def _join_either(clauses: list[Clause], phrase: Phrase, value: Values) -> bool:
    """ "A sauna or a pool": put the phrase's value to the clause that has the other."""
    for place, clause in enumerate(clauses):
        for part in clause:
            wanted = part.words.split(", ") if isinstance(part, Values) and part.include else ()
            if phrase.either and phrase.either in wanted:
                clauses[place] = alternative(clause, value)
                return True
    return False


def _missing_in(
    phrase: Phrase, near: Sequence[Near], another: bool, clauses: Sequence[Clause], meanings: Meanings
) -> str | None:
    """The column of names that a phrase is looked for in, and is not; none that another word named a value of."""
    if phrase.name == "name":
        near = meanings.near(phrase.text)  # apart from its sentence, which says no more about a name
    column = near[0].value.column if near else ""
    if not near or any(column == getattr(part, "attribute", None) for clause in clauses for part in clause):
        return None
    alike = sum(each.value.column == column for each in near[:NAMES])
    names = phrase.name == "name" and alike >= MOST_NAMES
    return column if is_naming(column) and (names or (another and (phrase.name or is_bare(column)))) else None


def texts_of(constraint: Constraint) -> list[str]:
    """What has to be encoded for `read_phrases`."""
    within = _within(constraint)
    alone = [text for phrase in constraint.phrases for text in (phrase.text, company(phrase.text, within))]
    bare_ones = [bare(phrase.text) for phrase in constraint.phrases]
    names = [company(phrase.text) for phrase in constraint.phrases if phrase.name == "name"]
    return [
        *alone,
        *bare_ones,
        *names,
        *(text for each in constraint.compounds for text in (each.text, company(each.text))),
    ]


def _within(constraint: Constraint) -> str:
    """The sentence, where one phrase is all there is in it: what the phrase is read within."""
    return constraint.sentence if len(constraint.phrases) == 1 and not constraint.clauses else ""


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


def _leaning(phrase: Phrase, near: Sequence[Near], floor: float) -> Leaning:
    kept = [each for each in near if each.similarity >= 0.8 * RELEVANT * floor]
    strongest = kept[0].similarity
    return Leaning(
        phrase.text,
        phrase.include,
        tuple((e.value.column, e.value.value, round(e.similarity / strongest, 3)) for e in kept),
    )
