"""What the routes for events, users and items answer. 2xx means: on disk, and in force in every later answer."""

from laser_client.answers import Answer, Item, Versions


class EventsResponse(Answer):
    """What became of each event, in order: "stored", "duplicate" or "outdated"; and ids the catalogue lacks now."""

    request_id: str
    outcomes: tuple[str, ...]
    unknown_items: tuple[str, ...]


class UserEvent(Answer):
    """An event in a user's history; `timestamp` in seconds since 1970."""

    event_id: str
    item_id: str
    timestamp: float


class UserResponse(Answer):
    """All that is stored of a user, oldest first."""

    request_id: str
    user_id: str
    events: tuple[UserEvent, ...]


class UserDeleted(Answer):
    """A user was forgotten. Events from before are not taken again."""

    request_id: str
    deleted_events: int


class ItemResponse(Item):
    """One item of the catalogue."""

    versions: Versions


class ItemChanged(Answer):
    """The item is in the catalogue; `created` is false where one of this id was replaced."""

    request_id: str
    item_id: str
    created: bool
    versions: Versions


class ItemDeleted(Answer):
    """The item is in no answer from now on; `deleted` is false where there was none."""

    request_id: str
    item_id: str
    deleted: bool
    versions: Versions


class ItemsChanged(Answer):
    """All of a batch is in force; `unknown_items` were to be deleted and not there."""

    request_id: str
    created: int
    replaced: int
    deleted: int
    unknown_items: tuple[str, ...]
    versions: Versions
