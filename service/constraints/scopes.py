"""Signs and scopes: which of the things a sentence names are wanted, unwanted, asked for softly, or merely named.

A negation holds for what follows directly; over "or", "nor" and commas it goes on through a list of values, over
"and" only through values of the same column. "But", the end of a sentence, and a word of asking ("I want", "only")
end it. "Nothing but" and "not without" affirm; "no makeup except lipstick" takes an exception out; what stands
together under one negation is denied together: "no old horror films".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from service.constraints.element import Element
from service.constraints.lexicon import CONTRASTS, EXCEPTIONS, words
from service.constraints.tokens import Token

APART = frozenset(
    ["anything", "everything", "all", "any", "without", "except", "excluding", "apart", "other", "besides"]
)
NOT = frozenset(["not", "isnt", "arent", "aint", "non"])
IS = frozenset(["is", "are", "isnt", "arent"])
ALL = frozenset(["any", "every", "all", "each", "anywhere", "everywhere", "anybody", "everybody", "whatever"])
WHOLE = 4  # words from "any" to the "but" of "any colour but red"
MEANINGFUL = ("value", "range", "relative", "missing", "text")


@dataclass
class Mention:
    """One thing that the sentence names."""

    element: Element
    link: str  # to the mention before: "or", "and", "comma", "" (side by side), "break" (a new clause)
    negation: int = 0  # number of the negation it stands under, 0 for none
    soft: bool = False
    only_named: bool = False  # "not only horror"
    both: bool = False  # "both X and Y"
    exception: bool = False  # to the negated mention before it
    plain_not: bool = False  # right behind "not"
    free: bool = field(default=False)  # "sugar-free": negated by what follows

    @property
    def negative(self) -> bool:
        """It stands under a negation."""
        return self.negation > 0


class _Scanner:
    """State of one pass over the elements."""

    def __init__(self, elements: Sequence[Element], tokens: Sequence[Token]) -> None:
        self.elements = elements
        self.tokens = tokens
        self.mentions: list[Mention] = []
        self.negation = 0  # the open one
        self.negations = 0
        self.used = False  # the open negation has a mention
        self.soft = False
        self.both = False
        self.only_named = False
        self.exception = False
        self.link = "break"
        self.apart = False  # the open negation takes something out of everything: "anything but horror under two hours"
        self.gap = False  # fillers stood between the last mention and here

    def scan(self) -> list[Mention]:
        for place, element in enumerate(self.elements):
            if element.kind in MEANINGFUL:
                self._mention(element)
            elif element.kind == "negation":
                self._negation(place, element)
            elif element.kind == "denied":
                self._denied(place, element)
            elif element.kind == "optional" and self.mentions and self.link == "":
                self.mentions[-1].only_named = True  # "German not required"
            elif element.kind == "affirmation":
                self._affirmation(element)
            elif element.kind in ("break", "end"):
                if self._takes_out(place):
                    self._negation(place, element)
                else:
                    self._break(element)
            elif element.kind in ("or", "and", "comma"):
                self.link = (
                    element.kind if self.link in ("", "comma") or element.kind != "comma" else self.link
                )
                if element.kind == "comma":
                    self.soft = False
            elif element.kind == "not_only":
                self.only_named, self.negation, self.used = True, 0, False
            elif element.kind == "hedge":
                self._hedge(place)
            elif element.kind == "both":
                self.both = True
            elif element.kind in ("filler", "attribute"):
                self.gap = True
        return self.mentions

    def _mention(self, element: Element) -> None:
        if (self.negation or self.only_named) and self.used and not self._goes_on(element):
            self.negation, self.exception, self.only_named = 0, False, False
        mention = Mention(
            element, self.link, self.negation, self.soft, self.only_named, self.both, self.exception,
            element.first > 0 and self.tokens[element.first - 1].word in NOT,
        )  # fmt: skip
        self.mentions.append(mention)
        self.used = True
        self.link, self.gap = "", False

    def _goes_on(self, element: Element) -> bool:
        """Whether the open negation still holds for the next thing."""
        last = self.mentions[-1].element
        same = element.kind == last.kind == "value" and element.attribute == last.attribute
        if self.link == "":
            if element.kind == "range" and self.apart:
                return False
            return element.kind != "text" or last.kind == "text" or not self.gap
        if self.link == "or":
            return element.kind == last.kind or same
        if self.link == "and" and self.apart and element.kind == "value" and not self.gap:
            return True  # "anything except horror and zombies"
        if self.link in ("and", "comma"):
            return same or (element.kind == last.kind == "text" and self.link == "and")
        return False

    def _negation(self, place: int, element: Element) -> None:
        said = [token.word for token in self.tokens[element.first : element.last]]
        following = self.elements[place + 1].kind if place + 1 < len(self.elements) else "end"
        if said == ["no"] and following in ("comma", "end"):
            return  # "No, ..." answers somebody
        ends = following in ("end", "comma", "break")
        if ends and said[0] in IS and self.mentions and self.link == "" and not self.mentions[-1].negative:
            self.negations += 1
            self.mentions[-1].negation, self.negation = self.negations, 0  # "resorts are not"
            return
        if said == ["nor"] and self.negation:
            self.link = "or"
            return
        before = self.elements[place - 1] if place else None
        if before is not None and before.kind in ("negation", "filler", "affirmation") and self._undoes():
            self.negation = 0  # "not without", "nothing that has no"
            return
        if self.negation and self.used and " ".join(said) in _entries(EXCEPTIONS):
            self.exception = True
            self.link = ""
            return
        if self.only_named:
            self.only_named = False
        self.negations += 1
        self.negation, self.used, self.exception = self.negations, False, False
        self.apart = said[0] in APART
        if self.link == "":
            self.link = "comma"

    def _undoes(self) -> bool:
        """Whether a second negation takes the open one back: nothing was named since but nouns nobody knows."""
        if not self.negation or not self.used:
            return self.negation > 0
        under = [mention for mention in self.mentions if mention.negation == self.negation]
        if self.link != "" or not self.gap or any(mention.element.kind != "text" for mention in under):
            return False
        self.mentions = [mention for mention in self.mentions if mention not in under]
        return True  # "no bag that isn't red"

    def _takes_out(self, place: int) -> bool:
        """Whether a "but" takes something out of everything: "any colour but red", not "any colour, but no red"."""
        element = self.elements[place]
        if (
            self.tokens[element.first].word != "but"
            or element.last - element.first > 1
            or self.link == "comma"
        ):
            return False
        before = {token.word for token in self.tokens[max(0, element.first - WHOLE) : element.first]}
        following = self.elements[place + 1].kind if place + 1 < len(self.elements) else "end"
        named = bool(self.mentions) and self.mentions[-1].element.last > element.first - WHOLE
        return bool(before & ALL) and not named and following in (*MEANINGFUL, "filler")

    def _denied(self, place: int, element: Element) -> None:
        """ "Nail polish it isn't", "keep Tarantino away from me": what was named last is unwanted.

        "As long as it isn't red" denies what follows, like any other negation.
        """
        following = self.elements[place + 1].kind if place + 1 < len(self.elements) else "end"
        if self.tokens[element.last - 1].word in NOT and following in (*MEANINGFUL, "filler"):
            self._negation(place, element)
            return
        self.negations += 1
        understood = [mention for mention in self.mentions if mention.element.kind != "text"]
        for mention in reversed(understood or self.mentions):
            mention.negation = self.negations
            if mention.link not in ("or", "and"):
                break
        self.negation = 0

    def _affirmation(self, element: Element) -> None:
        said = [token.word for token in self.tokens[element.first : element.last]]
        strong = said[0] in ("nothing", "none", "no", "nobody")  # "nothing but"
        if strong or (self.negation and self.used):
            self.negation, self.exception = 0, False
            if self.link == "":
                self.link = "comma"
        self.gap = True

    def _break(self, element: Element) -> None:
        said = " ".join(token.word for token in self.tokens[element.first : element.last])
        named = self.only_named and said in _entries(CONTRASTS)
        self.negation, self.used, self.exception, self.both = 0, False, False, False
        if element.kind == "end" or not named:
            self.link = "break"
        else:
            self.link = "or"  # "not only horror but also comedy": either
        self.only_named = False
        self.soft = False

    def _hedge(self, place: int) -> None:
        """A hedge holds for what follows; at the end of its clause, for what stood before it."""
        following = self.elements[place + 1].kind if place + 1 < len(self.elements) else "end"
        behind = self.link == "" and following in ("end", "comma", "break")
        if self.mentions and (behind or (self.link == "comma" and following == "end")):
            self.mentions[-1].soft = True
        else:
            self.soft = True


def scan(elements: Sequence[Element], tokens: Sequence[Token]) -> list[Mention]:
    """Every thing the sentence names, in order, with its sign."""
    mentions = _Scanner(elements, tokens).scan()
    _free(mentions, tokens)
    return mentions


def _free(mentions: Sequence[Mention], tokens: Sequence[Token]) -> None:
    """ "peanut-free", "alcohol free": the word behind the value denies it."""
    for place, mention in enumerate(mentions[:-1]):
        behind = mentions[place + 1].element
        if (
            mention.element.kind == "value"
            and not mention.negative
            and behind.kind == "text"
            and tokens[behind.first].word == "free"
            and behind.first - mention.element.last <= 1
        ):
            mention.free = True


@cache
def _entries(text: str) -> frozenset[str]:
    single = words(text)
    return single | frozenset(
        entry.strip() for entry in text.replace("\n", "|").split("|") if " " in entry.strip()
    )
