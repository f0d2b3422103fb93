"""What the answer says of the sentence: every part that was understood, and whether it filtered or steered."""

from service.constraints.obey import Obeyed
from service.constraints.types import Bounds, Condition, Constraint, Relative, Together, Values
from service.schemas import AppliedConstraint, Contradiction, Understood


def describe(constraint: Constraint, obeyed: Obeyed) -> AppliedConstraint:
    """`constraint` settled by the encoder, and what was made of it."""
    understood: list[Understood] = []
    for number, ((clause, hard), excludes) in enumerate(zip(obeyed.clauses, obeyed.excluded, strict=True)):
        for part in clause:
            if isinstance(part, Together):
                joined = "all" if part.include else "not_all"
                for each in part.parts:
                    understood += _entries(each, hard, number, joined, excludes)
            else:
                understood += _entries(part, hard, number, "any" if len(clause) > 1 else "one", excludes)
    for named in constraint.not_only:
        understood += [
            Understood(
                attribute=named.attribute, operator="not_only", value=list(named.values), words=named.words,
                confidence=named.confidence, hard=False, clause=len(obeyed.clauses), joined="one",
            )
        ]  # fmt: skip
    return AppliedConstraint(
        understood=understood,
        as_text=constraint.as_text,
        ignored=list(constraint.ignored),
        contradictions=[
            Contradiction(kind=each.kind, text=each.text, words=each.words, attribute=each.attribute)
            for each in obeyed.contradictions
        ],
        excluded_missing=obeyed.missing,
    )


def _entries(part: Condition, hard: bool, clause: int, joined: str, excludes: int | None) -> list[Understood]:
    """One entry an operator: a range has two."""
    assert not isinstance(part, Relative), "relative words are resolved before they are described"
    percentile, basis = (part.percentile, part.basis) if isinstance(part, Bounds) else (None, None)
    return [
        Understood(
            attribute=part.attribute, operator=operator, value=value, words=part.words, confidence=part.confidence,
            hard=hard, clause=clause, joined=joined, percentile=percentile, basis=basis,
            excludes=excludes,
        )
        for operator, value in _operators(part)
    ]  # fmt: skip


def _operators(part: Values | Bounds) -> list[tuple[str, object]]:
    if isinstance(part, Values):
        single = len(part.values) == 1
        name = ("eq" if single else "in") if part.include else ("not_eq" if single else "not_in")
        return [(name, part.values[0] if single else list(part.values))]
    given = [
        (name, bound) for name in ("gte", "gt", "lte", "lt") if (bound := getattr(part, name)) is not None
    ]
    if part.gte is not None and part.gte == part.lte:
        return [("eq" if part.include else "not_eq", part.gte)]
    if not part.include:
        return [("not_between", [bound for _, bound in given])]
    return [(name, bound) for name, bound in given]
