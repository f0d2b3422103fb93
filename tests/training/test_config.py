"""Presets, and overrides by dotted name: what they give, and which key an error names."""

import json

import pytest

from model.config import LaserConfig
from training.config import FUSION_SOURCES, ConfigError, FusionConfig, RunConfig, preset
from training.train_id_recommenders import IdTrainingConfig

PROMPT = ["instruction", "item_mark", "item_tokens", "vector_tokens", "constraint_tokens", "max_tokens"]
PRESETS = ["cpu", "gpu", "paper", "faithful", "demo"]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_one_that_can_run_and_survives_json(name: str) -> None:
    config = preset(name)
    plain = json.loads(json.dumps(config.to_dict()))
    assert LaserConfig.from_dict(plain["laser"]) == config.laser
    assert set(config.laser.sources) <= set(config.id_recommenders.kinds)


def test_a_phase_that_is_off_is_not_written_down() -> None:
    """So a run from before there was one agrees with a run without it."""
    off, on = (preset("cpu", {"sentences.epochs": epochs}).to_dict() for epochs in ("0", "3"))
    assert "sentences" not in off
    assert "sentence_head" not in off["laser"]
    assert on.pop("sentences")["epochs"] == 3
    assert on == off


def test_the_default_is_cpu() -> None:
    assert preset("cpu") == RunConfig()


def test_paper_is_appendix_b() -> None:
    paper = preset("paper")
    former, training = paper.laser.m_former, paper.training
    assert (former.experts, former.prefix_tokens) == (8, 32)  # K, L
    assert (former.blocks, former.width, former.heads) == (12, 768, 12)
    assert (training.temperature, training.balance) == (0.05, 0.01)  # tau, lambda
    assert (training.learning_rate, training.batch_size) == (1e-4, 4)
    assert (training.phase1_epochs, training.phase2_epochs) == (15, 5)
    assert (training.in_batch, training.state_dropout) == (0, 0)
    assert (paper.laser.sources, paper.laser.read_out) == (("bert4rec",), "suffix")
    assert paper.laser.prompt.instruction.startswith("You are an intelligent recommendation assistant.")
    assert (paper.laser.prompt.item_mark, paper.fusion.sources) == (">> {n}.", ())
    assert not paper.laser.base_prefix
    assert not paper.laser.whiten


def test_faithful_is_the_published_method_without_additions_of_ours() -> None:
    faithful = preset("faithful")
    assert (faithful.laser.sources, faithful.laser.read_out) == (("bert4rec",), "suffix")
    assert (faithful.training.in_batch, faithful.training.state_dropout) == (0, 0)
    assert faithful.fusion.sources == ()
    assert faithful.id_recommenders.text_start == preset("paper").id_recommenders.text_start == 0


def test_the_demo_is_the_default_with_less_of_everything() -> None:
    demo, default = preset("demo"), preset("cpu")
    assert demo.laser == default.laser
    assert demo.training.rows_per_epoch < default.training.rows_per_epoch
    assert demo.id_recommenders.epochs < default.id_recommenders.epochs
    assert demo.sentences.rows < default.sentences.rows


def test_paper_and_faithful_train_no_recommender_that_they_do_not_read() -> None:
    assert preset("paper").id_recommenders.kinds == preset("faithful").id_recommenders.kinds == ("bert4rec",)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("laser.m_former.experts", "8", 8),
        ("laser.prompt.instruction", "in short:", "in short:"),
        ("laser.read_out", "mean", "mean"),
        ("laser.whiten", "false", False),
        ("laser.base_prefix", "TRUE", True),
        ("laser.sources", "gru4rec, sasrec", ("gru4rec", "sasrec")),
        ("laser.sources", "", ()),
        ("laser.backbone.name", "some/model", "some/model"),
        ("laser.backbone.revision", "abc", "abc"),
        ("training.learning_rate", "1e-4", 1e-4),
        ("training.balance", "0", 0.0),
        ("training.phase2_epochs", "0", 0),
        ("id_recommenders.width", "32", 32),
        ("fusion.sources", "neighbours,popularity", ("neighbours", "popularity")),
        ("fusion.neighbours.decays", "0.5, 1", (0.5, 1.0)),
    ],
)
def test_an_override_sets_one_value_of_the_right_type_and_nothing_else(
    key: str, text: str, value: object
) -> None:
    config = preset("cpu", {key: text})
    found: object = config
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value)
    before, after = preset("cpu").to_dict(), config.to_dict()
    for part in key.split(".")[:-1]:
        before, after = before[part], after[part]
    assert {name for name in before if before[name] != after[name]} <= {key.split(".")[-1]}


def test_overrides_are_made_together_whatever_their_order() -> None:
    for order in (1, -1):
        related = [("laser.m_former.top_k", "6"), ("laser.m_former.experts", "8")]
        assert preset("cpu", dict(related[::order])).laser.m_former.top_k == 6
        related = [("id_recommenders.kinds", "gru4rec"), ("laser.sources", "gru4rec")]
        assert preset("cpu", dict(related[::order])).id_recommenders.kinds == ("gru4rec",)
        related = [("laser.m_former.width", "30"), ("laser.m_former.heads", "3")]
        assert preset("cpu", dict(related[::order])).laser.m_former.width == 30


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"nothing": "1"},
            "nothing: no setting 'nothing'; there are laser, training, id_recommenders, fusion, sentences",
        ),
        (
            {"laser.prompt.instructions": "1"},
            "laser.prompt.instructions: no setting 'instructions'; there are " + ", ".join(PROMPT),
        ),
        ({"laser.m_former": "8"}, "laser.m_former names a group; add one of its settings"),
        ({"laser.decay.x": "8"}, "laser.decay.x: decay has no settings below it"),
        ({"laser.m_former.experts": "many"}, "laser.m_former.experts: 'many' is no int"),
        ({"training.balance": "x"}, "training.balance: 'x' is no float"),
        ({"laser.whiten": "yes"}, "laser.whiten: 'yes' is no bool"),
        (
            {"laser.m_former.top_k": "9"},
            "laser.m_former.top_k=9: m_former.top_k must lie in 1..4 (experts), not 9",
        ),
        ({"training.temperature": "0"}, "training.temperature=0: temperature must be above 0, not 0.0"),
        (
            {"laser.m_former.width": "30"},
            "laser.m_former.width=30: laser.m_former.width 30 is not divisible by 4 m_former.heads",
        ),
        (
            {"id_recommenders.kinds": "gru4rec"},
            "id_recommenders.kinds=gru4rec: laser.sources names bert4rec, sasrec, which id_recommenders.kinds lacks",
        ),
        (
            {"fusion.sources": "popularity,Markov"},
            f"fusion.sources=popularity,Markov: fusion.sources names 'Markov'; there are {', '.join(FUSION_SOURCES)}",
        ),
    ],
)
def test_an_error_names_the_key_and_the_value(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        preset("cpu", overrides)
    assert str(caught.value) == message


def test_an_unknown_preset_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        ConfigError, match="there is no preset 'cup'; choose one of cpu, gpu, paper, faithful, demo"
    ):
        preset("cup")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sources": ("popularity", "popularity")}, "fusion.sources names a source twice"),
        (
            {"sources": ("EASE",)},
            "fusion.sources names 'EASE'; there are id_recommenders, popularity, neighbours",
        ),
    ],
)
def test_a_fusion_that_cannot_be_fitted_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FusionConfig(**values)  # type: ignore[arg-type]


def test_kinds_that_only_the_fusion_reads_are_allowed() -> None:
    config = RunConfig(laser=LaserConfig(sources=()), id_recommenders=IdTrainingConfig(kinds=("sasrec",)))
    assert config.fusion.sources == FUSION_SOURCES
