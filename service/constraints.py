"""What the service makes of a sentence. In this version: text, and nothing but text.

The cleaned sentence enters the prompt and steers softly. It never filters: a condition that must hold goes
into `filter`. The answer repeats what the encoder was given, so nobody has to guess.
"""

from dataclasses import dataclass

from model.prompts import clean


@dataclass(frozen=True)
class Constraint:
    """A sentence, taken apart. `as_text` is what the encoder reads; "" where nothing was said."""

    as_text: str = ""


def parse(sentence: str) -> Constraint:
    """Clean a sentence as the prompt would: control and format characters dropped, white space folded."""
    return Constraint(clean(sentence))
