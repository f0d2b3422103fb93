"""What decides which of the allowed items come back, and how many did: diversity, shortfall and search, as models."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from service.base_schemas import Request

MOST_CAPS = 8

Cursor = Annotated[str, Field(min_length=1, max_length=1 << 17)]
Cap = Annotated[int, Field(ge=1)]

CURSOR_HELP = (
    "of the answer before: the next k items, none shown before. All but `k` and `explain` must stay as it was"
)


class Diversity(Request):
    """Less of the same. At least one of `mmr` and `max_per`."""

    mmr: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="maximal marginal relevance. 1: by score alone; 0: by difference alone. The next item is the one "
        "of highest mmr * relevance - (1 - mmr) * likeness: relevance is the score, 0 to 1 over the best candidates "
        "(10 k, at least 100), likeness the highest cosine to an item chosen before",
    )
    max_per: dict[str, Cap] = Field(
        default_factory=dict,
        max_length=MOST_CAPS,
        description='most items that share a value of a column: {"brand": 2}. Each value of a list counts, of a path '
        "its last level; an item without a value is not capped. The best items are taken, and looked for until k fit",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> "Diversity":
        if self.mmr is None and not self.max_per:
            raise ValueError("Give mmr, max_per or both")
        return self


class AppliedDiversity(BaseModel):
    """What diversity did on this page."""

    mmr: float | None
    max_per: dict[str, int]
    candidates: int = Field(description="items looked at, the best first")


class Shortfall(BaseModel):
    """Fewer items came back than were asked for."""

    requested: int
    returned: int
    reason: Literal["allowed", "diversity"] = Field(
        description="allowed: no more items are allowed; diversity: no more fit under the caps of `max_per`"
    )


class Search(BaseModel):
    """How the items were found."""

    mode: str = Field(description="exact, exact-gpu, approximate or popularity")
    allowed: int = Field(description="items that passed filter and exclusions")
