"""What a request says of single parts of its sentence: their words, and how to treat them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from service.base_schemas import Request
from service.constraints.types import Override
from service.errors import ApiError, Code, FieldError

MOST_PARTS = 50


class ConstraintPart(Request):
    """One part of the sentence, treated otherwise than it is read."""

    words: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="as `applied.constraint.understood[].words` has them; a text of `as_text` is named by itself"
    )
    treat: Literal["soft", "off"] = Field(
        description="soft: it steers instead of filtering; off: it does nothing"
    )


ConstraintParts = Annotated[list[ConstraintPart], Field(max_length=MOST_PARTS)]


def overrides_of(parts: Sequence[ConstraintPart], sentence: str) -> tuple[Override, ...]:
    """The parts in the sentence's terms. Raises ApiError (422) for words that it does not hold."""
    said = sentence.casefold()
    wrong = [
        FieldError(f"constraint_parts[{n}].words", Code.INVALID_FIELD, "The sentence does not say this.")
        for n, part in enumerate(parts)
        if not all(piece in said for piece in part.words.casefold().split(", "))
    ]
    if wrong:
        raise ApiError.of(wrong)
    return tuple(Override(part.words, part.treat) for part in parts)
