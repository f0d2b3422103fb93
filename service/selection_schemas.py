"""What was searched and how many came back, as models."""

from pydantic import BaseModel, Field


class Shortfall(BaseModel):
    """Fewer items came back than were asked for."""

    requested: int
    returned: int


class Search(BaseModel):
    """How the items were found."""

    mode: str
    allowed: int = Field(description="items that passed filter and exclusions")
