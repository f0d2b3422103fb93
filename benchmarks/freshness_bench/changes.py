"""Items put and deleted while requests run, and how long until that shows."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from index.catalog import Catalogue
from index.columns import ColumnKind

GIVE_UP = 30.0  # seconds to wait until an item is recommended
PATIENCE = 100  # tries of one write


class Put(NamedTuple):
    """One item: how long until it was acknowledged, and from then until an answer had it."""

    acknowledged: float  # seconds
    recommended: float  # seconds; GIVE_UP where it never was


def marker(catalogue: Catalogue) -> str:
    """The column by whose value a new item is asked for. Raises ValueError where there is none."""
    for name, column in catalogue.columns.items():
        if column.kind in (ColumnKind.CATEGORICAL, ColumnKind.LIST):
            return name
    raise ValueError("the catalogue has no column of names or lists that a new item could be asked for by")


def new_item(catalogue: Catalogue, number: int, column: str) -> tuple[dict[str, Any], str]:
    """An item like another one, with a value in one column that no item has; and that value."""
    row = number % len(catalogue)
    value = f"fresh {number}"
    attributes = {name: given for name, given in catalogue.attributes(row).items() if given is not None}
    is_list = catalogue.columns[column].kind is ColumnKind.LIST
    attributes[column] = [value] if is_list else value
    title = f"{catalogue.title(row)[:200]}, edition {number}"
    return {"title": title, "attributes": attributes}, value


async def put(client: httpx.AsyncClient, catalogue: Catalogue, number: int, column: str) -> Put:
    """Put a new item, then ask until it is recommended."""
    body, value = new_item(catalogue, number, column)
    started = time.monotonic()
    await _until_done(client, "PUT", f"/items/fresh-{number}", body)
    acknowledged = time.monotonic()
    ask = {
        "history": [{"item_id": catalogue.item_ids[number % len(catalogue)]}],
        "filter": {"must": [{"key": column, "eq": value}]},
        "k": 1,
    }
    while time.monotonic() - acknowledged < GIVE_UP:
        response = await client.post("/recommend", json=ask)
        if response.status_code == 200 and _ids(response.json()) == [f"fresh-{number}"]:
            return Put(acknowledged - started, time.monotonic() - acknowledged)
    return Put(acknowledged - started, GIVE_UP)


async def delete(client: httpx.AsyncClient, item_ids: Sequence[str]) -> dict[str, float]:
    """Delete items one by one. When each was acknowledged, as time.monotonic()."""
    done = {}
    for item_id in item_ids:
        await _until_done(client, "DELETE", f"/items/{item_id}", None)
        done[item_id] = time.monotonic()
    return done


async def _until_done(client: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    """Send a write, again where the service says that it is busy. Raises httpx.HTTPStatusError."""
    for _ in range(PATIENCE):
        response = await client.request(method, path, json=body)
        if response.status_code not in (429, 503):
            break
    response.raise_for_status()


def _ids(answer: Mapping[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]
