"""The shape of Laser: prompt, M-Former and read-out, checked on construction and saved as JSON beside the weights.

How Laser is trained is configured in training/config.py; nothing here depends on data.
"""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal

EMBEDDED = "all-MiniLM-L6-v2"

PAPER_INSTRUCTION = (
    "You are an intelligent recommendation assistant. Please summarize the user's characteristics into a single "
    "token based on the browsing history. In chronological order, the user has browsed the following items:"
)
SHORT_INSTRUCTION = "Summarize the browsing history into a single token:"


@dataclass(frozen=True)
class BackboneConfig:
    """Which backbone: a hub id, a folder, or the embedded default; how it is run is decided at load time."""

    name: str = EMBEDDED
    revision: str | None = None
    untested: bool = False

    def to_dict(self) -> dict[str, object]:
        """The fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class PromptConfig:
    """The one template for users and items (3.1.1).

    `item_mark` stands before every item; `{n}` is its number in the history. `item_tokens` and
    `constraint_tokens` bound one item's text and the sentence; `max_tokens` bounds the whole text, and the oldest
    items are dropped first. `vector_tokens` bounds the text behind an item's frozen vector, made once an item.
    """

    instruction: str = SHORT_INSTRUCTION
    item_mark: str = ";"
    item_tokens: int = 12
    vector_tokens: int = 64
    constraint_tokens: int = 32
    max_tokens: int = 96

    def __post_init__(self) -> None:
        for name in ("item_tokens", "vector_tokens", "constraint_tokens", "max_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"prompt.{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class MFormerConfig:
    """The MoE querying transformer (3.2): `experts` sets of `prefix_tokens` queries through `blocks` blocks.

    `gate` keeps the router's gradient alive, which the paper's arg max does not: "straight_through" multiplies by
    p / stop_gradient(p), "switch" by p itself (Fedus et al. 2021).
    """

    experts: int = 4
    prefix_tokens: int = 8
    blocks: int = 2
    width: int = 128
    heads: int = 4
    top_k: int = 1
    gate: Literal["straight_through", "switch"] = "straight_through"
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name, least in (("experts", 1), ("prefix_tokens", 0), ("blocks", 1), ("width", 1), ("heads", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"m_former.{name} must be at least {least}, not {getattr(self, name)}")
        if not 1 <= self.top_k <= self.experts:
            raise ValueError(f"m_former.top_k must lie in 1..{self.experts} (experts), not {self.top_k}")
        if self.gate not in ("straight_through", "switch"):
            raise ValueError(f"m_former.gate must be straight_through or switch, not {self.gate!r}")


@dataclass(frozen=True)
class LaserConfig:
    """Everything that decides the shape of Laser's trainable weights and what it reads out.

    `read_out`: "suffix" is the paper's (the output at the suffix token, eq. 2); "residual" adds the suffix, through
    a map that starts at zero, to the recency-weighted mean of the history's frozen item vectors; "mean" averages the
    text tokens' outputs (the paper's ablation). `suffix`: "learned", or "end", the tokenizer's own end token, frozen
    (the paper's ablation). `sources` names the collaborative states the M-Former reads; without any the prefix is
    learned alone, and without prefix tokens there is none. `base_prefix` adds a learned prefix to the M-Former's;
    `whiten` whitens the frozen item vectors; `decay` is where the recency weight of the residual read-out starts.
    `sentence_head`: a sentence's own words choose how much it weighs in the residual read-out, and its sign.
    """

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    m_former: MFormerConfig = field(default_factory=MFormerConfig)
    text_fields: tuple[str, ...] = ("title", "brand", "categories")
    sources: tuple[str, ...] = ("sasrec", "bert4rec", "gru4rec")
    read_out: Literal["residual", "suffix", "mean"] = "residual"
    suffix: Literal["learned", "end"] = "learned"
    base_prefix: bool = True
    whiten: bool = True
    decay: float = 0.7
    max_history: int = 20
    sentence_head: bool = False

    def __post_init__(self) -> None:
        if self.read_out not in ("residual", "suffix", "mean"):
            raise ValueError(f"read_out must be residual, suffix or mean, not {self.read_out!r}")
        if self.suffix not in ("learned", "end"):
            raise ValueError(f"suffix must be learned or end, not {self.suffix!r}")
        if self.sources and not self.m_former.prefix_tokens:
            raise ValueError(
                f"m_former.prefix_tokens is 0, which leaves {', '.join(self.sources)} no way in: empty sources too"
            )
        if self.sentence_head and self.read_out != "residual":
            raise ValueError(f"sentence_head needs the residual read_out, not {self.read_out!r}")
        if not 0 < self.decay < 1:
            raise ValueError(f"decay must lie in (0, 1), not {self.decay}")
        if self.max_history < 1:
            raise ValueError(f"max_history must be at least 1, not {self.max_history}")

    def to_dict(self) -> dict[str, object]:
        """The fields, nested, ready for JSON; a sentence head that is not there is not named, as in older files."""
        plain = asdict(self)
        if not self.sentence_head:
            del plain["sentence_head"]
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LaserConfig":
        """Rebuild from `to_dict`. Raises ValueError naming a key that is unknown."""
        nested = {"backbone": BackboneConfig, "prompt": PromptConfig, "m_former": MFormerConfig}
        given = {key: _build(nested[key], value) if key in nested else value for key, value in values.items()}
        for key in ("text_fields", "sources"):
            if key in given:
                given[key] = tuple(given[key])
        result: LaserConfig = _build(cls, given)
        return result


def _build(cls: Any, values: Any) -> Any:
    if is_dataclass(values):
        return values
    unknown = set(values) - {entry.name for entry in fields(cls)}
    if unknown:
        raise ValueError(f"{cls.__name__} has no setting {', '.join(sorted(unknown))}")
    return cls(**values)
