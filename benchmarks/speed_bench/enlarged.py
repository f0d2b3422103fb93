"""A data folder many times as large as the one it is made from: other texts of the same lengths, as many users an item.

Copy c of an item is the item with the words of each text and the entries of each list in another order: as many tokens
as before, and another text, but for one of a single word. Copy c of a user took copy c of the user's items. Copy 0 is
the original. What is drawn follows from the seed.
"""

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random

from training.folder import INFO_FILE, INTERACTIONS_FILE, ITEMS_FILE


def write_enlarged(source: Path, folder: Path, items: int, seed: int) -> None:
    """Write into `folder` whole copies of the data folder `source`, as few as have at least so many items."""
    folder.mkdir(parents=True)
    shutil.copy(source / INFO_FILE, folder)
    records = [json.loads(line) for line in (source / ITEMS_FILE).read_text(encoding="utf-8").splitlines()]
    copies = -(-items // len(records))
    dice = Random(seed)
    with (folder / ITEMS_FILE).open("w", encoding="utf-8") as written:
        for copy in range(copies):
            for record in records:
                written.write(json.dumps(_varied(record, copy, dice), ensure_ascii=False) + "\n")
    with (source / INTERACTIONS_FILE).open(encoding="utf-8", newline="") as lines:
        header, *interactions = csv.reader(lines)
    with (folder / INTERACTIONS_FILE).open("w", encoding="utf-8", newline="") as written:
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(header)
        for copy in range(copies):
            writer.writerows((_copy_id(u, copy), _copy_id(i, copy), time) for u, i, time in interactions)


def _varied(record: Mapping[str, object], copy: int, dice: Random) -> dict[str, object]:
    if copy == 0:
        return dict(record)
    varied = {name: _shuffled(value, dice) for name, value in record.items()}
    return varied | {"item_id": _copy_id(str(record["item_id"]), copy)}


def _shuffled(value: object, dice: Random) -> object:
    if isinstance(value, str):
        words = value.split()
        return " ".join(dice.sample(words, len(words)))
    return dice.sample(value, len(value)) if isinstance(value, list) else value


def _copy_id(identifier: str, copy: int) -> str:
    return f"{identifier}#{copy}" if copy else identifier
