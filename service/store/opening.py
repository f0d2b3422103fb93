"""Which store the settings name.

Nothing is opened or connected here: a store that is away keeps no service from starting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.settings import Settings, load_settings
from service.store.changes import ChangeLog
from service.store.protocol import Store
from service.store.redis import RedisStore
from service.store.sqlite import SqliteStore


def open_store(settings: Settings) -> Store:
    """Redis where LASER_REDIS_URL is set, else the file."""
    if settings.redis_url is not None:
        return RedisStore(
            settings.redis_url.get_secret_value(),
            settings.max_stored,
            settings.store_read_ms / 1000,
            settings.store_write_ms / 1000,
        )
    return SqliteStore(settings.state_file, settings.max_stored, settings.store_write_ms / 1000)


@contextmanager
def open_changes(bundles: Path) -> Iterator[ChangeLog | None]:
    """The log of catalogue changes of a service that answers from this folder; None where nothing was stored yet.

    Raises SettingsError; the log itself StoreUnavailable.
    """
    settings = load_settings(bundles=bundles)
    if settings.redis_url is None and not settings.state_file.exists():
        yield None
        return
    store = open_store(settings)
    try:
        yield store.changes
    finally:
        store.close()
