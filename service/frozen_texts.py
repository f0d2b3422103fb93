"""The frozen text model behind a Laser, unwhitened: what phrases and values are compared in."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from model.vectors import Vectors

if TYPE_CHECKING:
    from model.encoder import TextEncoder

WORD_START = "\u0120\u2581"  # how byte-pair and unigram tokenizers mark a word's first token


class TextReader(Protocol):
    """Reads texts, wherever it computes."""

    def vectors(self, texts: Sequence[str]) -> Vectors: ...
    def words(self) -> tuple[str, ...]: ...


class FrozenTexts:
    """A TextReader that computes here."""

    def __init__(self, text: "TextEncoder") -> None:
        """A TextEncoder of its own, without whitening."""
        self._text = text

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors float32 [n, D]."""
        longest = self._text.config.prompt.constraint_tokens
        return self._text.text_vectors([self._text.prompts.sentence(text) for text in texts], longest=longest)

    def words(self) -> tuple[str, ...]:
        """The words that are single tokens, most frequent first: those the model knows well."""
        ranked = sorted(self._text.backbone.tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        plain = (token.lstrip(WORD_START) for token, _ in ranked)
        return tuple(dict.fromkeys(word.casefold() for word in plain if word.isalpha()))
