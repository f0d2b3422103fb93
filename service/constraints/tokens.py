"""Words, numbers and signs of a sentence, in the form in which they are compared.

Values of the catalogue go through the same steps, so both sides agree on what a word is: lower case without
accents and apostrophes, "&" is "and", "e.l.f." is "elf", and a plural has the stem of its singular,
a word of British spelling that of the American.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from service.constraints.variants import one_spelling

TOKEN = re.compile(
    r"""(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+|,[0-9]{2}(?![0-9]))?|\.[0-9]+)
    |(?P<initials>(?:[^\W\d_]\.){2,}[^\W\d_]?(?![^\W\d_]))
    |(?P<word>[^\W\d_]+(?:['\u2019`][^\W\d_]+)*)
    |(?P<sign><=|>=|[$€£¥₹<>≤≥~≈%+&/:;,.!?=()\u2013\u2014-])""",
    re.VERBOSE,
)
SAME = {"&": "and", "\u2013": "-", "\u2014": "-", "≈": "~", "≤": "<=", "≥": ">="}
IRREGULAR = {
    "children": "child", "feet": "foot", "men": "man", "people": "person", "teeth": "tooth", "wives": "wife",
    "women": "woman", "lives": "life", "knives": "knife", "wolves": "wolf", "mice": "mouse",
}  # fmt: skip

ENDINGS = ("ing", "ion", "ed", "er", "or", "e")
SHORTEST_ROOT = 3


class Token(NamedTuple):
    """One word, number or sign."""

    text: str  # as written
    word: str  # folded
    stem: str
    number: float | None
    start: int  # characters in the sentence
    end: int
    glued: bool  # nothing between it and the one before

    @property
    def is_word(self) -> bool:
        """Letters, not a number and not a sign."""
        return self.word[:1].isalpha()

    @property
    def is_capital(self) -> bool:
        """Written with a capital letter first."""
        return self.text[:1].isupper()


def tokenize(text: str) -> tuple[Token, ...]:
    """The tokens of a text; characters that are none of them are left out."""
    found: list[Token] = []
    end = 0
    for match in TOKEN.finditer(text):
        written = match.group()
        number = None
        if match.lastgroup == "number":
            number = _number(written)
        word = SAME.get(written) or _fold(written)
        if not word:  # combining marks alone
            continue
        stem = stem_of(word) if match.lastgroup == "word" else word
        found.append(Token(written, word, stem, number, match.start(), match.end(), match.start() == end))
        end = match.end()
    return tuple(found)


def stems(text: str) -> tuple[str, ...]:
    """The stems of a value's words and numbers; signs left out, but for those that are words."""
    return tuple(token.stem for token in tokenize(text) if token.is_word or token.number is not None)


@lru_cache(maxsize=65_536)
def stem_of(word: str) -> str:
    """The singular of an English plural, by its ending (Harman's S stemmer, 1991, and some irregular ones)."""
    stem = word
    if len(word) > 3:
        if word.endswith("ies"):
            stem = word[:-3] + "y"
        elif word.endswith("ie"):  # zombie, as its plural
            stem = word[:-2] + "y"
        elif word.endswith(("sses", "shes", "ches", "xes", "zes")) or (
            word.endswith("oes") and len(word) > 5
        ):
            stem = word[:-2]
        elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
            stem = word[:-1]
    return one_spelling(IRREGULAR.get(stem, stem))


@lru_cache(maxsize=65_536)
def root(stem: str) -> str:
    """What "directed" and "director", "rated" and "rating", "serves" and "servings" share."""
    for ending in ENDINGS:
        if stem.endswith(ending) and len(stem) - len(ending) >= SHORTEST_ROOT:
            return root(stem[: -len(ending)])
    return stem


def _fold(text: str) -> str:
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    if not text[:1].isalpha():
        return text
    return "".join(c for c in text.casefold() if c not in "'\u2019`.")


def _number(text: str) -> float:
    """12, 1,299.50, .5, and 12,50 with a decimal comma."""
    if re.fullmatch(r"[0-9]+,[0-9]{2}", text):
        return float(text.replace(",", "."))
    return float(text.replace(",", ""))
