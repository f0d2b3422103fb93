"""Parts of a sentence that the client treats otherwise than they were read: switched off, or made a wish.

A part is named by its words, as the answer gave them. Off: it neither filters nor steers, and the prompt does not say
it. Soft: its clause steers instead of filtering.
"""

from collections.abc import Mapping
from dataclasses import replace

from service.constraints.types import (
    Bounds,
    Clause,
    Condition,
    Constraint,
    Part,
    Relative,
    Together,
    softened,
)

Treatments = Mapping[str, str]  # folded words -> "off" or "soft"


def override(constraint: Constraint) -> Constraint:
    """A settled constraint with its `overrides` applied."""
    treat = {each.words.casefold(): each.treat for each in constraint.overrides}
    if not treat:
        return constraint
    clauses = tuple(kept for clause in constraint.clauses if (kept := _clause(clause, treat)))
    leanings = tuple(each for each in constraint.leanings if not _is_off(each.text, treat))
    changed = replace(
        constraint,
        clauses=clauses,
        leanings=leanings,
        not_only=tuple(each for each in constraint.not_only if not _is_off(each.words, treat)),
        contradictions=tuple(each for each in constraint.contradictions if not _is_off(each.words, treat)),
        as_text=", ".join(text for text in constraint.as_text.split(", ") if not _is_off(text, treat)),
    )
    return replace(changed, sentence=_rest(changed)) if "off" in treat.values() else changed


def _clause(clause: Clause, treat: Treatments) -> Clause:
    parts = (_part(part, treat) for part in clause)
    return tuple(part for part in parts if part is not None)


def _part(part: Part, treat: Treatments) -> Part | None:
    if isinstance(part, Together):
        inside = tuple(each for each in part.parts if not _is_off(each.words, treat))
        if not inside:
            return None
        part, words = replace(part, parts=inside), [each.words for each in inside]
    elif _is_off(part.words, treat):
        return None
    else:
        words = [part.words]
    return softened(part) if any(treat.get(each.casefold()) == "soft" for each in words) else part


def _is_off(words: str, treat: Treatments) -> bool:
    return treat.get(words.casefold()) == "off"


def _rest(constraint: Constraint) -> str:
    """What is left of the sentence, said anew: in soft mode the prompt has the whole of it."""
    said = [
        *map(_say, constraint.conditions()),
        *(_deny(each.text, each.include) for each in constraint.leanings),
    ]
    return ", ".join(dict.fromkeys(said))


def _say(condition: Condition) -> str:
    bounds = isinstance(condition, Bounds | Relative)  # their words hold the sign: "at most", "under"
    return _deny(condition.words, condition.include or bounds)


def _deny(words: str, include: bool) -> str:
    return words if include else f"no {words}"
