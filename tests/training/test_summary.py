"""Results as lines of text."""

from training.summary import summary


def test_facts_stand_in_two_columns_and_nested_names_are_joined() -> None:
    result = {"users": 12345, "lengths": {"mean_length": 7.51234, "least": None}, "folder": "data"}
    assert (
        summary(result)
        == "users                12,345\nlengths mean length  7.512\nfolder               data"
    )


def test_a_list_of_texts_names_its_first_line_only() -> None:
    assert summary({"warnings": ("one", "two")}) == "warnings  one\n          two"


def test_a_list_of_mappings_is_a_line_for_each_name_without_what_is_false() -> None:
    attributes = [{"name": "brand", "coverage": 0.5, "types": ("text",), "as_text": False}]
    assert summary({"attributes": attributes}) == "attributes brand  coverage 0.5, types text"
