"""The keys that a running service goes by: those of the file, followed as it changes.

A key that is made or revoked counts within CHECK_SECONDS, without a restart. A file that can no longer be read leaves
the last good keys in force and says so in the log: a slip of the pen must not shut everybody out.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from service import logs
from service.access.key_file import KeyFileError, read_keys
from service.access.keys import ApiKey, id_of, matches

CHECK_SECONDS = 1.0

Stamp = tuple[int, int, int] | None


class KeyRing:
    """Knows keys by their text. Used on the event loop's thread alone."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises KeyFileError where there is no usable file."""
        self._path = path
        self._clock = clock
        self._stamp = _stamp(path)
        self._keys = {key.id: key for key in read_keys(path).keys}
        self._checked = clock()

    def find(self, presented: str) -> ApiKey | None:
        """The key with this text; None where there is none."""
        self._follow()
        key_id = id_of(presented)
        key = None if key_id is None else self._keys.get(key_id)
        return key if key is not None and matches(key, presented) else None

    def _follow(self) -> None:
        now = self._clock()
        if now - self._checked < CHECK_SECONDS:
            return
        self._checked = now
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = {key.id: key for key in read_keys(self._path).keys}
        except KeyFileError as error:
            logs.event(logging.ERROR, "keys not read again; the last ones stay in force", reason=str(error))
        else:
            logs.event(logging.INFO, "keys read again", keys=len(self._keys))


def _stamp(path: Path) -> Stamp:
    """Changes whenever the file is replaced or written."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
