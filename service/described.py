"""What answers say of an item of the catalogue."""

from typing import Any

from service.errors import ApiError, Code
from service.snapshot import Snapshot


def row_of(snapshot: Snapshot, item_id: str) -> int:
    """The item's row. Raises ApiError: 404."""
    row = snapshot.catalogue.row(item_id)
    if row is None:
        raise ApiError(Code.ITEM_NOT_FOUND, "The catalogue has no item with this id.", "item_id")
    return row


def described(snapshot: Snapshot, row: int) -> dict[str, Any]:
    """The fields that every answer says of an item."""
    catalogue = snapshot.catalogue
    item_id, title = catalogue.item_ids[row], catalogue.title(row)
    return {"item_id": item_id, "title": title, "attributes": catalogue.attributes(row)}
