"""What GET /items and GET /catalogue answer, as pydantic models."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from index.columns import ColumnKind
from service.schemas import Item, Versions

MOST_FOUND = 50


class SearchQuery(BaseModel):
    """Query string of GET /items."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field("", max_length=200, description="what was typed so far; empty: any items")
    limit: int = Field(10, ge=1, le=MOST_FOUND, description="most items")


class FoundItem(Item):
    """An item that was found."""

    matched: Literal["title", "attributes", "spelling"] = Field(
        description="title: each word begins one of the title; attributes: of the title or a value; "
        "spelling: so it would be without slips of the pen"
    )


class SearchResponse(BaseModel):
    """Items for what was typed, best first."""

    items: list[FoundItem]
    versions: Versions


class ValueCount(BaseModel):
    """One value of a column."""

    value: str
    items: int


class NumberRange(BaseModel):
    """The numbers of a column."""

    lowest: float
    quarter: float = Field(description="a quarter of the items is below")
    median: float
    three_quarters: float
    highest: float


class ColumnProfile(BaseModel):
    """One column of the catalogue."""

    name: str
    kind: ColumnKind
    items: int = Field(description="items that have a value")
    distinct: int | None = Field(description="different values; null for numbers and long text")
    values: list[ValueCount] = Field(description="those with most items first")
    numbers: NumberRange | None


class Starter(BaseModel):
    """Something to try: a history and a sentence that this catalogue can answer."""

    history: list[Item]
    constraint: str


class CatalogueResponse(BaseModel):
    """What the catalogue holds."""

    items: int
    columns: list[ColumnProfile]
    starters: list[Starter]
    versions: Versions


class ValuesQuery(BaseModel):
    """Query string of GET /catalogue/values."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=200, description="how a word of the value begins")
    limit: int = Field(8, ge=1, le=MOST_FOUND, description="most values")


class ValueMatch(ValueCount):
    """A value that was found."""

    column: str


class ValuesResponse(BaseModel):
    """Values of any column, those with most items first."""

    values: list[ValueMatch]
    versions: Versions
