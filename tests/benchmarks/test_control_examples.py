"""The examples in docs/control.md are what the parser says today."""

import pytest

from benchmarks.control_bench.examples import PAGE, Reader, films, main, table, with_table


@pytest.fixture(scope="module")
def reader() -> Reader:
    return films()


def test_the_page_has_the_examples_of_today(reader: Reader) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_table(page, table(reader)) == page, "python -m benchmarks.control_bench.examples --write"


def test_a_row_says_what_filters_steers_and_is_ignored(reader: Reader) -> None:
    said = table(
        reader, ("no horror, maybe French", "either French or a comedy", "happy Monday", "in Klingon")
    )
    assert said.splitlines()[2:] == [
        "| no horror, maybe French | genres not_eq Horror | language eq French |  |  |  |",
        "| either French or a comedy | language eq French or genres eq Comedy |  |  |  |  |",
        "| happy Monday |  |  |  | happy Monday |  |",
        "| in Klingon |  |  |  |  | unknown_value: Klingon |",
    ]


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="examples: begin"):
        with_table("# Control\n", "| said |\n")


def test_the_command_prints_the_table(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.control_bench.examples.films", lambda: reader)
    assert main([]) == 0
    assert capsys.readouterr().out == table(reader)
