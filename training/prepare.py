"""From a public dump to a canonical folder: `laser data prepare`.

Policy, in this order:

1. An interaction that repeats another exactly (user, item and time) is dropped; repeats at another time are
   kept.
2. With `k_core` above 1, users and items with fewer interactions than that are removed, again and again
   until none is left.
3. Users come in the order of their ids, each one's interactions by time; ties keep the order of the dump.
4. Items come in the order of their ids, never in that of their first interaction, which would leak the test
   items. Of several records of one item the first counts; an item without any record keeps its interactions
   and has an id alone.

The same dump gives the same bytes. The folder is written aside and renamed, so `out` is complete or not
there.
"""

import csv
import os
import shutil
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from training.artefacts import repeats
from training.folder import HEADER, INFO_FILE, INTERACTIONS_FILE, ITEMS_FILE, Interactions
from training.lines import DataError
from training.readers.amazon2014 import Amazon2014
from training.readers.amazon2018 import Amazon2018
from training.readers.amazon2023 import Amazon2023
from training.readers.movielens import MovieLens
from training.readers.records import Reader

PROGRESS_EVERY = 10_000  # records

Progress = Callable[[str, int], None]  # what is being read or written, and how many so far


class Source(StrEnum):
    """The dumps that can be read; the release of MovieLens is told from its files."""

    AMAZON2014 = "amazon2014"
    AMAZON2018 = "amazon2018"
    AMAZON2023 = "amazon2023"
    MOVIELENS = "movielens"


@dataclass(frozen=True)
class Prepared:
    """What was read, what was left out, and what was written to `folder`."""

    folder: Path
    read: int
    duplicates: int
    below_core: int
    users: int
    items: int
    interactions: int
    items_without_record: int


class _Catalogue(NamedTuple):
    lines: dict[str, bytes]
    without_record: int


def prepare(
    source: str,
    raw: Path,
    out: Path,
    k_core: int = 1,
    keep_all_items: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Read the dump in the folder `raw` and write the canonical folder `out`, which must not exist yet.

    Items without a kept interaction are left out unless `keep_all_items`. Raises DataError for a malformed
    dump, with file and line; for an `out` that exists; and when nothing is left or described. Raises
    ValueError for an unknown source or a `k_core` below 1.
    """
    if k_core < 1:
        raise ValueError(f"k_core must be at least 1, not {k_core}")
    if out.exists():
        raise DataError(out, None, "exists already; remove it or choose another folder")
    report = progress or (lambda stage, count: None)
    reader = open_reader(Source(source), raw)
    log = _collect(reader, report)
    unique = np.delete(np.arange(len(log.users)), repeats(log.users, log.items, log.timestamps))
    kept = unique[k_core_mask(log.users[unique], log.items[unique], k_core)]
    if not len(kept):
        raise DataError(raw, None, f"no interactions are left after the {k_core}-core")
    wanted = {log.item_ids[code] for code in np.unique(log.items[kept])}
    catalogue = _collect_items(reader, wanted, keep_all_items, report)
    if catalogue.without_record == len(wanted):
        raise DataError(raw, None, "none of the items has a record; do the two files belong together?")

    with _written_aside(out) as folder:
        info = {
            "name": raw.resolve().name,
            "timestamp": "epoch_seconds",
            "text": list(reader.text),
            "source": str(source),
            "files": [{"name": path.name, "bytes": path.stat().st_size} for path in reader.files()],
            "k_core": k_core,
        }
        (folder / INFO_FILE).write_bytes(orjson.dumps(info, option=orjson.OPT_INDENT_2) + b"\n")
        with (folder / ITEMS_FILE).open("wb") as file:
            file.writelines(line + b"\n" for _, line in sorted(catalogue.lines.items()))
        _write_interactions(folder / INTERACTIONS_FILE, log, kept, report)
    return Prepared(
        folder=out,
        read=len(log.users),
        duplicates=len(log.users) - len(unique),
        below_core=len(unique) - len(kept),
        users=len(np.unique(log.users[kept])),
        items=len(catalogue.lines),
        interactions=len(kept),
        items_without_record=catalogue.without_record,
    )


def open_reader(source: Source, raw: Path) -> Reader:
    """The reader of that dump. Raises DataError if the folder does not hold its files."""
    match source:
        case Source.AMAZON2014:
            return Amazon2014(raw)
        case Source.AMAZON2018:
            return Amazon2018(raw)
        case Source.AMAZON2023:
            return Amazon2023(raw)
        case Source.MOVIELENS:
            return MovieLens(raw)


def k_core_mask(users: NDArray[np.int64], items: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    """Which of R interactions are in the k-core, where every user and every item has at least k. bool [R].

    users, items: codes [R], from 0. Removing an item can leave a user short, and the other way round, hence
    the loop.
    """
    kept = np.ones(len(users), dtype=np.bool_)
    while True:
        enough_by_user = np.bincount(users[kept], minlength=users.max(initial=0) + 1) >= k
        enough_by_item = np.bincount(items[kept], minlength=items.max(initial=0) + 1) >= k
        smaller = kept & enough_by_user[users] & enough_by_item[items]
        if (smaller == kept).all():
            return kept
        kept = smaller


def _collect(reader: Reader, report: Progress) -> Interactions:
    """All interactions as codes: 24 bytes each, whatever their ids."""
    user_codes: dict[str, int] = {}
    item_codes: dict[str, int] = {}
    users, items, timestamps = array("q"), array("q"), array("d")
    for count, (user_id, item_id, timestamp) in enumerate(reader.interactions(), start=1):
        users.append(user_codes.setdefault(user_id, len(user_codes)))
        items.append(item_codes.setdefault(item_id, len(item_codes)))
        timestamps.append(timestamp)
        if count % PROGRESS_EVERY == 0:
            report("interactions read", count)
    report("interactions read", len(users))
    columns = (
        np.frombuffer(users, np.int64),
        np.frombuffer(items, np.int64),
        np.frombuffer(timestamps, np.float64),
    )
    return Interactions(tuple(user_codes), tuple(item_codes), *columns)


def _collect_items(reader: Reader, wanted: set[str], keep_all: bool, report: Progress) -> _Catalogue:
    lines: dict[str, bytes] = {}
    for count, record in enumerate(reader.items(), start=1):
        item_id = str(record["item_id"])
        if item_id not in lines and (keep_all or item_id in wanted):
            lines[item_id] = orjson.dumps(record)
        if count % PROGRESS_EVERY == 0:
            report("items read", count)
    missing = wanted - lines.keys()
    lines.update((item_id, orjson.dumps({"item_id": item_id, "title": None})) for item_id in missing)
    report("items kept", len(lines))
    return _Catalogue(lines, len(missing))


def _write_interactions(path: Path, log: Interactions, kept: NDArray[np.int64], report: Progress) -> None:
    place = np.empty(len(log.user_ids), dtype=np.int64)  # of a user code in the order of the ids
    place[sorted(range(len(log.user_ids)), key=log.user_ids.__getitem__)] = np.arange(len(log.user_ids))
    order = kept[
        np.lexsort((log.timestamps[kept], place[log.users[kept]]))
    ]  # stable: ties in the order of the dump
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for count, row in enumerate(order, start=1):
            seconds = float(log.timestamps[row])
            time = int(seconds) if seconds.is_integer() else seconds
            writer.writerow((log.user_ids[log.users[row]], log.item_ids[log.items[row]], time))
            if count % PROGRESS_EVERY == 0:
                report("interactions written", count)
    report("interactions written", len(order))


@contextmanager
def _written_aside(out: Path) -> Iterator[Path]:
    """A fresh folder beside `out`, renamed to it at the end, removed if anything goes wrong before."""
    aside = out.parent / f".{out.name}.{os.getpid()}.partial"
    aside.mkdir(parents=True)
    try:
        yield aside
        aside.rename(out)
    except BaseException:
        shutil.rmtree(aside)
        raise
