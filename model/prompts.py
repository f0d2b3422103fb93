"""The one template for users and items (3.1.1), as token ids.

    instruction  >> 1. TITLE (brand: B, category: C)  >> 2. ...  [sentence]

An item is a user whose history is that single item. Items are tokenised once, at index time; a request's prompt is
a concatenation of stored token ids. Text is data: control characters are dropped and special tokens in it are split
into ordinary ones, so no title or sentence can end the prompt or pose as a virtual token.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from model.config import PromptConfig

if TYPE_CHECKING:  # a process that only reads sentences does not load it
    from transformers import PreTrainedTokenizerBase

SENTENCE_MARK = "Wish:"
NAMES = {"categories": "category"}
TOGETHER = 1_000  # texts tokenised in one call
TOKENIZING = Lock()  # transformers may change a tokenizer's settings within a call


def clean(text: str) -> str:
    """Drop control, format and surrogate characters, and fold white space."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    kept = "".join(c for c in kept if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn"))
    return " ".join(kept.split())


def item_text(record: Mapping[str, object], text_fields: Sequence[str]) -> str:
    """`TITLE (brand: B, category: ROOT > ... > LEAF)`: the title, then what else the fields name; missing ones go.

    A category is its whole path. Differs from the paper's examples, where category equals brand: a bug in its data.
    """
    title = clean(str(record.get("title") or ""))
    details = []
    for name in text_fields:
        value = record.get(name)
        if name == "title" or value is None:
            continue
        parts = value if isinstance(value, (list, tuple)) else [value]
        texts = [text for text in (clean(str(part)) for part in parts) if text]
        if texts:
            written = (" > " if name == "categories" else ", ").join(texts)
            details.append(f"{NAMES.get(name, name)}: {written}")
    if not details:
        return title
    return f"{title} ({', '.join(details)})".strip()


class PromptLengths(NamedTuple):
    """How many tokens the parts of a prompt have."""

    frame: int  # start, instruction and end
    marks: tuple[int, ...]  # before each item of a history of so many; [0] is nobody's
    item: int  # at most
    sentence_mark: int
    sentence: int  # at most
    prompt: int  # at most

    def of(self, items: Sequence[int], sentence: int = 0) -> int:
        """How many tokens `Prompts.prompt` gives, at most, for items and a sentence of so many tokens."""
        used = self.frame + (self.sentence_mark + min(sentence, self.sentence) if sentence else 0)
        mark = self.marks[len(items)]
        for item in reversed(items):
            more = min(item, self.item) + mark
            if used + more > self.prompt:
                break
            used += more
        return used


class Prompts:
    """Builds token ids for one tokenizer and one template."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", config: PromptConfig, max_positions: int
    ) -> None:
        self._tokenizer = tokenizer
        self.config = config
        self._start = _known(
            tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
        )
        self._end = _known(tokenizer.sep_token_id)  # decoders have none: their text ends with itself
        self._instruction = self._ids(config.instruction)
        self._sentence_mark = self._ids(SENTENCE_MARK)
        self._mark = cache(lambda n: tuple(self._ids(config.item_mark.replace("{n}", str(n)))))
        self.max_tokens = min(config.max_tokens, max_positions)
        ends = len(self._start) + len(self._end)
        frame = ends + len(self._instruction) + len(self._mark(1))
        sentence = len(self._sentence_mark) + config.constraint_tokens
        if frame + config.item_tokens + sentence > self.max_tokens:
            raise ValueError(
                f"a prompt of {self.max_tokens} tokens cannot hold the instruction ({frame}), one item "
                f"({config.item_tokens}) and a sentence ({sentence}); raise prompt.max_tokens or shorten one of them"
            )
        if ends + config.vector_tokens > max_positions:
            raise ValueError(
                f"prompt.vector_tokens is {config.vector_tokens}, but the backbone reaches {max_positions} "
                f"tokens, {ends} of them its own"
            )

    def item(self, text: str) -> list[int]:
        """Token ids of one item's text; a blank text is one unknown token. A prompt uses the first `item_tokens`."""
        return self.items([text])[0]

    def items(self, texts: Sequence[str]) -> list[list[int]]:
        """`item` of many texts, which takes the tokenizer half as long as one after another."""
        longest = max(self.config.item_tokens, self.config.vector_tokens)
        unknown = self._ids("unknown")[:1]
        parts = [texts[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)]
        return [ids[:longest] or unknown.copy() for part in parts for ids in self._many_ids(part)]

    def sentence(self, text: str) -> tuple[int, ...]:
        """Token ids of a constraint sentence, at most `constraint_tokens`; () if nothing is left of it."""
        return tuple(self._ids(clean(text))[: self.config.constraint_tokens])

    def plain(self, text: Sequence[int]) -> list[int]:
        """A text alone between the tokenizer's own start and end: what the frozen backbone averages."""
        return [*self._start, *text, *self._end]

    def prompt(self, items: Sequence[Sequence[int]], sentence: Sequence[int] = ()) -> list[int]:
        """The whole text of one user: the newest items that fit the budget, oldest first, then the sentence."""
        tail = [*self._sentence_mark, *sentence[: self.config.constraint_tokens]] if sentence else []
        room = self.max_tokens - len(self._start) - len(self._end) - len(self._instruction) - len(tail)
        kept: list[Sequence[int]] = []
        for item in reversed(items):
            item = item[: self.config.item_tokens]
            room -= len(item) + len(self._mark(len(items)))
            if room < 0:
                break
            kept.append(item)
        history = [token for n, item in enumerate(reversed(kept), 1) for token in (*self._mark(n), *item)]
        return [*self._start, *self._instruction, *history, *tail, *self._end]

    def lengths(self, longest: int) -> PromptLengths:
        """What tells how long prompts get, of histories of up to `longest` items."""
        return PromptLengths(
            len(self._start) + len(self._end) + len(self._instruction),
            tuple(len(self._mark(n)) for n in range(longest + 1)),
            self.config.item_tokens,
            len(self._sentence_mark),
            self.config.constraint_tokens,
            self.max_tokens,
        )

    def _ids(self, text: str) -> list[int]:
        return self._many_ids([text])[0]

    def _many_ids(self, texts: Sequence[str]) -> list[list[int]]:
        with TOKENIZING:
            return self._tokenized(texts)

    def _tokenized(self, texts: Sequence[str]) -> list[list[int]]:
        # The leading space makes byte-level tokenizers see a word's beginning, wherever the piece ends up.
        encoded = self._tokenizer(
            [" " + text for text in texts],
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return [list(ids) if text else [] for text, ids in zip(texts, encoded["input_ids"], strict=True)]


def _known(token: int | list[int] | None) -> list[int]:
    if token is None:
        return []
    return [token] if isinstance(token, int) else list(token)
