"""How changes of the catalogue reach one recommender: encoded where that is needed, then applied in one step.

An item is encoded when it arrives here, before anybody knows its number; what was made of it waits for the change to
come back from the log.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Sequence

from service.catalogue_changes import CatalogueChanges, Delete, Put
from service.history import Record
from service.item_encoding import EncodedItem
from service.snapshot import Snapshot
from service.stages import Stages
from service.store.changes import LoggedChange

MOST_WAITING = 4096  # encoded items whose change has not come back


class Joining:
    """Prepares and applies changes. Used on the event loop; `apply` by one task at a time."""

    def __init__(self, changes: CatalogueChanges, stages: Stages) -> None:
        self._changes = changes
        self._stages = stages
        self._waiting: OrderedDict[str, EncodedItem] = OrderedDict()  # by record as JSON

    async def prepare(self, snapshot: Snapshot, records: Sequence[Record]) -> None:
        """Encode items that will be put. Raises ApiError (429, 503), and whatever went wrong in the encoder."""
        await self._encode(snapshot, records, admitted=False)
        while len(self._waiting) > max(MOST_WAITING, len(records)):
            self._waiting.popitem(last=False)

    async def apply(self, snapshot: Snapshot, changes: Sequence[LoggedChange], last: int) -> Snapshot:
        """The snapshot after these changes, in their order; `last` is the number of the last one.

        Raises whatever goes wrong in the encoder.
        """
        newest = {change.item_id: change for change in changes}
        puts: list[Record] = [json.loads(item) for _, _, item in newest.values() if item is not None]
        puts = [record for record in puts if not _is_there(snapshot, record)]
        encoded = await self._encode(snapshot, puts, admitted=True)
        done: list[Put | Delete] = [Delete(item_id) for _, item_id, item in newest.values() if item is None]
        done += [Put(str(r["item_id"]), r, each) for r, each in zip(puts, encoded, strict=True)]
        after = await asyncio.to_thread(self._changes.apply, snapshot, done, last)
        for record in puts:
            self._waiting.pop(_key(record), None)
        return after

    async def _encode(
        self, snapshot: Snapshot, records: Sequence[Record], admitted: bool
    ) -> list[EncodedItem]:
        """Each item's encoding, old ones used again."""
        found = [
            self._waiting.get(_key(record)) or self._changes.known(snapshot, record) for record in records
        ]
        missing = [record for record, known in zip(records, found, strict=True) if known is None]
        fresh = iter(await self._stages.encode_items(missing, admitted=admitted) if missing else ())
        encoded = [next(fresh) if known is None else known for known in found]
        self._waiting.update(zip(map(_key, records), encoded, strict=True))
        return encoded


def _key(record: Record) -> str:
    return json.dumps(record, sort_keys=True)


def _is_there(snapshot: Snapshot, record: Record) -> bool:
    """The catalogue has exactly this item."""
    row = snapshot.catalogue.row(str(record["item_id"]))
    return row is not None and snapshot.catalogue.record(row) == record
