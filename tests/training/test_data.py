"""The canonical folder: what loads, in which order, and for each malformed file its line and its message."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from training.data import DataError, leave_one_out, load_dataset
from training.folder import read_interactions, read_items
from training.lines import read_lines

INFO = '{"name": "tiny", "timestamp": "epoch_seconds", "text": ["title", "brand"]}'
ITEMS = """\
{"item_id": "a", "title": "Apple", "brand": "Orchard", "price": 1.5, "tags": ["red", "round"]}
{"item_id": "b", "title": "Bread", "brand": null}
{"item_id": "c", "title": ""}
"""
INTERACTIONS = """\
user_id,item_id,timestamp
zoe,c,30
ann,b,20
zoe,a,10
ann,a,20
zoe,b,10.5
ann,a,5
"""
SHARED = Path(__file__).parents[3] / "shared" / "data"


def write(folder: Path, info: str = INFO, items: str = ITEMS, interactions: str = INTERACTIONS) -> Path:
    (folder / "dataset.json").write_bytes(info.encode())
    (folder / "items.jsonl").write_bytes(items.encode())
    (folder / "interactions.csv").write_bytes(interactions.encode())
    return folder


def test_a_folder_loads_with_histories_oldest_first_and_ties_in_file_order(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path))
    assert data.info.name == "tiny"
    assert data.info.timestamp == "epoch_seconds"
    assert data.info.text == ("title", "brand")
    assert data.folder == tmp_path
    assert data.item_ids == ("a", "b", "c")
    assert data.items[0] == {
        "item_id": "a",
        "title": "Apple",
        "brand": "Orchard",
        "price": 1.5,
        "tags": ["red", "round"],
    }
    assert data.user_ids == ("zoe", "ann")
    assert [history.tolist() for history in data.histories] == [[0, 1, 2], [0, 1, 0]]  # ann: b before a at 20
    assert all(history.dtype == np.int64 for history in data.histories)


def test_windows_line_ends_and_quoted_fields_are_csv_like_any_other(tmp_path: Path) -> None:
    plain = load_dataset(write(tmp_path))
    quoted = INTERACTIONS.replace("zoe,c", '"zoe","c"')
    windows = load_dataset(
        write(tmp_path, items=ITEMS.replace("\n", "\r\n"), interactions=quoted.replace("\n", "\r\n"))
    )
    assert windows.items == plain.items
    assert windows.user_ids == plain.user_ids
    assert [h.tolist() for h in windows.histories] == [h.tolist() for h in plain.histories]


def test_an_id_may_hold_a_quoted_comma_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "interactions.csv"
    path.write_text('user_id,item_id,timestamp\n"smith, ""jo""",a,1\n')
    assert read_interactions(path).user_ids == ('smith, "jo"',)


def test_the_last_line_needs_no_line_end(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path, items=ITEMS.rstrip("\n"), interactions=INTERACTIONS.rstrip("\n")))
    assert sum(map(len, data.histories)) == 6


def test_the_hash_follows_content_and_not_the_place(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = load_dataset(write(tmp_path / "one")).data_hash
    assert load_dataset(write(tmp_path / "two")).data_hash == first
    assert load_dataset(write(tmp_path / "two", info=INFO.replace("tiny", "tina"))).data_hash != first
    assert load_dataset(write(tmp_path / "two", items=ITEMS.replace("1.5", "1.6"))).data_hash != first
    moved = load_dataset(write(tmp_path / "two", interactions=INTERACTIONS.replace("zoe,c,30", "zoe,c,31")))
    assert moved.data_hash != first
    assert len(first) == 64


def test_leave_one_out_holds_out_the_last_two_of_users_with_three() -> None:
    histories = [np.array([4, 5, 6, 7]), np.array([1, 2]), np.array([3, 1, 2])]
    split = leave_one_out(histories)
    assert [h.tolist() for h in split.train] == [[4, 5], [1, 2], [3]]
    assert split.valid.users.tolist() == [0, 2]
    assert [h.tolist() for h in split.valid.histories] == [[4, 5], [3]]
    assert split.valid.targets.tolist() == [6, 1]
    assert split.test.users.tolist() == [0, 2]
    assert [h.tolist() for h in split.test.histories] == [[4, 5, 6], [3, 1]]
    assert split.test.targets.tolist() == [7, 2]


def test_leave_one_out_of_nobody_is_empty() -> None:
    split = leave_one_out([np.array([1, 2])])
    assert split.test.users.shape == (0,)
    assert split.test.targets.dtype == np.int64
    assert split.valid.histories == ()


BAD_INFO = [
    ("", "dataset.json: is empty"),
    ('{"name": "x",}', "dataset.json:1: is not JSON"),
    ('["x"]', "dataset.json: must be a JSON object"),
    ('{"timestamp": "position", "text": ["title"]}', "'name' must be a non-empty string, not None"),
    ('{"name": "x", "timestamp": "days", "text": ["title"]}', "or \"epoch_seconds\", not 'days'"),
    (
        '{"name": "x", "timestamp": "position", "text": "title"}',
        "'text' must be a non-empty list of field names",
    ),
    ('{"name": "x", "timestamp": "position", "text": []}', "'text' must be a non-empty list of field names"),
    (
        '{"name": "x", "timestamp": "position", "text": ["titel"]}',
        "names the field 'titel', which no item has",
    ),
]


@pytest.mark.parametrize(("info", "message"), BAD_INFO)
def test_a_bad_dataset_json_is_refused(tmp_path: Path, info: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset(write(tmp_path, info=info))
    assert message in str(caught.value)


GOOD_ITEM = '{"item_id": "a", "title": "Apple"}\n'
BAD_ITEMS = [
    (GOOD_ITEM + "{item_id: 1}\n", 2, "is not a JSON object"),
    (GOOD_ITEM + "\n", 2, "is not a JSON object"),
    (GOOD_ITEM + '["b"]\n', 2, "is not a JSON object"),
    (GOOD_ITEM + '{"title": "Bread"}\n', 2, "has no 'item_id'"),
    (GOOD_ITEM + '{"item_id": 7, "title": "Bread"}\n', 2, "item_id must be a string, not 7"),
    (GOOD_ITEM + '{"item_id": null, "title": "Bread"}\n', 2, "item_id must be a string, not None"),
    (GOOD_ITEM + '{"item_id": "", "title": "Bread"}\n', 2, "item_id is empty"),
    (GOOD_ITEM + '{"item_id": "b\\n", "title": "Bread"}\n', 2, "item_id has control characters or spaces"),
    (GOOD_ITEM + '{"item_id": " b", "title": "Bread"}\n', 2, "item_id has control characters or spaces"),
    (GOOD_ITEM + '{"item_id": "a", "title": "Again"}\n', 2, "item_id 'a' occurs twice, first in line 1"),
    (GOOD_ITEM + '{"item_id": "b", "title": 7}\n', 2, "title must be a string, not 7"),
    (GOOD_ITEM + '{"item_id": "b", "price": NaN}\n', 2, "is not a JSON object"),
    (GOOD_ITEM + '{"item_id": "b", "title": "\\ud800"}\n', 2, "is not a JSON object"),
    (GOOD_ITEM + '{"item_id": "b", "new": true}\n', 2, "attribute 'new' must be a string, number"),
    (
        GOOD_ITEM + '{"item_id": "b", "size": {"x": 1}}\n',
        2,
        "attribute 'size' must be a string, number",
    ),
    (
        GOOD_ITEM + '{"item_id": "b", "tags": ["x", 1]}\n',
        2,
        "attribute 'tags' must be a string, number",
    ),
    ("\ufeff" + GOOD_ITEM, 1, "starts with a byte order mark"),
    ("[" * 100_000, 1, "is not a JSON object"),
    ("", None, "is empty"),
]


@pytest.mark.parametrize(("items", "line", "message"), BAD_ITEMS)
def test_a_bad_item_is_named_by_its_line(tmp_path: Path, items: str, line: int | None, message: str) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(items.encode())
    with pytest.raises(DataError) as caught:
        read_items(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert message in caught.value.message


HEADER = "user_id,item_id,timestamp\n"
BAD_INTERACTIONS = [
    ("", None, "is empty"),
    (HEADER, None, "has a header but no interactions"),
    ("u,a,1\n", 1, "the header must be user_id,item_id,timestamp, not 'u,a,1'"),
    ("user_id,item_id,rating,timestamp\nu,a,5,1\n", 1, "the header must be user_id,item_id,timestamp"),
    ("user_id;item_id;timestamp\nu;a;1\n", 1, "the header must be user_id,item_id,timestamp"),
    ("\ufeff" + HEADER + "u,a,1\n", 1, "starts with a byte order mark"),
    (HEADER + "u,a,1\nu,a\n", 3, "has 2 fields, not user_id,item_id,timestamp"),
    (HEADER + "u,a,1,2\n", 2, "has 4 fields, not user_id,item_id,timestamp"),
    (HEADER + "u,a,1\n\nu,a,2\n", 3, "is blank"),
    (HEADER + "u,a,1\n,a,2\n", 3, "user_id is empty"),
    (HEADER + "u,a,1\nu,,2\n", 3, "item_id is empty"),
    (HEADER + "u,a,1\nu, a,2\n", 3, "item_id has control characters or spaces at an end"),
    (HEADER + "u,a,1\nu\t,a,2\n", 3, "user_id has control characters or spaces at an end"),
    (HEADER + "u,a,1\nu,a,nan\n", 3, "timestamp must be a finite number, not 'nan'"),
    (HEADER + "u,a,1\nu,a,inf\n", 3, "timestamp must be a finite number, not 'inf'"),
    (HEADER + "u,a,1\nu,a,\n", 3, "timestamp must be a finite number, not ''"),
    (HEADER + "u,a,1\nu,a,2024-01-01\n", 3, "timestamp must be a finite number, not '2024-01-01'"),
    (HEADER + 'u,a,1\nu,"a,2\nu,b,3\n', 3, "is not one line of CSV"),
    (HEADER + 'u,a,1\nu,"a\nb",2\n', 3, "is not one line of CSV"),
    (HEADER + 'u,a,1\nu,"a"b,2\n', 3, "is not one line of CSV"),
    (HEADER + f"u,a,1\n{'u' * 200_000},a,2\n", 3, "is not one line of CSV"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD_INTERACTIONS)
def test_a_bad_interaction_is_named_by_its_line(
    tmp_path: Path, text: str, line: int | None, message: str
) -> None:
    path = tmp_path / "interactions.csv"
    path.write_bytes(text.encode())
    with pytest.raises(DataError) as caught:
        read_interactions(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert message in caught.value.message


def test_a_bad_row_after_many_good_ones_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "interactions.csv"
    path.write_text(HEADER + "u,a,1\n" * 150_000 + "u,a\n")
    with pytest.raises(DataError, match=r"interactions\.csv:150002: has 2 fields"):
        read_interactions(path)


def test_bytes_that_are_not_utf8_are_named_by_their_line(tmp_path: Path) -> None:
    interactions = tmp_path / "interactions.csv"
    interactions.write_bytes(HEADER.encode() + b"u,a,1\nu,caf\xe9,2\n")
    with pytest.raises(DataError, match=r"interactions\.csv:3: is not valid UTF-8 \(byte 6\)"):
        read_interactions(interactions)
    items = tmp_path / "items.jsonl"
    items.write_bytes(GOOD_ITEM.encode() + b'{"item_id": "b", "title": "caf\xe9"}\n')
    with pytest.raises(DataError, match=r"items\.jsonl:2: .* not valid UTF-8"):
        read_items(items)


def test_an_interaction_with_an_unknown_item_stops_loading_at_its_line(tmp_path: Path) -> None:
    folder = write(tmp_path, interactions=HEADER + "u,a,1\nu,x,2\nu,y,1\n")
    with pytest.raises(DataError, match=r"interactions\.csv:3: item_id 'x' is not in items\.jsonl"):
        load_dataset(folder)


@pytest.mark.parametrize("name", ["dataset.json", "items.jsonl", "interactions.csv"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path) / name).unlink()
    with pytest.raises(DataError, match=f"{name}: cannot be read \\(No such file or directory\\)"):
        load_dataset(tmp_path)


def test_the_length_of_a_line_is_bounded_after_expansion(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl.gz"
    path.write_bytes(gzip.compress(b"12345\n1234567890\r\n12345678901\n"))
    lines = read_lines(path, max_bytes=10)
    assert next(lines) == b"12345"
    assert next(lines) == b"1234567890"
    with pytest.raises(DataError, match=r"items\.jsonl\.gz:3: the line is longer than 10 bytes"):
        next(lines)


def test_a_gigabyte_without_a_line_end_costs_no_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    block = gzip.compress(bytes(16 * 1024 * 1024))
    path.write_bytes(block * 64)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"bomb\.jsonl\.gz:1: the line is longer than 8,388,608 bytes"):
        next(read_lines(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def test_a_damaged_archive_is_an_error_of_data(tmp_path: Path) -> None:
    whole = gzip.compress(b"one\n" * 100_000)
    path = tmp_path / "cut.jsonl.gz"
    for content in (whole[:-20], b"plain text\n", whole[:200] + b"\xff" * 50 + whole[250:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="the archive is damaged or incomplete"):
            list(read_lines(path))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data sets are not on this machine")
@pytest.mark.parametrize(
    ("name", "users", "items", "interactions"),
    [("scientific", 8_442, 4_385, 59_427), ("beauty", 22_363, 12_101, 198_502)],
)
def test_the_development_data_sets_load(name: str, users: int, items: int, interactions: int) -> None:
    data = load_dataset(SHARED / name)
    assert len(data.user_ids) == users
    assert len(data.items) == items
    assert sum(map(len, data.histories)) == interactions
    assert len(leave_one_out(data.histories).test.users) == users
