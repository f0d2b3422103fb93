"""parse(sentence, vocabulary): what a sentence asks of this catalogue. Pure, deterministic, under a millisecond.

    tokens -> elements (what is named; talk is none of it) -> scopes (wanted or not) -> clauses, phrases, contradictions

What it cannot match with a word stays a phrase; meaning.py asks the encoder about those.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from model.prompts import clean
from service.constraints.choose import Missing
from service.constraints.clauses import clauses_of, condition_of
from service.constraints.compounds import find_compounds
from service.constraints.elements import Reader
from service.constraints.lexicon import word_set
from service.constraints.scopes import Mention, scan
from service.constraints.talk import without_talk
from service.constraints.tokens import Token, tokenize
from service.constraints.types import (
    Constraint,
    Contradiction,
    Phrase,
    Values,
)
from service.constraints.unknown import MAKERS, unknown_values
from service.constraints.vocabulary import Vocabulary

MACHINE_TOKENS = re.compile(
    r"\[/?(?:CLS|SEP|MASK|PAD|UNK|INST|SYS|BOS|EOS)\]|<[^<>]{1,20}>"
)  # of prompts and pages


def parse(sentence: str, vocabulary: Vocabulary) -> Constraint:
    """Take a sentence apart. Control and format characters are dropped first, as the prompt drops them."""
    text = clean(MACHINE_TOKENS.sub(" ", sentence))
    tokens = tokenize(text)
    if not tokens:
        return Constraint(text)
    elements = without_talk(tokens, Reader(text, tokens, vocabulary).read())
    if elements is None:
        return Constraint(text, phrases=(), ignored=(text,))
    mentions = scan(elements, tokens)
    unknown, claimed = unknown_values(text, tokens, elements, mentions, vocabulary)
    mentions = [mention for mention in mentions if mention.element.first not in claimed]
    missing = tuple(
        Contradiction(
            "unknown_attribute",
            f"No item of this catalogue has a {m.element.meaning.concept}.",
            _said(text, tokens, m),
        )
        for m in mentions
        if isinstance(m.element.meaning, Missing)
    )
    clauses, both = clauses_of(
        [m for m in mentions if condition_of(m) is not None and not m.only_named], vocabulary
    )
    return Constraint(
        text,
        clauses,
        (
            *_phrases(text, tokens, mentions, vocabulary),
            *(found for found in unknown if isinstance(found, Phrase)),
        ),
        find_compounds(text, tokens, mentions, vocabulary),
        tuple(m.element.meaning for m in mentions if m.only_named and isinstance(m.element.meaning, Values)),
        (*missing, *both, *(found for found in unknown if isinstance(found, Contradiction))),
    )


def _said(text: str, tokens: Sequence[Token], mention: Mention) -> str:
    return text[tokens[mention.element.first].start : tokens[mention.element.last - 1].end]


def _phrases(
    text: str, tokens: Sequence[Token], mentions: Sequence[Mention], vocabulary: Vocabulary
) -> tuple[Phrase, ...]:
    """Stretches of words that are no element, fillers between them kept; cut where the sign or the clause changes."""
    found: list[Phrase] = []
    stretch: list[Mention] = []
    before: Mention | None = None  # the stretch
    for mention in [*mentions, None]:
        joins = (
            mention is not None and bool(stretch) and mention.element.kind == "text"
            and mention.negation == stretch[-1].negation and mention.link in ("", "and", "or")
            and not mention.only_named
        )  # fmt: skip
        if stretch and not joins:
            found.append(_phrase(text, tokens, stretch, before, mention, vocabulary))
            before, stretch = stretch[-1], []
        if mention is not None and mention.element.kind == "text" and not mention.only_named:
            if tokens[mention.element.first].word == "free" and not stretch:
                continue
            stretch.append(mention)
        elif mention is not None:
            before = mention
    return tuple(found)


def _phrase(
    text: str,
    tokens: Sequence[Token],
    stretch: Sequence[Mention],
    before: Mention | None,
    behind: Mention | None,
    vocabulary: Vocabulary,
) -> Phrase:
    """One stretch, between the mentions around it."""
    start, last = stretch[0], stretch[-1]
    free = len(stretch) > 1 and tokens[last.element.first].word == "free"  # "dairy free"
    end = last.element.first - 1 if free else last.element.last - 1
    first, end = _with_nouns(tokens, start.element.first, end)
    words = text[tokens[first].start : tokens[end].end].rstrip("- ")
    beside = behind is not None and behind.link == "" and behind.negation == start.negation > 0
    include = (not start.negative or start.exception) != free
    otherwise = start.element.meaning if len(stretch) == 1 else None
    return Phrase(
        words,
        include,
        beside=_said(text, tokens, behind) if beside and behind is not None else "",
        either=_either(text, tokens, before, start, behind),
        name=_name(tokens, start.element.first, end, vocabulary),
        otherwise=(
            replace(otherwise, include=include, soft=start.soft) if isinstance(otherwise, Values) else None
        ),
    )


def _either(
    text: str, tokens: Sequence[Token], before: Mention | None, start: Mention, behind: Mention | None
) -> str:
    """The words of the value beside a stretch that it is an alternative to."""
    if start.negative:
        return ""
    for link, other in ((start.link, before), (behind.link if behind else "", behind)):
        if link == "or" and other is not None and other.element.kind == "value" and not other.negative:
            return _said(text, tokens, other)
    return ""


def _name(
    tokens: Sequence[Token], first: int, end: int, vocabulary: Vocabulary
) -> Literal["", "behind", "name", "maker"]:
    """Whether the words are `behind` "in" and the like, there written like a name, or like a maker's behind "from"."""
    before = tokens[first - 1].word if first else ""
    words = [token for token in tokens[first : end + 1] if token.is_word]
    if before not in word_set("BEFORE_NAMES"):
        return ""
    if not all(word.is_capital and word.word not in word_set("CALENDAR") for word in words):
        return "behind"
    return "maker" if before in MAKERS and vocabulary.names_things() else "name"


def _with_nouns(tokens: Sequence[Token], first: int, end: int) -> tuple[int, int]:
    """First and last token of a phrase with the general nouns around it: "something funny" and "funny films" mean more
    to the text model than "funny"."""
    behind = end + 1 < len(tokens) and tokens[end + 1].word in word_set("NOUNS")
    before = first > 0 and tokens[first - 1].word in word_set("PRONOUNS")
    return first - before, end + behind
