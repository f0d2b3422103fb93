"""A look at a canonical folder before anything is trained on it: `laser data check`.

Malformed files raise `DataError` with file and line, as in loading. What this adds is what loads and still
misleads: order that comes from sorting and not from users, ids that know the future, attributes that are
mostly missing. The figures are in `Report`; what to do about them, in plain words, is in `Report.warnings`
(both in `training.data_report`).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.artefacts import (
    first_seen,
    natural_ranks,
    out_of_order,
    rank_correlation,
    repeats,
    step_order,
)
from training.data import MIN_EVALUATED
from training.data_report import Attribute, Lengths, OrderLeak, Report, UnknownItems, warnings_for
from training.folder import (
    INFO_FILE,
    INTERACTIONS_FILE,
    ITEMS_FILE,
    DatasetInfo,
    Interactions,
    read_info,
    read_interactions,
    read_items,
)

__all__ = ["Report", "check"]

Item = dict[str, object]
TYPE_NAMES: dict[type, str] = {str: "text", int: "number", float: "number", list: "list"}


def check(folder: Path) -> Report:
    """Read the folder and measure it.

    Raises DataError (file, line) for malformed files, not for unknown items.
    """
    info = read_info(folder / INFO_FILE)
    items = read_items(folder / ITEMS_FILE)
    log = read_interactions(folder / INTERACTIONS_FILE)
    report = _measure(info, items, log)
    return replace(report, warnings=warnings_for(report))


def _measure(info: DatasetInfo, items: Sequence[Item], log: Interactions) -> Report:
    timed = info.timestamp == "epoch_seconds"
    row_of = {str(item["item_id"]): row for row, item in enumerate(items)}
    ranks = natural_ranks(log.item_ids)
    lengths = np.bincount(log.users)
    duplicates = len(repeats(log.users, log.items, log.timestamps))
    return Report(
        info=info,
        users=len(log.user_ids),
        items=len(items),
        interactions=len(log.users),
        evaluated_users=int((lengths >= MIN_EVALUATED).sum()),
        lengths=_lengths(lengths),
        attributes=_attributes(items),
        items_without_title=sum(not _filled(item.get("title")) for item in items),
        items_without_text=sum(not any(_filled(item.get(field)) for field in info.text) for item in items),
        items_without_interactions=len(row_of.keys() - set(log.item_ids)),
        unknown=_unknown_items(log, row_of),
        duplicate_interactions=duplicates,
        repeated_interactions=len(repeats(log.users, log.items)) - duplicates,
        test_items_seen=_test_items_seen(log),
        tied_times=len(repeats(log.users, log.timestamps)),
        out_of_order=len(out_of_order(log.users, log.timestamps)) if timed else None,
        median_time=float(np.median(log.timestamps)) if timed else None,
        steps=step_order(log.users, log.items, log.timestamps, ranks, same_day=False),
        same_day_steps=step_order(log.users, log.items, log.timestamps, ranks, same_day=True)
        if timed
        else None,
        order_leak=_order_leak(log, row_of, ranks, timed),
    )


def _lengths(lengths: NDArray[np.int64]) -> Lengths:
    low, quarter, median, three_quarters, nine_tenths, high = np.quantile(
        lengths, [0, 0.25, 0.5, 0.75, 0.9, 1]
    ).tolist()
    return Lengths(int(low), quarter, median, three_quarters, nine_tenths, int(high), float(lengths.mean()))


def _attributes(items: Sequence[Item]) -> tuple[Attribute, ...]:
    """Of all attributes but the id, in the order in which they first occur."""
    names = dict.fromkeys(name for item in items for name in item if name != "item_id")
    columns = {name: [item[name] for item in items if _filled(item.get(name))] for name in names}
    return tuple(
        Attribute(
            name=name,
            coverage=len(values) / len(items),
            types=tuple(sorted({TYPE_NAMES[type(value)] for value in values})),
            numbers_as_text=bool(values)
            and all(isinstance(value, str) and _is_number(value) for value in values),
        )
        for name, values in columns.items()
    )


def _filled(value: object) -> bool:
    return value is not None and value != [] and not (isinstance(value, str) and not value.strip())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unknown_items(log: Interactions, row_of: dict[str, int]) -> UnknownItems | None:
    unknown = np.array([item_id not in row_of for item_id in log.item_ids], dtype=np.bool_)  # [I]
    if not unknown.any():
        return None
    places = np.flatnonzero(unknown[log.items])
    return UnknownItems(
        items=int(unknown.sum()),
        interactions=len(places),
        first_line=int(places[0]) + 2,
        first_id=log.item_ids[log.items[places[0]]],
    )


def _test_items_seen(log: Interactions) -> int:
    order = np.lexsort((log.timestamps, log.users))
    users, items = log.users[order], log.items[order]
    last = np.append(np.flatnonzero(np.diff(users)), len(users) - 1)  # [users]: the place of each one's last
    earlier = np.delete(np.arange(len(users)), last)
    seen = np.unique(users[earlier][items[earlier] == items[last][users[earlier]]])  # users
    return int((np.bincount(log.users)[seen] >= MIN_EVALUATED).sum())


def _order_leak(
    log: Interactions, row_of: dict[str, int], ranks: NDArray[np.int64], timed: bool
) -> OrderLeak:
    rows = np.array([row_of.get(item_id, -1) for item_id in log.item_ids], dtype=np.int64)
    known = np.flatnonzero(rows >= 0)  # codes, which are in the order of the file

    def correlate(seen: NDArray[np.int64], places: NDArray[np.int64]) -> float | None:
        return rank_correlation(np.arange(len(seen)), places[seen])

    by_time = first_seen(log.items, log.timestamps)
    by_time = by_time[rows[by_time] >= 0]
    return OrderLeak(
        row_by_file=correlate(known, rows),
        id_by_file=correlate(known, ranks),
        row_by_time=correlate(by_time, rows) if timed else None,
        id_by_time=correlate(by_time, ranks) if timed else None,
    )
