"""Why an item came back, as pydantic models: what speaks for it, and what made its score."""

from typing import Literal

from pydantic import BaseModel, Field


class Reason(BaseModel):
    """The item of the history that speaks most for the recommended one."""

    kind: Literal["history"] = "history"
    position: int | None = Field(
        description="place in the request's history, from 0; null for an item of the stored history"
    )
    item_id: str | None = Field(description="null for a thing given by its title")
    title: str
    similarity: float = Field(description="cosine of the two item vectors")
    added: float = Field(description="what it adds to the score as a neighbour; 0 where it is none")
    share: float = Field(description="its part of what the whole history says for the item, 0 to 1")


class SentenceEffect(BaseModel):
    """An item's place with and without the sentence."""

    rank: int
    rank_without: int | None = Field(description="null beyond the first 1000")
