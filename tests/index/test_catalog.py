"""The catalogue: kinds of columns from real-looking values, exact records, typed views, content hashes."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.catalog import Catalogue
from index.columns import CatalogueError, Column, ColumnKind, infer_columns

BEAUTY = [
    {
        "item_id": "B1",
        "title": "Eyeshadow",
        "brand": "COKA",
        "categories": ["Beauty", "Makeup", "Eyes"],
        "price": "5.04",
    },
    {
        "item_id": "B2",
        "title": "Mascara",
        "brand": "coka ",
        "categories": ["Beauty", "Makeup", "Eyes"],
        "price": "10486.0",
    },
    {
        "item_id": "B3",
        "title": "Shampoo",
        "brand": None,
        "categories": ["Beauty", "Hair Care"],
        "price": None,
    },
    {"item_id": "B4", "brand": "Prada", "categories": [], "price": "19"},
]


def kind_of(values: list[object]) -> ColumnKind:
    records = [{"item_id": str(n), "x": value} for n, value in enumerate(values)]
    return infer_columns(records)["x"].kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([5, 7.5, None], ColumnKind.NUMERIC),
        (["5.04", "10486.0", " 7 ", None, ""], ColumnKind.NUMERIC),
        (["1"] * 19 + ["about 7"], ColumnKind.NUMERIC),  # 95 % parse
        (["1"] * 18 + ["about 7"], ColumnKind.CATEGORICAL),  # 94.7 % parse
        (["02134", "00501", "94103"], ColumnKind.CATEGORICAL),  # postcodes are no numbers
        (["nan", "inf", "1_000"], ColumnKind.CATEGORICAL),
        ([True, False], ColumnKind.CATEGORICAL),
        (["red", "blue"], ColumnKind.CATEGORICAL),
        ([f"{n} " + "words that go on and on, as descriptions do " * 3 for n in range(4)], ColumnKind.TEXT),
        (
            ["the same long warning, which all the items of this catalogue carry on the box"] * 4,
            ColumnKind.CATEGORICAL,
        ),
        ([["Beauty", "Makeup"], ["Beauty", "Hair"], ["Beauty", "Makeup", "Eyes"], []], ColumnKind.PATH),
        ([["Drama", "War"], ["War", "Drama"], ["Drama", "Crime"], ["Crime", "Drama"]], ColumnKind.LIST),
        ([["Drama"], ["War"], ["Drama"]], ColumnKind.LIST),
        ([["a", "b"], ["c", "d"]], ColumnKind.LIST),  # first elements do not repeat
        ([None, "", [], [" "]], ColumnKind.CATEGORICAL),
    ],
)
def test_kinds_are_inferred_from_the_values(values: list[object], kind: ColumnKind) -> None:
    assert kind_of(values) is kind


def test_title_and_id_are_no_columns_and_order_is_of_first_appearance() -> None:
    assert list(Catalogue.from_records(BEAUTY).columns) == ["brand", "categories", "price"]
    assert Catalogue.from_records(BEAUTY).columns["price"] == Column("price", ColumnKind.NUMERIC)


def test_a_kind_can_be_overridden_where_the_values_allow_it() -> None:
    catalogue = Catalogue.from_records(BEAUTY, {"price": ColumnKind.CATEGORICAL})
    assert catalogue.terms("price").rows_of("5.04").tolist() == [0]
    with pytest.raises(
        CatalogueError, match="no column 'colour' to override; columns are: brand, categories, price"
    ):
        Catalogue.from_records(BEAUTY, {"colour": ColumnKind.TEXT})
    with pytest.raises(CatalogueError, match="'categories' holds lists and cannot be numeric"):
        Catalogue.from_records(BEAUTY, {"categories": ColumnKind.NUMERIC})


def test_ids_and_rows() -> None:
    catalogue = Catalogue.from_records(BEAUTY)
    assert (catalogue.row("B3"), catalogue.row("B9")) == (2, None)
    assert catalogue.rows(["B4", "B9", "B1"]).tolist() == [3, -1, 0]
    assert catalogue.rows([]).dtype == np.int64
    assert (catalogue.title(0), catalogue.title(3)) == ("Eyeshadow", "")


def test_attributes_are_typed_and_say_what_is_missing() -> None:
    catalogue = Catalogue.from_records(BEAUTY)
    assert catalogue.attributes(0) == {
        "brand": "COKA",
        "categories": ["Beauty", "Makeup", "Eyes"],
        "price": 5.04,
    }
    assert catalogue.attributes(2) == {"brand": None, "categories": ["Beauty", "Hair Care"], "price": None}
    assert catalogue.attributes(3) == {"brand": "Prada", "categories": None, "price": 19.0}


def test_terms_fold_case_and_space_and_count_an_item_once() -> None:
    brand = Catalogue.from_records(BEAUTY).terms("brand")
    assert brand.values == ("COKA", "Prada")
    assert brand.rows_of("Coka").tolist() == [0, 1]
    assert brand.rows_of("nobody").tolist() == []
    assert brand.present.tolist() == [True, True, False, True]
    twice = Catalogue.from_records(
        [{"item_id": "1", "tags": ["b", "B", "a", ""]}], {"tags": ColumnKind.LIST}
    ).terms("tags")
    assert (twice.values, twice.starts.tolist(), twice.rows.tolist()) == (("b", "a"), [0, 1, 2], [0, 0])


def test_composed_and_decomposed_letters_are_one_value() -> None:
    records = [{"item_id": "1", "brand": "Caf\u00e9"}, {"item_id": "2", "brand": "Cafe\u0301"}]
    assert Catalogue.from_records(records).terms("brand").rows_of("CAFÉ").tolist() == [0, 1]


def test_numbers_come_from_numbers_and_from_text() -> None:
    price = Catalogue.from_records(BEAUTY).numbers("price")
    assert price[[0, 1, 3]].tolist() == [5.04, 10486.0, 19.0]
    assert np.isnan(price[2])
    mixed = [
        {"item_id": "a", "n": 7},
        {"item_id": "b", "n": "7.5"},
        {"item_id": "c", "n": 10**400},
        {"item_id": "d"},
    ]
    catalogue = Catalogue.from_records(mixed, {"n": ColumnKind.NUMERIC})
    assert np.isnan(catalogue.numbers("n")).tolist() == [False, False, True, True]
    assert catalogue.present("n").tolist() == [True, True, False, False]
    assert catalogue.record(2) == mixed[2]


def test_numbers_and_booleans_can_be_values_of_a_categorical_column() -> None:
    records = [
        {"item_id": "1", "vegan": True, "size": 7},
        {"item_id": "2", "vegan": False, "size": 7.0},
        {"item_id": "3"},
    ]
    catalogue = Catalogue.from_records(records, {"size": ColumnKind.CATEGORICAL})
    assert catalogue.terms("vegan").rows_of("True").tolist() == [0]
    assert catalogue.terms("vegan").values == ("true", "false")
    assert catalogue.terms("size").rows_of("7").tolist() == [0, 1]
    assert catalogue.present("size").tolist() == [True, True, False]


def test_text_columns_know_who_has_a_value() -> None:
    catalogue = Catalogue.from_records(BEAUTY, {"brand": ColumnKind.TEXT})
    assert catalogue.present("brand").tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"title": "no id"}, "record 1 has no item_id"),
        ({"item_id": 7}, "record 1 has no item_id"),
        ({"item_id": " "}, "record 1 has no item_id"),
        ({"item_id": "\ud800"}, "record 1 has no item_id"),
        ({"item_id": "B1"}, "item_id 'B1' appears twice, in records 0 and 1"),
        ({"item_id": "x", "title": ["a"]}, "item 'x': title must be text"),
        ({"item_id": "x", "price": float("nan")}, "item 'x', 'price': NaN and Infinity"),
        (
            {"item_id": "x", "price": {"usd": 5}},
            "item 'x', 'price': use text, a number or a list of text .* not dict",
        ),
        ({"item_id": "x", "tags": ["a", None]}, "not NoneType in a list"),
        ({"item_id": "x", "tags": [["a"]]}, "not list in a list"),
        ({"item_id": "x", "brand": "\udfff"}, "lone surrogate"),
        ({"item_id": "x", "\udfff": "a"}, "cannot name a column"),
    ],
)
def test_items_that_cannot_be_are_refused_by_name(record: dict[str, object], message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        Catalogue.from_records([BEAUTY[0], record])


def test_a_catalogue_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        Catalogue.from_records(BEAUTY).columns["price"] = Column("price", ColumnKind.TEXT)  # type: ignore[index]


def test_content_hash_follows_the_named_fields_alone() -> None:
    fields = ["title", "brand"]
    before = Catalogue.from_records(BEAUTY).content_hashes(fields)
    assert len(set(before)) == 4
    assert all(len(digest) == 64 for digest in before)
    cheaper = [
        {**BEAUTY[0], "price": "1"},
        {**BEAUTY[1], "brand": "Coka"},
        BEAUTY[2],
        {**BEAUTY[3], "title": None},
    ]
    after = Catalogue.from_records(cheaper).content_hashes(fields)
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True, True]
    assert Catalogue.from_records(BEAUTY).content_hashes(["brand", "title"]) != before
    assert len(set(Catalogue.from_records(BEAUTY).content_hashes([]))) == 1


@pytest.mark.parametrize("records", [[], BEAUTY[:1], BEAUTY, [{"item_id": "only an id"}]])
def test_save_and_load_give_equal_records(records: list[dict[str, object]], tmp_path: Path) -> None:
    Catalogue.from_records(records).save(tmp_path)
    loaded = Catalogue.load(tmp_path)
    assert len(loaded) == len(records)
    assert loaded.records() == records
    assert loaded.columns == Catalogue.from_records(records).columns


def test_an_overridden_kind_survives(tmp_path: Path) -> None:
    Catalogue.from_records(BEAUTY, {"brand": ColumnKind.TEXT}).save(tmp_path)
    assert Catalogue.load(tmp_path).columns["brand"].kind is ColumnKind.TEXT


def test_damaged_files_are_named(tmp_path: Path) -> None:
    Catalogue.from_records(BEAUTY).save(tmp_path)
    parquet, columns = tmp_path / "catalogue.parquet", tmp_path / "columns.json"
    whole, described = parquet.read_bytes(), columns.read_text()
    parquet.write_bytes(whole[:-5])
    with pytest.raises(CatalogueError, match=r"catalogue\.parquet cannot be read"):
        Catalogue.load(tmp_path)
    parquet.write_bytes(whole)
    columns.write_text(described.replace('"price"', '"prize"'))
    with pytest.raises(CatalogueError, match="name different columns"):
        Catalogue.load(tmp_path)
    for text, message in [("{", "cannot be read"), ("[]", "cannot be read"), ('{"format": 9}', "format 9")]:
        columns.write_text(text)
        with pytest.raises(CatalogueError, match=message):
            Catalogue.load(tmp_path)


def test_ids_that_appear_twice_in_a_stored_catalogue_are_refused(tmp_path: Path) -> None:
    one = Catalogue.from_records([{"item_id": "a"}])
    with pytest.raises(CatalogueError, match="twice"):
        Catalogue(["a", "a"], {}, {}, one.columns)


SCALARS = st.one_of(
    st.text(max_size=8),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
VALUES = st.one_of(st.none(), SCALARS, st.lists(SCALARS, max_size=3))
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "ключ", "item", " "]), VALUES), max_size=6).map(
    lambda rows: [{"item_id": f"i{n}"} | row for n, row in enumerate(rows)]
)


@settings(max_examples=150, deadline=None)
@given(records=RECORDS)
def test_any_record_comes_back_as_it_was(
    records: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    catalogue = Catalogue.from_records(records)
    folder = tmp_path_factory.mktemp("catalogue")
    catalogue.save(folder)
    loaded = Catalogue.load(folder)
    for row, record in enumerate(records):
        assert same(catalogue.record(row), record)
        assert same(loaded.record(row), record)
    assert loaded.content_hashes(["a", "b"]) == catalogue.content_hashes(["a", "b"])
    for name, column in loaded.columns.items():
        assert loaded.present(name).shape == (len(records),)
        assert len(loaded.attributes(0)) == len(loaded.columns), column


def same(left: dict[str, object], right: dict[str, object]) -> bool:
    """Equal in type too: 1, 1.0 and true are three values."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def test_attributes_are_remembered_of_so_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.catalog.KEPT", 3)
    catalogue = Catalogue.from_records([{"item_id": f"i{n}", "brand": f"b{n}"} for n in range(8)])
    first = catalogue.attributes(0)
    assert catalogue.attributes(0) is first
    assert [catalogue.attributes(row)["brand"] for row in range(8)] == [f"b{n}" for n in range(8)]
    assert len(catalogue._attributes) <= 3
    assert catalogue.attributes(0) == first
