"""What goes in and out of the routes that change the catalogue."""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from index.columns import Column
from service.base_schemas import Request
from service.errors import ApiError, Code, FieldError
from service.history import Record, check_attributes
from service.schemas import ItemId, Versions
from service.settings import Settings

Title = Annotated[str, Field(min_length=1, description="the item's name; text that is not blank")]
Attributes = Annotated[
    dict[str, Any],
    Field(
        default_factory=dict,
        description="values of the catalogue's columns; a column that is left out is missing, also if it was there",
    ),
]


class ItemIn(Request):
    """An item as it shall be from now on, whole."""

    title: Title
    attributes: Attributes


class NamedItemIn(ItemIn):
    """An item of a batch."""

    item_id: ItemId


class ItemBatch(Request):
    """Items to put and ids to delete, all at once. No id occurs twice."""

    items: list[NamedItemIn] = Field(default_factory=list, description="put these")
    delete: list[ItemId] = Field(default_factory=list, description="delete these; unknown ids do no harm")


class ItemChanged(BaseModel):
    """The item is on disk, and in every answer from now on."""

    request_id: str
    item_id: str
    created: bool = Field(description="false: an item of this id was there, and is replaced")
    versions: Versions


class ItemDeleted(BaseModel):
    """The item is in no answer from now on."""

    request_id: str
    item_id: str
    deleted: bool = Field(description="false: there was no such item")
    versions: Versions


class ItemsChanged(BaseModel):
    """All of the batch is on disk, and in force."""

    request_id: str
    created: int
    replaced: int
    deleted: int
    unknown_items: list[str] = Field(description="ids to delete that were not there")
    versions: Versions


def record_of(
    item_id: str, item: ItemIn, columns: Mapping[str, Column], settings: Settings, at: str = ""
) -> tuple[Record, list[FieldError]]:
    """The catalogue's record of an item, and what is wrong with it; `at` is the item's path in the request."""
    errors = check_attributes(f"{at}attributes", item.attributes, columns, settings.max_text)
    if not item.title.strip():
        errors.append(FieldError(f"{at}title", Code.INVALID_FIELD, "The title is blank."))
    if len(item.title) > settings.max_text:
        detail = f"At most {settings.max_text} characters; this has {len(item.title)}."
        errors.append(FieldError(f"{at}title", Code.LIMIT_EXCEEDED, detail))
    return {"item_id": item_id, "title": item.title, **item.attributes}, errors + check_id(item_id, at)


def records_of(batch: ItemBatch, columns: Mapping[str, Column], settings: Settings) -> list[Record]:
    """The records of a batch. Raises ApiError (422) naming everything that is wrong: then nothing is taken."""
    size = len(batch.items) + len(batch.delete)
    if size > settings.max_items:
        detail = f"At most {settings.max_items} items in all; this has {size}."
        raise ApiError(Code.LIMIT_EXCEEDED, detail, "items")
    if not size:
        raise ApiError(Code.INVALID_FIELD, "Nothing is to be put or deleted.", "items")
    found = [
        record_of(item.item_id, item, columns, settings, f"items[{place}].")
        for place, item in enumerate(batch.items)
    ]
    errors = [error for _, wrong in found for error in wrong] + _repeated(batch)
    if errors:
        raise ApiError.of(errors)
    return [record for record, _ in found]


def check_id(item_id: str, at: str = "") -> list[FieldError]:
    """What is wrong with an item's id."""
    if item_id.strip():
        return []
    return [FieldError(f"{at}item_id", Code.INVALID_FIELD, "The item_id is blank.")]


def _repeated(batch: ItemBatch) -> list[FieldError]:
    paths = [(f"items[{place}].item_id", item.item_id) for place, item in enumerate(batch.items)]
    paths += [(f"delete[{place}]", item_id) for place, item_id in enumerate(batch.delete)]
    counts = Counter(item_id for _, item_id in paths)
    return [
        FieldError(path, Code.INVALID_FIELD, "This id occurs more than once in the batch.")
        for path, item_id in paths
        if counts[item_id] > 1
    ]
