"""Which store the settings name.

Nothing is opened or connected here: a store that is away keeps no service from starting.
"""

from service.settings import Settings
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
