"""What there is to know of a Laser besides its vectors, for a process that has others compute them.

Made from a Laser once, and pickled; nothing here needs torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from model.attacher import Attacher
from model.config import LaserConfig, PromptConfig
from model.prompts import PromptLengths


@dataclass(frozen=True)
class Outline:
    """One checkpoint and its backbone, by their fingerprints, with what a prompt of theirs costs."""

    config: LaserConfig
    fingerprint: str
    backbone_fingerprint: str
    width: int  # V
    lengths: PromptLengths
    ties: Attacher | None

    @property
    def text_fields(self) -> tuple[str, ...]:
        """The record fields that make an item's text; a change in any of them asks for a new vector."""
        return self.config.text_fields

    @property
    def max_history(self) -> int:
        """Items beyond it are dropped, oldest first."""
        return self.config.max_history

    @property
    def reading(self) -> tuple[str, PromptConfig]:
        """What decides the frozen vector of a text: the backbone, and how texts are cut."""
        return self.backbone_fingerprint, self.config.prompt

    def prompt_tokens(self, items: Sequence[int], sentence: int = 0) -> int:
        """What a history costs the backbone, in tokens: of items, oldest first, and a sentence of so many tokens."""
        virtual = self.config.m_former.prefix_tokens + 1
        return self.lengths.of(items[-self.max_history :], sentence) + virtual

    def attacher(self) -> Attacher | None:
        """What ties an item to a catalogue that it joins later; None where the fusion has no neighbours."""
        return self.ties
