"""Readers of Amazon's review dumps: each format becomes records, what is malformed is named by its line."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from training.lines import DataError
from training.readers.amazon import clean_path, clean_text, clean_title, parse_price
from training.readers.amazon2014 import Amazon2014
from training.readers.amazon2018 import Amazon2018
from training.readers.amazon2023 import Amazon2023


def write_gz(path: Path, lines: Sequence[object]) -> None:
    """Strings as they are, anything else as JSON, one a line."""
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()))


REVIEW_2014 = {
    "reviewerID": "A2SUAM1J3GNN3B",
    "asin": "0000013714",
    "reviewerName": "J. McDonald",
    "helpful": [2, 3],
    "reviewText": "I bought this for my husband who plays the piano.",
    "overall": 5.0,
    "summary": "Heavenly Highway Hymns",
    "unixReviewTime": 1252800000,
    "reviewTime": "09 13, 2009",
}

META_2014 = (
    "{'asin': '0000031852', 'title': \"Girls' Ballet Tutu &amp; Zebra \\x26 Pink\", 'price': 3.17, "
    "'imUrl': 'http://example.com/a.jpg', 'related': {'also_bought': ['B00JHONN1S']}, "
    "'salesRank': {'Toys & Games': 211836}, 'brand': 'Coxlures', "
    "'categories': [['Sports'], ['Clothing', 'Girls', 'Skirts'], ['Toys', 'Dress Up', 'Tutus']]}"
)


def test_amazon_2014(tmp_path: Path) -> None:
    write_gz(tmp_path / "reviews_Toys_5.json.gz", [REVIEW_2014])
    bare = "{'asin': '0000032034', 'categories': [[]], 'description': \"A <b>bold</b>\\n skirt\"}"
    write_gz(tmp_path / "meta_Toys.json.gz", [META_2014, bare, {"asin": "B01", "title": "JSON too"}])
    dump = Amazon2014(tmp_path)
    assert [path.name for path in dump.files()] == ["reviews_Toys_5.json.gz", "meta_Toys.json.gz"]
    assert list(dump.interactions()) == [("A2SUAM1J3GNN3B", "0000013714", 1252800000.0)]
    assert list(dump.items()) == [
        {
            "item_id": "0000031852",
            "title": "Girls' Ballet Tutu & Zebra & Pink",
            "brand": "Coxlures",
            "categories": ["Clothing", "Girls", "Skirts"],  # the first of the deepest paths
            "price": 3.17,
            "description": None,
        },
        {
            "item_id": "0000032034",
            "title": None,
            "brand": None,
            "categories": [],
            "price": None,
            "description": "A bold skirt",
        },
        {
            "item_id": "B01",
            "title": "JSON too",
            "brand": None,
            "categories": [],
            "price": None,
            "description": None,
        },
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{'asin': __import__('os').getcwd()}",
        "{'asin': 'a'",
        "{'asin': 'a'}; {}",
        "[" * 100_000,
        "-" * 100_000 + "1",
        "{" + " " * 2_000_000 + "'asin': 'a'}",
    ],
)
def test_python_literals_are_data_and_never_run(tmp_path: Path, line: str) -> None:
    write_gz(tmp_path / "reviews_X.json.gz", [REVIEW_2014])
    write_gz(tmp_path / "meta_X.json.gz", [META_2014, line])
    with pytest.raises(DataError, match=r"meta_X\.json\.gz:2: is n(either|ot) JSON"):
        list(Amazon2014(tmp_path).items())


def test_a_python_literal_is_refused_where_the_format_is_json(tmp_path: Path) -> None:
    write_gz(tmp_path / "X.json.gz", [REVIEW_2014])
    write_gz(tmp_path / "meta_X.json.gz", [META_2014])
    with pytest.raises(DataError, match=r"meta_X\.json\.gz:1: is not JSON"):
        list(Amazon2018(tmp_path).items())


def test_amazon_2018(tmp_path: Path) -> None:
    review = {
        "overall": 5.0,
        "verified": True,
        "reviewTime": "09 1, 2016",
        "reviewerID": "A3CIUOJXQ5VDQ2",
        "asin": "B0000530HU",
        "style": {"Size:": " 7.0 oz", "Flavor:": " Classic Ice Blue"},
        "unixReviewTime": 1472688000,
    }
    product = {
        "category": [
            "Industrial & Scientific",
            "Tapes &amp; Adhesives",
            "</span></span></span>",
            "Made in USA",
        ],
        "description": ["", "Strong <br>glue.", "Dries clear."],
        "title": "Gorilla&nbsp;Glue <i>8 oz</i>",
        "also_buy": ["B00"],
        "brand": "Visit Amazon's Ann Author Page",
        "feature": ["Waterproof"],
        "rank": "2,571,212inIndustrial & Scientific(",
        "main_cat": "Industrial & Scientific",
        "price": "$1,012.99",
        "asin": "B0000530HU",
    }
    scraped = {
        "category": [],
        "description": [],
        "title": "var aPageStart = (new Date()).getTime(); var ue_t0=ue_t0||+new Date();",
        "brand": "",
        "feature": ["Soft", "Warm"],
        "main_cat": '<img src="https://example.com/logo.png" class="nav-categ-image" alt="AMAZON FASHION"/>',
        "price": ".a-box-inner{background-color:#fff}#alohaBuyBoxWidget .selected{color:#000}",
        "asin": "B0000530HV",
    }
    plain = {"category": [], "main_cat": "Luxury Beauty", "title": "Soap", "asin": "B0000530HW", "price": ""}
    write_gz(tmp_path / "Industrial_and_Scientific_5.json.gz", [review])
    write_gz(tmp_path / "meta_Industrial_and_Scientific.json.gz", [product, scraped, plain])
    dump = Amazon2018(tmp_path)
    assert list(dump.interactions()) == [("A3CIUOJXQ5VDQ2", "B0000530HU", 1472688000.0)]
    assert list(dump.items()) == [
        {
            "item_id": "B0000530HU",
            "title": "Gorilla Glue 8 oz",
            "brand": "Ann Author",
            "categories": ["Industrial & Scientific", "Tapes & Adhesives"],
            "price": 1012.99,
            "description": "Strong glue. Dries clear.",
        },
        {
            "item_id": "B0000530HV",
            "title": None,
            "brand": None,
            "categories": [],
            "price": None,
            "description": "Soft Warm",
        },
        {
            "item_id": "B0000530HW",
            "title": "Soap",
            "brand": None,
            "categories": ["Luxury Beauty"],
            "price": None,
            "description": None,
        },
    ]


def test_amazon_2023(tmp_path: Path) -> None:
    review = {
        "rating": 5.0,
        "title": "Such a lovely scent",
        "images": [],
        "asin": "B00YQ6X8EO",
        "parent_asin": "B00YQ6X8EP",
        "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ",
        "timestamp": 1588687728923,
        "verified_purchase": True,
    }
    product = {
        "main_category": "All Beauty",
        "title": "Herbivore Sea Mist",
        "average_rating": 4.3,
        "rating_number": 384,
        "features": [],
        "description": ["A salt spray."],
        "price": 20.5,
        "store": "Howard Products",
        "categories": ["Beauty & Personal Care", "Hair Care"],
        "details": {"Brand": "Herbivore", "Package Dimensions": "7 x 2 x 1 inches"},
        "parent_asin": "B00YQ6X8EP",
        "bought_together": None,
    }
    sparse = {
        "main_category": "All Beauty",
        "title": "Clip",
        "features": ["Shiny"],
        "description": [],
        "price": "from 12.30",
        "store": "Yes To",
        "categories": [],
        "details": '{"Color": "red"}',
        "parent_asin": "B2",
    }
    nothing = {
        "main_category": None,
        "title": "",
        "price": "\u2014",
        "store": None,
        "details": "{",
        "parent_asin": "B3",
    }
    write_gz(tmp_path / "All_Beauty.jsonl.gz", [review])
    write_gz(tmp_path / "meta_All_Beauty.jsonl.gz", [product, sparse, nothing])
    dump = Amazon2023(tmp_path)
    assert list(dump.interactions()) == [("AGKHLEW2SOWHNMFQIJGBECAF7INQ", "B00YQ6X8EP", 1588687728.923)]
    assert list(dump.items()) == [
        {
            "item_id": "B00YQ6X8EP",
            "title": "Herbivore Sea Mist",
            "brand": "Herbivore",
            "categories": ["Beauty & Personal Care", "Hair Care"],
            "price": 20.5,
            "description": "A salt spray.",
        },
        {
            "item_id": "B2",
            "title": "Clip",
            "brand": "Yes To",
            "categories": ["All Beauty"],
            "price": 12.3,
            "description": "Shiny",
        },
        {
            "item_id": "B3",
            "title": None,
            "brand": None,
            "categories": [],
            "price": None,
            "description": None,
        },
    ]


BAD_REVIEWS = [
    ('{"asin": "a", "unixReviewTime": 1}', "has no 'reviewerID'"),
    ('{"reviewerID": "u", "unixReviewTime": 1}', "has no 'asin'"),
    ('{"reviewerID": 5, "asin": "a", "unixReviewTime": 1}', "reviewerID must be a string, not 5"),
    ('{"reviewerID": "u", "asin": "", "unixReviewTime": 1}', "asin is empty"),
    ('{"reviewerID": "u", "asin": "a"}', "unixReviewTime must be a finite number, not None"),
    ('{"reviewerID": "u", "asin": "a", "unixReviewTime": true}', "must be a finite number, not True"),
    ('{"reviewerID": "u", "asin": "a", "unixReviewTime": "soon"}', "must be a finite number, not 'soon'"),
    ('{"reviewerID": "u", "asin": "a", "unixReviewTime": "nan"}', "must be a finite number, not 'nan'"),
    ('{"reviewerID": "u", "asin": "a", "unixReviewTime": 1588687728923}', "looks like milliseconds"),
    ('["u", "a", 1]', "is not an object"),
    ("{", "is not JSON"),
]


@pytest.mark.parametrize(("line", "message"), BAD_REVIEWS)
@pytest.mark.parametrize("reader", [Amazon2014, Amazon2018])
def test_a_bad_review_is_named_by_its_line(
    tmp_path: Path, reader: type[Amazon2014 | Amazon2018], line: str, message: str
) -> None:
    write_gz(tmp_path / "X.json.gz", [REVIEW_2014, line])
    write_gz(tmp_path / "meta_X.json.gz", [{"asin": "a"}])
    with pytest.raises(DataError) as caught:
        list(reader(tmp_path).interactions())
    assert caught.value.line == 2
    assert message in caught.value.message


def test_seconds_in_the_2023_format_are_refused(tmp_path: Path) -> None:
    write_gz(tmp_path / "X.jsonl.gz", [{"user_id": "u", "parent_asin": "a", "timestamp": 1588687728}])
    write_gz(tmp_path / "meta_X.jsonl.gz", [{"parent_asin": "a"}])
    with pytest.raises(DataError, match=r"X\.jsonl\.gz:1: timestamp 1588687728 looks like seconds"):
        list(Amazon2023(tmp_path).interactions())


def test_a_product_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    for name in ("X.json", "meta_X.json"):
        (tmp_path / name).write_text('{"title": "plain files are read too"}\n')
    for reader, key in ((Amazon2014, "asin"), (Amazon2018, "asin"), (Amazon2023, "parent_asin")):
        with pytest.raises(DataError, match=f"meta_X.json:1: has no '{key}'"):
            list(reader(tmp_path).items())


@pytest.mark.parametrize(
    "names", [[], ["X.json.gz"], ["meta_X.json.gz"], ["X.json", "Y.json", "meta_X.json"]]
)
def test_an_amazon_folder_needs_one_file_of_each_kind(tmp_path: Path, names: list[str]) -> None:
    for name in [*names, "notes.txt", ".X.json.part"]:
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        Amazon2018(tmp_path)
    assert f"found: {', '.join(names) or 'none'}" in caught.value.message
    with pytest.raises(DataError, match="is not a folder"):
        Amazon2018(tmp_path / "missing")


@pytest.mark.parametrize(
    ("price", "dollars"),
    [
        ("$12.99", 12.99),
        ("$1,299.00", 1299.0),
        ("12", 12.0),
        (" $ 5.00 - $9.99 ", 5.0),
        ("from 12.30", 12.3),
        (7, 7.0),
        (0.0, 0.0),
        ("", None),
        ("\u2014", None),
        ("None", None),
        ("$", None),
        ("$12.99.1", None),
        ("12.99 EUR", None),
        (".a-box-inner{margin:0}", None),
        (-1, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        (["$1"], None),
    ],
)
def test_prices(price: object, dollars: float | None) -> None:
    assert parse_price(price) == dollars


def test_scraped_text_is_cleaned_and_harmless_text_is_kept() -> None:
    assert clean_text("  Salt &amp; <b>Pepper</b>\x00\n\tset ") == "Salt & Pepper set"
    assert clean_text("I <3 cats") == "I <3 cats"
    assert clean_text("Caf\u00e9 \ud83d\ude00 \ud800") == "Caf\u00e9"
    assert clean_text(" <br/> ") is None
    assert clean_text(["a"]) is None
    assert clean_title("Date().getTime()") is None
    assert clean_path("Beauty") == []
    assert clean_path(["Beauty", None, " "]) == ["Beauty"]
