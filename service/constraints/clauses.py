"""From mentions to clauses: what stands together under a negation, what "or" joins, what "and" means for a column."""

from collections.abc import Sequence
from dataclasses import replace

from index.columns import ColumnKind
from service.constraints.choose import Missing, complement
from service.constraints.scopes import Mention
from service.constraints.types import (
    Bounds,
    Clause,
    Condition,
    Contradiction,
    Part,
    Relative,
    Together,
    Values,
)
from service.constraints.vocabulary import Vocabulary


def condition_of(mention: Mention) -> Condition | None:
    """The mention with its sign, or None where it is text."""
    meaning = mention.element.meaning
    if meaning is None or isinstance(meaning, Missing) or mention.element.kind == "text":
        return None
    return replace(meaning, soft=meaning.soft or mention.soft)


def clauses_of(
    mentions: Sequence[Mention], vocabulary: Vocabulary
) -> tuple[tuple[Clause, ...], list[Contradiction]]:
    """Mentions as a conjunction of clauses; what stands together under a negation becomes one part."""
    clauses: list[Clause] = []
    contradictions: list[Contradiction] = []
    place = 0
    while place < len(mentions):
        run = _run(mentions, place)
        place += len(run)
        if run[0].negative and not run[0].free:
            clauses += _denied(run)
        else:
            joined, found = _wanted(run, vocabulary)
            clauses += joined
            contradictions += found
    return tuple(clauses), contradictions


def _run(mentions: Sequence[Mention], start: int) -> Sequence[Mention]:
    """Mentions from `start` on that share their sign and are linked as one list."""
    end = start + 1
    while end < len(mentions):
        mention, before = mentions[end], mentions[end - 1]
        if (
            mention.negation != mentions[start].negation
            or mention.link == "break"
            or mention.free != before.free
        ):
            break
        end += 1
    return mentions[start:end]


def _denied(run: Sequence[Mention]) -> list[Clause]:
    """Each of a list is denied; what is side by side is denied together, exceptions are taken out."""
    groups: list[list[Mention]] = []
    for mention in run:
        if (groups and mention.link == "") or (groups and mention.exception and groups[-1][-1].exception):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    clauses: list[Clause] = []
    for group in groups:
        conditions = [condition for condition in map(condition_of, group) if condition is not None]
        if len(group) == 1:
            clauses.append((_opposite(conditions[0]) if group[0].plain_not else _deny(conditions[0]),))
            continue
        parts = tuple(_deny(c) if m.exception else c for m, c in zip(group, conditions, strict=True))
        clauses.append((Together(parts),))
    return clauses


def _deny(condition: Condition) -> Condition:
    return (
        complement(condition)
        if isinstance(condition, Bounds)
        else replace(condition, include=not condition.include)
    )


def _opposite(condition: Condition) -> Condition:
    """ "Not expensive" is cheap; "not too expensive" and "nothing expensive" leave out the expensive quarter."""
    if isinstance(condition, Relative) and not condition.own:
        return replace(condition, side="high" if condition.side == "low" else "low")
    return _deny(condition)


def _wanted(run: Sequence[Mention], vocabulary: Vocabulary) -> tuple[list[Clause], list[Contradiction]]:
    """Clauses of a list of wanted things: "or" joins, "and" of one column depends on the column."""
    clauses: list[Clause] = []
    contradictions: list[Contradiction] = []
    links = _list_links(run)
    if (sides := _parallel(run, links)) is not None:
        return [tuple(Together(tuple(filter(None, map(condition_of, side))), True) for side in sides)], []
    for mention, link in zip(run, links, strict=True):
        condition = condition_of(mention)
        assert condition is not None, "runs hold conditions alone"
        if mention.free:
            condition = _deny(condition)
        before = clauses[-1][-1] if clauses else None
        same = (
            isinstance(condition, Values)
            and isinstance(before, Values)
            and before.attribute == condition.attribute
        )
        if link == "or" and before is not None:
            clauses[-1] = alternative(clauses[-1], condition)
        elif (
            same
            and isinstance(condition, Values)
            and isinstance(before, Values)
            and before.include
            and condition.include
        ):
            kind = vocabulary.values.kinds.get(condition.attribute, ColumnKind.CATEGORICAL)
            if mention.both and kind is ColumnKind.CATEGORICAL and before.values != condition.values:
                clauses.append((condition,))
                text = f"An item has one {condition.attribute}, not both {before.values[0]} and {condition.values[0]}."
                contradictions.append(
                    Contradiction("contradiction", text, condition.words, condition.attribute)
                )
            elif _adds_up(kind, before, condition, link, vocabulary) or mention.both:
                clauses.append((condition,))
            else:
                clauses[-1] = alternative(clauses[-1], condition)
        else:
            clauses.append((condition,))
    return clauses, contradictions


def _parallel(run: Sequence[Mention], links: Sequence[str]) -> list[list[Mention]] | None:
    """The sides of an "or" between groups about the same things: "a musical before 1960 or a western after 1990"."""
    sides: list[list[Mention]] = [[]]
    for place, mention in enumerate(run):
        if place and links[place] == "or":
            sides.append([])
        sides[-1].append(mention)
    about = {tuple(sorted(str(mention.element.attribute) for mention in side)) for side in sides}
    return sides if len(sides) > 1 and len(about) == 1 and len(sides[0]) > 1 else None


def _list_links(run: Sequence[Mention]) -> list[str]:
    """The links with commas resolved: in "A, B or C" the comma is an "or"."""
    links = [mention.link for mention in run]
    for place in range(len(links) - 2, 0, -1):
        alike = {(mention.element.kind, mention.element.attribute) for mention in run[place - 1 : place + 2]}
        if links[place] == "comma" and links[place + 1] == "or" and len(alike) == 1:
            links[place] = "or"
    return links


def _adds_up(kind: ColumnKind, before: Values, condition: Values, link: str, vocabulary: Vocabulary) -> bool:
    """Whether two values of one column can both be meant: of a list both are, of a path if an item has both."""
    if kind is ColumnKind.LIST:
        return True
    if kind is ColumnKind.CATEGORICAL:
        return False
    return any(
        vocabulary.occur_together(condition.attribute, a, b) for a in before.values for b in condition.values
    )


def alternative(clause: Clause, part: Part) -> Clause:
    """The clause with one more alternative; values of one column become one condition."""
    last = clause[-1]
    if (
        isinstance(last, Values) and isinstance(part, Values)
        and last.attribute == part.attribute and last.include and part.include
    ):  # fmt: skip
        joined = replace(
            last,
            values=tuple(dict.fromkeys((*last.values, *part.values))),
            words=f"{last.words}, {part.words}",
            confidence=min(last.confidence, part.confidence),
            soft=last.soft or part.soft,
        )
        return (*clause[:-1], joined)
    return (*clause, part)
