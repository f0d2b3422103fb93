"""GET /items, /catalogue, /catalogue/values and /catalogue/insight.

Not coroutines, so that FastAPI runs them in its threads: the first search in a new snapshot reads the whole catalogue.
"""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from service.access.guard import needs
from service.access.scopes import Scope
from service.browse.coverage import recommended
from service.browse.insight_schemas import InsightResponse
from service.browse.schemas import (
    CatalogueResponse,
    FoundItem,
    SearchQuery,
    SearchResponse,
    Starter,
    ValueMatch,
    ValuesQuery,
    ValuesResponse,
)
from service.browse.view import View, Views
from service.dependencies import AnsweredOf, Loaded, SettingsOf
from service.recommender import Recommender
from service.reports import reports_of
from service.routes import INVALID, StrictRoute, problems
from service.schemas import Item, Versions
from service.snapshot import Snapshot

router = APIRouter(route_class=StrictRoute, dependencies=[needs(Scope.RECOMMEND)])


async def _view(http: Request, recommender: Loaded) -> View:
    return cast(Views, http.app.state.views).of(recommender.snapshot)


Viewed = Annotated[View, Depends(_view)]


@router.get("/items", summary="Search the catalogue as you type", responses=problems(*INVALID))
def search_items(recommender: Loaded, view: Viewed, query: Annotated[SearchQuery, Query()]) -> SearchResponse:
    """Items whose titles begin with, contain or resemble the query, or whose values do. Made for every keystroke."""
    matches = view.titles.find(query.query, query.limit, view.alive)
    found = [FoundItem(**_described(view.snapshot, match.row), matched=match.by) for match in matches]
    return SearchResponse(items=found, versions=_versions(recommender, view))


@router.get("/catalogue", summary="What the catalogue holds", responses=problems())
def catalogue(recommender: Loaded, view: Viewed) -> CatalogueResponse:
    """Columns with their commonest values and ranges, and histories and sentences to begin with."""
    return CatalogueResponse(
        items=int(view.alive.sum()),
        columns=view.columns,
        starters=[
            Starter(history=[Item(**_described(view.snapshot, row)) for row in rows], constraint=sentence)
            for rows, sentence in view.starters
        ],
        versions=_versions(recommender, view),
    )


@router.get("/catalogue/values", summary="Values as you type", responses=problems(*INVALID))
def catalogue_values(
    recommender: Loaded, view: Viewed, query: Annotated[ValuesQuery, Query()]
) -> ValuesResponse:
    """Values of all columns that a sentence can name, by how their words begin."""
    found = view.values.find(query.query, query.limit)
    return ValuesResponse(
        values=[ValueMatch(**value._asdict()) for value in found], versions=_versions(recommender, view)
    )


@router.get("/catalogue/insight", summary="What the bundle holds, in numbers to draw", responses=problems())
def catalogue_insight(
    recommender: Loaded, view: Viewed, answered: AnsweredOf, settings: SettingsOf
) -> InsightResponse:
    """A map of the items, what each expert is for, how popularity spreads, what similar items reach, and what was
    recommended since the process started.

    Of large catalogues a sample spread over the rows is looked at.
    """
    return InsightResponse(
        map=view.map,
        experts=view.experts(recommender.encoder),
        popularity=view.popularity,
        reach=view.reach,
        recommended=recommended(
            view.snapshot.catalogue,
            view.alive,
            view.snapshot.popularity,
            answered.of(recommender.versions.bundle),
            answered.since,
        ),
        reports=reports_of(settings.bundles / recommender.versions.bundle),
        versions=_versions(recommender, view),
    )


def _described(snapshot: Snapshot, row: int) -> dict[str, Any]:
    items = snapshot.catalogue
    return {
        "item_id": items.item_ids[row],
        "title": items.title(row),
        "attributes": items.attributes(row),
    }


def _versions(recommender: Recommender, view: View) -> Versions:
    return recommender.versions.model_copy(update={"catalogue": view.snapshot.change})
