"""Live changes of the catalogue in a re-index: what the service took is folded into the items of the data folder.

A live change wins over the data folder: it was acknowledged, and the folder may be older. An item that was put replaces
the folder's as a whole and keeps its place; a new one comes after all others; a deleted one is left out. The bundle
says which change is the last that it contains, and a service that loads it applies those that came later.

The log may forget how it got to where the oldest kept bundle begins, and no more: a rollback to that bundle needs what
came after.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from index.bundle import BundleError, Manifest, list_bundles

Record = Mapping[str, object]
Logged = tuple[int, str, str | None]  # number, item id, and its record as JSON or None where it was deleted


class ChangeLog(Protocol):
    """What a re-index needs of the service's log."""

    def net(self, number: int) -> tuple[Sequence[Logged], int]:
        """The newest change of each item that changed after a number, in their order, and the log's last number."""
        ...

    def trim(self, number: int) -> None:
        """Keep up to this number the newest change of each item alone."""
        ...


class LiveChanges(NamedTuple):
    """All changes there were, and the number of the last one."""

    changes: Sequence[Logged]
    last: int


def read_changes(log: ChangeLog | None, bundles: Path) -> LiveChanges:
    """Everything in the log. Raises BundleError where a bundle contains later changes: then it is another log."""
    return _after(0, log, list_bundles(bundles))


def last_number(log: ChangeLog | None, bundles: Path) -> int:
    """The number of the log's last change; only those that no bundle contains are read. Raises BundleError likewise."""
    manifests = list_bundles(bundles)
    return _after(max((manifest.last_change for manifest in manifests), default=0), log, manifests).last


def _after(number: int, log: ChangeLog | None, manifests: Sequence[Manifest]) -> LiveChanges:
    changes, last = ([], 0) if log is None else log.net(number)
    for manifest in manifests:
        if manifest.last_change > last:
            raise BundleError(
                f"bundle {manifest.bundle_id} contains catalogue changes up to {manifest.last_change}, the log of "
                f"changes ends at {last}: set LASER_REDIS_URL or LASER_STATE as the service has them"
            )
    return LiveChanges(changes, last)


def fold(items: Sequence[Record], changes: Sequence[Logged]) -> list[Record]:
    """The items after these changes."""
    after: dict[Any, Record] = {item["item_id"]: item for item in items}
    for _, item_id, item in changes:
        if item is None:
            after.pop(item_id, None)
        else:
            after[item_id] = json.loads(item)
    return list(after.values())


def trim_log(log: ChangeLog, bundles: Path) -> None:
    """Let the log forget what all kept bundles contain."""
    log.trim(min(manifest.last_change for manifest in list_bundles(bundles)))
