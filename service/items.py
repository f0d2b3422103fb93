"""The addresses that change the catalogue. A reply of 2xx means: durable, and in force in every later answer."""

from typing import Annotated

from fastapi import APIRouter, Body, Path
from fastapi.responses import Response
from starlette.requests import Request

from service import examples
from service.access.guard import needs
from service.access.scopes import Scope
from service.dependencies import ItemsOf, ServingOf, SettingsOf
from service.errors import ApiError, Code
from service.item_schemas import (
    ItemBatch,
    ItemChanged,
    ItemDeleted,
    ItemIn,
    ItemsChanged,
    check_id,
    record_of,
    records_of,
)
from service.routes import BUSY, INVALID, StrictRoute, problems
from service.schemas import Versions
from service.serving import Serving
from service.trace import trace_of

router = APIRouter(route_class=StrictRoute, dependencies=[needs(Scope.WRITE)])

WRITES = (*INVALID, Code.STORE_UNAVAILABLE, Code.ENCODING_FAILED, *BUSY)
BODIES = (Code.INVALID_JSON, Code.UNKNOWN_ATTRIBUTE, Code.UNSUPPORTED_MEDIA_TYPE)


ItemIdPath = Annotated[
    str, Path(min_length=1, max_length=512, description="may hold slashes", examples=["alien-1979"])
]


@router.put(
    "/items/{item_id:path}",
    summary="Put an item",
    responses={201: {"model": ItemChanged, "description": "The item is new"}, **problems(*WRITES, *BODIES)},
)
async def put_item(
    http: Request,
    response: Response,
    items: ItemsOf,
    serving: ServingOf,
    settings: SettingsOf,
    item_id: ItemIdPath,
    item: Annotated[ItemIn, Body(openapi_examples=examples.ITEM)],
) -> ItemChanged:
    """Add an item, or replace the one of this id as a whole. It can be recommended when this returns.

    Idempotent: after any error, send it again.
    """
    with serving.lease() as recommender:
        record, errors = record_of(item_id, item, recommender.catalogue.columns, settings)
    if errors:
        raise ApiError.of(errors)
    trace = trace_of(http)
    with trace.stage("change"):
        [created] = await items.put([record])
    response.status_code = 201 if created else 200
    return ItemChanged(
        request_id=trace.request_id, item_id=item_id, created=created, versions=_versions(serving)
    )


@router.post("/items/batch", summary="Put and delete items", responses=problems(*WRITES, *BODIES))
async def change_items(
    http: Request,
    items: ItemsOf,
    serving: ServingOf,
    settings: SettingsOf,
    batch: Annotated[ItemBatch, Body(openapi_examples=examples.ITEMS)],
) -> ItemsChanged:
    """Put items and delete others. Nothing is taken where something is wrong with one of them.

    Idempotent: after any error, send it again.
    """
    with serving.lease() as recommender:
        records = records_of(batch, recommender.catalogue.columns, settings)
    trace = trace_of(http)
    with trace.stage("change"):
        created, there = await items.change(records, batch.delete)
    return ItemsChanged(
        request_id=trace.request_id,
        created=sum(created),
        replaced=len(created) - sum(created),
        deleted=sum(there),
        unknown_items=[item_id for item_id, was in zip(batch.delete, there, strict=True) if not was],
        versions=_versions(serving),
    )


@router.delete("/items/{item_id:path}", summary="Delete an item", responses=problems(*WRITES))
async def delete_item(http: Request, items: ItemsOf, serving: ServingOf, item_id: ItemIdPath) -> ItemDeleted:
    """Delete an item; also where there is none, so that it can be repeated. No later answer has it."""
    if errors := check_id(item_id):
        raise ApiError.of(errors)
    trace = trace_of(http)
    with trace.stage("change"):
        [deleted] = await items.delete([item_id])
    return ItemDeleted(
        request_id=trace.request_id, item_id=item_id, deleted=deleted, versions=_versions(serving)
    )


def _versions(serving: Serving) -> Versions:
    with serving.lease() as recommender:
        return recommender.versions
