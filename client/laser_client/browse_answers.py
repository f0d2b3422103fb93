"""What the routes for looking around in the catalogue answer."""

from laser_client.answers import Answer, Item, Versions


class FoundItem(Item):
    """An item that was found, by "title", "attributes" or "spelling"."""

    matched: str


class SearchResponse(Answer):
    """Items for what was typed, best first."""

    items: tuple[FoundItem, ...]
    versions: Versions


class ValueCount(Answer):
    """One value of a column, and how many items have it."""

    value: str
    items: int


class NumberRange(Answer):
    """The numbers of a column, by quarters of the items."""

    lowest: float
    quarter: float
    median: float
    three_quarters: float
    highest: float


class ColumnProfile(Answer):
    """One column of the catalogue: its kind, its commonest values or its numbers."""

    name: str
    kind: str
    items: int
    distinct: int | None
    values: tuple[ValueCount, ...]
    numbers: NumberRange | None


class Starter(Answer):
    """A history and a sentence that this catalogue can answer."""

    history: tuple[Item, ...]
    constraint: str


class CatalogueResponse(Answer):
    """What the catalogue holds."""

    items: int
    columns: tuple[ColumnProfile, ...]
    starters: tuple[Starter, ...]
    versions: Versions


class ValueMatch(ValueCount):
    """A value that was found, and its column."""

    column: str


class ValuesResponse(Answer):
    """Values of any column, those with most items first."""

    values: tuple[ValueMatch, ...]
    versions: Versions


class Colouring(Answer):
    """One attribute of the map's points: the place of each in `labels`, or a number for each."""

    column: str
    labels: tuple[str, ...]
    values: tuple[int | None, ...]
    numbers: tuple[float | None, ...]


class ItemMap(Answer):
    """Items in two dimensions, each -1 to 1."""

    item_ids: tuple[str, ...]
    titles: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    explained: float
    colourings: tuple[Colouring, ...]


class Expert(Answer):
    """One expert of the M-Former: the items it speaks for most, its mean share, titles typical of it."""

    expert: int
    items: int
    share: float
    typical: tuple[str, ...]


class Popularity(Answer):
    """How interactions spread: share of the most popular 5 %, 10 %, ... 100 % of the items."""

    never: int
    curve: tuple[float, ...]


class Reach(Answer):
    """What would be seen if `asked` items were each asked for their most similar ones."""

    asked: int
    each: int
    coverage: float
    gini: float
    most: tuple[tuple[str, int], ...]


class Recommended(Answer):
    """What one process of the service answered from this bundle; nothing to go by while `answers` is 0."""

    since: str
    answers: int
    different: int
    coverage: float
    gini: float
    top_share: float
    popular_share: float | None
    most: tuple[tuple[str, int], ...]


class InsightResponse(Answer):
    """What the bundle holds, in numbers to draw; null where it has nothing to say.

    `reports` names pages about the run that made the bundle.
    """

    map: ItemMap
    experts: tuple[Expert, ...] | None
    popularity: Popularity | None
    reach: Reach
    recommended: Recommended
    reports: tuple[str, ...]
    versions: Versions
