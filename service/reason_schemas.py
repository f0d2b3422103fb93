"""Why an item came back, as pydantic models: what speaks for it, and what made its score."""

from typing import Literal

from pydantic import BaseModel, Field


class Reason(BaseModel):
    """An item of the history that speaks for the recommended one."""

    kind: Literal["history"] = "history"
    position: int | None = Field(
        description="place in the request's history, from 0; null for an item of the stored history"
    )
    item_id: str | None = Field(description="null for a thing given by its title")
    title: str
    similarity: float = Field(description="cosine of the two item vectors")
    added: float = Field(description="what it adds to the score as a neighbour; 0 where it is none")
    contribution: float = Field(
        description="what it has in the score: `added`, and of `likeness` the part that its similarity has in those of "
        "the whole history. Over the history they sum up to likeness + neighbours, where anything in it is similar"
    )
    share: float = Field(description="its part of what the whole history says for the item, 0 to 1")


class ScoreParts(BaseModel):
    """What a score is the sum of."""

    likeness: float = Field(
        description="inner product of the user's vector, sentence included, and the item's"
    )
    neighbours: float = Field(description="what the items of the history add as neighbours")
    sentence: float = Field(description="what the parts of the sentence that steer add or take")


class SentenceEffect(BaseModel):
    """An item's place with and without the sentence."""

    rank: int
    rank_without: int | None = Field(description="null beyond the first 1000")
