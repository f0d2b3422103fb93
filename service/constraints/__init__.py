"""Constraints: a sentence becomes conditions on this catalogue's attributes, and the answer says which.

    parse (words) -> read_phrases (meanings, with the encoder) -> obey (filter, counts) -> steering (what stays soft)

vocabulary.py is built once a bundle; everything after it is a pure function of the sentence, the vocabulary and the
phrases' vectors.
"""

from service.constraints.parse import parse
from service.constraints.types import Constraint, Phrase
from service.constraints.vocabulary import Vocabulary

__all__ = ["Constraint", "Phrase", "Vocabulary", "parse"]
