"""What GET /catalogue/insight answers, as pydantic models: numbers that a page can draw."""

from pydantic import BaseModel, Field

from service.schemas import Versions


class Colouring(BaseModel):
    """One attribute of the points: a value of few, or a number."""

    column: str
    labels: list[str] = Field(description="the commonest values; empty for numbers")
    values: list[int | None] = Field(
        description="place in `labels` for each point; null for any other, and for numbers"
    )
    numbers: list[float | None] = Field(description="the number of each point; empty where there are labels")


class ItemMap(BaseModel):
    """Items in two dimensions: the directions in which their neighbourhoods differ most."""

    item_ids: list[str]
    titles: list[str]
    x: list[float] = Field(description="place in the order along the first direction, -1 to 1")
    y: list[float] = Field(description="along the second")
    explained: float = Field(
        description="share of the neighbourhoods' variance that the two directions show, 0 to 1"
    )
    colourings: list[Colouring]


class Expert(BaseModel):
    """One expert of the M-Former."""

    expert: int
    items: int = Field(description="items that it speaks for most")
    share: float = Field(description="its mean share over all items, 0 to 1")
    typical: list[str] = Field(description="titles of the items that it has the largest share of")


class Popularity(BaseModel):
    """How the interactions that the bundle was trained on spread over the items."""

    never: int = Field(description="items that nobody took")
    curve: list[float] = Field(
        description="share of the interactions that the most popular 5 %, 10 %, ... 100 % of the items have"
    )


class Reach(BaseModel):
    """What would be seen if each of these items were asked for its most similar ones."""

    asked: int = Field(description="items that were asked")
    each: int = Field(description="most similar ones that each was asked for")
    coverage: float = Field(description="share of those items that came back at least once, 0 to 1")
    gini: float = Field(description="how unequally often they came back: 0 all alike, 1 one alone")
    most: list[tuple[str, int]] = Field(description="titles that came back most, and how often")


class Recommended(BaseModel):
    """What POST /recommend and its batches answered from this bundle, in this process."""

    since: str = Field(description="when the process started, ISO 8601, UTC")
    answers: int = Field(
        description="requests answered from this bundle; the rest says nothing where it is 0"
    )
    different: int = Field(description="items of the catalogue that were in an answer")
    coverage: float = Field(description="their share of the catalogue, 0 to 1")
    gini: float = Field(description="how unequally often items were answered: 0 all alike, 1 one alone")
    top_share: float = Field(description="share of all places that the most answered fifth of the items had")
    popular_share: float | None = Field(
        description="share that the fifth of the items had that was taken most in training; null: not known"
    )
    most: list[tuple[str, int]] = Field(description="titles that were answered most, and how often")


class InsightResponse(BaseModel):
    """What the bundle holds, drawn. null: this bundle has nothing to say about it."""

    map: ItemMap
    experts: list[Expert] | None
    popularity: Popularity | None
    reach: Reach
    recommended: Recommended
    reports: list[str] = Field(description="pages about the run that made this bundle: GET /reports/{name}")
    versions: Versions
