"""From a dump to a canonical folder: policy, order, bytes, and nothing left behind by a failure."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import DataError, load_dataset
from training.prepare import Source, k_core_mask, prepare


def movielens(folder: Path, ratings: list[tuple[int, int, int]], films: list[int]) -> Path:
    """A MovieLens 1M dump of (user, film, timestamp)."""
    folder.mkdir()
    (folder / "ratings.dat").write_text("".join(f"{u}::{f}::5::{t}\n" for u, f, t in ratings))
    (folder / "movies.dat").write_text("".join(f"{f}::Film {f} (2000)::Drama\n" for f in films))
    return folder


RATINGS = [
    (2, 30, 900),
    (2, 10, 500),
    (10, 20, 700),
    (1, 30, 300),
    (1, 10, 300),
    (2, 10, 500),  # exactly as above
    (2, 10, 950),  # again, at another time
    (1, 40, 100),
]


def test_a_dump_becomes_a_folder_that_loads(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "ml-1m", RATINGS, films=[40, 30, 20, 10, 5, 30])
    result = prepare("movielens", raw, tmp_path / "new" / "out")
    assert (result.read, result.duplicates, result.below_core) == (8, 1, 0)
    assert (result.users, result.items, result.interactions, result.items_without_record) == (3, 4, 7, 0)

    out = tmp_path / "new" / "out"
    assert (out / "interactions.csv").read_bytes() == (
        b"user_id,item_id,timestamp\n"
        b"1,40,100\n1,30,300\n1,10,300\n"  # 30 before 10, as in the dump
        b"10,20,700\n"
        b"2,10,500\n2,30,900\n2,10,950\n"
    )
    assert (out / "items.jsonl").read_text().splitlines() == [
        f'{{"item_id":"{film}","title":"Film {film}","year":2000,"genres":["Drama"]}}'
        for film in (10, 20, 30, 40)
    ]
    assert json.loads((out / "dataset.json").read_bytes()) == {
        "name": "ml-1m",
        "timestamp": "epoch_seconds",
        "text": ["title", "year", "genres"],
        "source": "movielens",
        "files": [{"name": "ratings.dat", "bytes": 113}, {"name": "movies.dat", "bytes": 154}],
        "k_core": 1,
    }
    data = load_dataset(out)
    assert data.user_ids == ("1", "10", "2")
    assert [history.tolist() for history in data.histories] == [[3, 2, 0], [1], [0, 2, 0]]


def test_the_same_dump_gives_the_same_bytes(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10, 20, 30, 40])
    prepare("movielens", raw, tmp_path / "one")
    prepare("movielens", raw, tmp_path / "two")
    assert load_dataset(tmp_path / "one").data_hash == load_dataset(tmp_path / "two").data_hash


def test_items_below_the_core_are_kept_only_on_demand(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10, 20, 30, 40, 50])
    core = prepare("movielens", raw, tmp_path / "core", k_core=2)
    # 20 and 40 have one rating each, so user 10 goes, and user 1 keeps two.
    assert (core.users, core.items, core.interactions, core.below_core) == (2, 2, 5, 2)
    assert load_dataset(tmp_path / "core").item_ids == ("10", "30")
    everything = prepare("movielens", raw, tmp_path / "all", k_core=2, keep_all_items=True)
    assert (everything.items, everything.interactions) == (5, 5)
    assert load_dataset(tmp_path / "all").item_ids == ("10", "20", "30", "40", "50")


def test_an_item_without_a_record_keeps_its_interactions(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10, 20, 30])
    result = prepare("movielens", raw, tmp_path / "out")
    assert (result.items, result.items_without_record, result.interactions) == (4, 1, 7)
    assert load_dataset(tmp_path / "out").items[3] == {"item_id": "40", "title": None}


def test_fractions_of_seconds_survive_and_order(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    times = [("b", 1588687728923), ("a", 1588687728001), ("c", 1588687729000)]
    (raw / "X.jsonl").write_text(
        "".join(json.dumps({"user_id": "u", "parent_asin": i, "timestamp": t}) + "\n" for i, t in times)
    )
    (raw / "meta_X.jsonl").write_text("".join(f'{{"parent_asin": "{i}", "title": "{i}"}}\n' for i in "abc"))
    prepare(Source.AMAZON2023, raw, tmp_path / "out")
    assert (tmp_path / "out" / "interactions.csv").read_text().splitlines()[1:] == [
        "u,a,1588687728.001",
        "u,b,1588687728.923",
        "u,c,1588687729",
    ]


@pytest.mark.parametrize("source", ["amazon2014", "amazon2018"])
def test_the_older_amazon_dumps_are_prepared(tmp_path: Path, source: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "reviews_X.json").write_text('{"reviewerID": "u", "asin": "a, b", "unixReviewTime": 1252800000}\n')
    (raw / "meta_X.json").write_text(
        '{"asin": "a, b", "title": "first"}\n{"asin": "a, b", "title": "second"}\n'
    )
    prepare(source, raw, tmp_path / "out")
    data = load_dataset(tmp_path / "out")
    assert data.items[0]["title"] == "first"
    assert data.item_ids == ("a, b",)
    assert data.info.text == ("title", "brand", "categories")


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10])

    def stop_while_writing(stage: str, count: int) -> None:
        if stage == "interactions written":
            assert [path.name for path in tmp_path.iterdir()] != ["raw"]  # something is being written aside
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("movielens", raw, tmp_path / "out", progress=stop_while_writing)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
    (raw / "ratings.dat").write_text("1::10::5::100\n1::10::5\n")
    with pytest.raises(DataError, match=r"ratings\.dat:2: has 3 fields, not 4"):
        prepare("movielens", raw, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_an_existing_folder_is_never_written_to(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10])
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="exists already"):
        prepare("movielens", raw, tmp_path / "out")


def test_what_cannot_be_prepared_is_refused(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10])
    with pytest.raises(DataError, match="no interactions are left after the 4-core"):
        prepare("movielens", raw, tmp_path / "out", k_core=4)
    with pytest.raises(ValueError, match="k_core must be at least 1, not 0"):
        prepare("movielens", raw, tmp_path / "out", k_core=0)
    with pytest.raises(ValueError, match="'netflix' is not a valid Source"):
        prepare("netflix", raw, tmp_path / "out")
    with pytest.raises(DataError, match="should hold one file of reviews"):
        prepare("amazon2014", raw, tmp_path / "out")
    strangers = movielens(tmp_path / "strangers", RATINGS, films=[77])
    with pytest.raises(DataError, match="none of the items has a record; do the two files belong together"):
        prepare("movielens", strangers, tmp_path / "out")
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    (empty / "movies.csv").write_text("movieId,title,genres\n")
    with pytest.raises(DataError, match="no interactions are left after the 1-core"):
        prepare("movielens", empty, tmp_path / "out")


def test_progress_names_each_stage_and_ends_with_its_count(tmp_path: Path) -> None:
    raw = movielens(tmp_path / "raw", RATINGS, films=[10, 20, 30, 40])
    seen: dict[str, int] = {}
    prepare("movielens", raw, tmp_path / "out", progress=seen.__setitem__)
    assert seen == {"interactions read": 8, "items kept": 4, "interactions written": 7}


def test_the_core_is_iterated_until_stable() -> None:
    # Item 2 has one interaction; without it user 1 has one; without that item 1 has one.
    users = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    items = np.array([0, 3, 1, 1, 2, 0, 3, 3])
    assert k_core_mask(users, items, 2).tolist() == [True, True, False, False, False, True, True, True]
    assert k_core_mask(users, items, 1).all()
    assert not k_core_mask(users, items, 5).any()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=60), st.integers(1, 4))
def test_the_core_is_the_largest_that_removal_one_by_one_leaves(pairs: list[tuple[int, int]], k: int) -> None:
    left = list(range(len(pairs)))
    while True:
        short = [
            row
            for row in left
            if sum(pairs[row][0] == pairs[other][0] for other in left) < k
            or sum(pairs[row][1] == pairs[other][1] for other in left) < k
        ]
        if not short:
            break
        left.remove(short[0])
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert np.flatnonzero(k_core_mask(columns[:, 0], columns[:, 1], k)).tolist() == left
