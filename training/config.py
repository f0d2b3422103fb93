"""How a run is configured: four presets, and overrides by dotted name.

cpu       the default: MiniLM, every published idea that pays on it, sized for two cores
gpu       the same recipe with a larger M-Former, longer prompts and bigger batches, for one CUDA device
paper     the published settings of appendix B (K 8, L 32, 12 blocks of width 768), read out at the suffix
faithful  the published method, sized for two cores: suffix read-out, one BERT4Rec source, no additions of ours
demo      `cpu`, shortened for the bundled films
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, cast

from model.config import PAPER_INSTRUCTION, LaserConfig, MFormerConfig, PromptConfig
from model.fusion import NEIGHBOURS, POPULARITY
from training.collective_ease import NeighbourConfig
from training.sentence_phase import SentenceConfig
from training.train_id_recommenders import IdTrainingConfig
from training.train_laser import LaserTrainingConfig

ID_RECOMMENDERS = "id_recommenders"
FUSION_SOURCES = (ID_RECOMMENDERS, POPULARITY, NEIGHBOURS)


class ConfigError(Exception):
    """A preset or an override does not exist or does not fit; the message names it."""


@dataclass(frozen=True)
class FusionConfig:
    """What may join the embedding in the served score; without `sources` the vector is z and nothing is added."""

    sources: tuple[str, ...] = FUSION_SOURCES
    neighbours: NeighbourConfig = field(default_factory=NeighbourConfig)

    def __post_init__(self) -> None:
        for name in self.sources:
            if name not in FUSION_SOURCES:
                raise ValueError(f"fusion.sources names {name!r}; there are {', '.join(FUSION_SOURCES)}")
        if len(set(self.sources)) < len(self.sources):
            raise ValueError("fusion.sources names a source twice")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run besides data, seed and machine."""

    laser: LaserConfig = field(default_factory=LaserConfig)
    training: LaserTrainingConfig = field(default_factory=LaserTrainingConfig)
    id_recommenders: IdTrainingConfig = field(default_factory=IdTrainingConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    sentences: SentenceConfig = field(default_factory=SentenceConfig)

    def __post_init__(self) -> None:
        missing = set(self.laser.sources) - set(self.id_recommenders.kinds)
        if missing:
            raise ValueError(
                f"laser.sources names {', '.join(sorted(missing))}, which id_recommenders.kinds lacks"
            )
        former = self.laser.m_former
        if former.width % former.heads:
            raise ValueError(
                f"laser.m_former.width {former.width} is not divisible by {former.heads} m_former.heads"
            )

    def to_dict(self) -> dict[str, Any]:
        """The fields, nested, as JSON gives them back.

        What is off has no settings: a run from before there was such a thing agrees with one without it.
        """
        plain = asdict(self) | {"laser": self.laser.to_dict()}
        if not self.sentences.epochs:
            del plain["sentences"]
        if not self.training.users:
            del plain["training"]["users"]
        copied: dict[str, Any] = json.loads(json.dumps(plain))
        return copied


def preset(name: str, overrides: Mapping[str, str] | None = None) -> RunConfig:
    """A preset by name with overrides such as {"laser.m_former.experts": "8"}. Raises ConfigError."""
    if name not in _PRESETS:
        raise ConfigError(f"there is no preset {name!r}; choose one of {', '.join(_PRESETS)}")
    return cast(RunConfig, _override(_PRESETS[name], overrides or {}))


def _override(config: Any, changes: Mapping[str, str], above: str = "") -> Any:
    """The dataclass with `changes`, dotted names below `above`, made at once: settings may depend on each other."""
    known = {entry.name: getattr(config, entry.name) for entry in fields(config)}
    given: dict[str, dict[str, str]] = {}
    for key, value in changes.items():
        name, _, below = key.partition(".")
        if name not in known:
            raise ConfigError(f"{above}{key}: no setting {name!r}; there are {', '.join(known)}")
        if not is_dataclass(known[name]) and below:
            raise ConfigError(f"{above}{key}: {name} has no settings below it")
        if is_dataclass(known[name]) and not below:
            raise ConfigError(f"{above}{key} names a group; add one of its settings")
        given.setdefault(name, {})[below] = value
    new = {}
    for name, below_it in given.items():
        group = is_dataclass(known[name])
        full = f"{above}{name}"
        new[name] = (
            _override(known[name], below_it, f"{full}.") if group else _parse(below_it[""], known[name], full)
        )
    try:
        return replace(config, **new)
    except ValueError as error:
        said = ", ".join(f"{above}{key}={value}" for key, value in changes.items())
        raise ConfigError(f"{said}: {error}") from error


def _parse(value: str, current: object, key: str) -> object:
    """Read the text as the type the setting has now; a tuple is comma-separated, empty for none."""
    try:
        if isinstance(current, bool):
            return {"true": True, "false": False}[value.lower()]
        if isinstance(current, tuple):
            kind = type(current[0]) if current else str
            return tuple(kind(part.strip()) for part in value.split(",") if part.strip())
        if isinstance(current, (int, float)):
            return type(current)(value)
        return value
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{key}: {value!r} is no {type(current).__name__}") from error


_CPU = RunConfig()
_PAPER = LaserConfig(
    prompt=PromptConfig(instruction=PAPER_INSTRUCTION, item_mark=">> {n}.", item_tokens=32, max_tokens=512),
    m_former=MFormerConfig(experts=8, prefix_tokens=32, blocks=12, width=768, heads=12),
    sources=("bert4rec",),
    read_out="suffix",
    base_prefix=False,
    whiten=False,
)
_PUBLISHED_LOSS = LaserTrainingConfig(in_batch=0.0, state_dropout=0.0)
_PRESETS: dict[str, RunConfig] = {
    "cpu": _CPU,
    "gpu": replace(
        _CPU,
        laser=LaserConfig(
            prompt=PromptConfig(max_tokens=256),
            m_former=MFormerConfig(experts=8, prefix_tokens=16, blocks=4, width=256, heads=8),
            max_history=50,
        ),
        training=LaserTrainingConfig(
            phase1_epochs=10, phase2_epochs=15, batch_size=256, rows_per_epoch=200_000
        ),
    ),
    "paper": RunConfig(
        laser=_PAPER,
        training=replace(
            _PUBLISHED_LOSS,
            phase1_epochs=15,
            phase2_epochs=5,
            learning_rate=1e-4,
            batch_size=4,
            rows_per_epoch=10**9,
        ),
        id_recommenders=IdTrainingConfig(kinds=("bert4rec",), text_start=0.0),
        fusion=FusionConfig(sources=()),
    ),
    "faithful": RunConfig(
        laser=LaserConfig(sources=("bert4rec",), read_out="suffix", base_prefix=False, whiten=False),
        training=replace(_PUBLISHED_LOSS, phase1_epochs=4, phase2_epochs=2),
        id_recommenders=IdTrainingConfig(kinds=("bert4rec",), text_start=0.0),
        fusion=FusionConfig(sources=()),
    ),
    "demo": replace(
        _CPU,
        training=LaserTrainingConfig(
            phase1_epochs=3, phase2_epochs=1, rows_per_epoch=1_500, validation_users=500
        ),
        id_recommenders=IdTrainingConfig(epochs=25),
        sentences=SentenceConfig(rows=2_000),
    ),
}
