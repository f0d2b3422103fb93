"""Configuration: what cannot work is refused when it is written, and JSON brings back what was saved."""

import json

import pytest

from model.config import BackboneConfig, LaserConfig, MFormerConfig, PromptConfig


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PromptConfig(item_tokens=0), "prompt.item_tokens must be at least 1, not 0"),
        (lambda: PromptConfig(max_tokens=-1), "prompt.max_tokens must be at least 1, not -1"),
        (lambda: MFormerConfig(prefix_tokens=-1), "m_former.prefix_tokens must be at least 0, not -1"),
        (lambda: MFormerConfig(blocks=0), "m_former.blocks must be at least 1, not 0"),
        (lambda: MFormerConfig(experts=2, top_k=3), r"m_former.top_k must lie in 1..2 \(experts\), not 3"),
        (lambda: MFormerConfig(top_k=0), "m_former.top_k must lie in 1..4"),
        (lambda: MFormerConfig(gate="hard"), "m_former.gate must be straight_through or switch, not 'hard'"),  # type: ignore[arg-type]
        (lambda: LaserConfig(read_out="cls"), "read_out must be residual, suffix or mean, not 'cls'"),  # type: ignore[arg-type]
        (lambda: LaserConfig(suffix="cls"), "suffix must be learned or end, not 'cls'"),  # type: ignore[arg-type]
        (
            lambda: LaserConfig(sources=("sasrec",), m_former=MFormerConfig(prefix_tokens=0)),
            "prefix_tokens is 0, which leaves sasrec no way in: empty sources too",
        ),
        (
            lambda: LaserConfig(read_out="suffix", sentence_head=True),
            "sentence_head needs the residual read_out, not 'suffix'",
        ),
        (lambda: LaserConfig(decay=1.0), r"decay must lie in \(0, 1\), not 1.0"),
        (lambda: LaserConfig(max_history=0), "max_history must be at least 1, not 0"),
    ],
)
def test_a_value_that_cannot_work_is_named(make: type, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_json_brings_back_every_setting() -> None:
    config = LaserConfig(
        backbone=BackboneConfig("folder", revision="abc", untested=True),
        prompt=PromptConfig(instruction="Say:", item_mark=">> {n}.", item_tokens=5),
        m_former=MFormerConfig(experts=3, top_k=2, gate="switch"),
        text_fields=("title",),
        sources=("gru4rec",),
        read_out="mean",
        suffix="end",
        base_prefix=False,
        whiten=False,
        decay=0.25,
        max_history=7,
    )
    assert LaserConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert LaserConfig.from_dict({}) == LaserConfig()
    with_head = LaserConfig(sentence_head=True)
    assert LaserConfig.from_dict(json.loads(json.dumps(with_head.to_dict()))) == with_head


def test_a_sentence_head_that_is_not_there_is_not_named() -> None:
    """So a checkpoint from before there were any, saved again, has the fingerprint it had."""
    assert "sentence_head" not in LaserConfig().to_dict()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour": 1, "brand": 2}, "LaserConfig has no setting brand, colour"),
        ({"m_former": {"depth": 1}}, "MFormerConfig has no setting depth"),
        ({"backbone": {"trust_remote_code": True}}, "BackboneConfig has no setting trust_remote_code"),
    ],
)
def test_an_unknown_setting_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LaserConfig.from_dict(values)
