"""The phase of the sentences: what it learns, what it leaves alone, and where it has nothing to do."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.training.laser_scene import Scene
from tests.training_world import ITEMS, no_progress, record
from training.sentence_phase import SentenceConfig, SentencePhase
from training.sentences import Attributes, Sentences

CONFIG = SentenceConfig(epochs=4, rows=120, learning_rate=0.02, batch_size=32)


def phase(config: SentenceConfig = CONFIG, bare: bool = False) -> SentencePhase:
    """An untrained side with a head on the checkerboard; `bare` items have nothing to be spoken of."""
    scene = Scene(users=80, sentence_head=True)
    records = [record(row) for row in range(ITEMS)]
    known = [{"item_id": item["item_id"], "title": item["title"]} for item in records] if bare else records
    matrix = scene.trainer.item_matrix(scene.side)
    sentences = Sentences(Attributes.read(known))
    made = SentencePhase(scene.encoding, scene.side, matrix, sentences, config, 0.05, 0, no_progress)
    made.rows = scene.trainer.rows  # type: ignore[attr-defined]
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    made, lines = phase(), []
    start = {name: tensor.clone() for name, tensor in made.side.state_dict().items()}
    nobody_speaks = made.encoding.text.embed(
        made.side, [made.encoding.items.history([1, 3])], made.encoding.collaborative
    )
    result = made.run(
        made.rows,  # type: ignore[attr-defined]
        tmp_path_factory.mktemp("state") / "sentences.state",
        lambda stage, metrics: lines.append((stage, dict(metrics))),
    )
    return SimpleNamespace(phase=made, start=start, quiet=nobody_speaks, result=result, lines=lines)


def test_only_the_head_moves(trained: SimpleNamespace) -> None:
    after = trained.phase.side.state_dict()
    moved = {name for name, tensor in trained.start.items() if not torch.equal(tensor, after[name])}
    assert moved == {"sentence_head.gain.weight", "sentence_head.gain.bias", "sentence_head.map.weight"}
    assert not any(parameter.requires_grad for parameter in trained.phase.head.parameters())


def test_who_says_nothing_gets_the_same_embedding_to_the_bit(trained: SimpleNamespace) -> None:
    text, items, collaborative = trained.phase.encoding
    again = text.embed(trained.phase.side, [items.history([1, 3])], collaborative)
    np.testing.assert_array_equal(again, trained.quiet)


def test_opposite_sentences_are_told_apart_better_than_before(trained: SimpleNamespace) -> None:
    assert {stage for stage, _ in trained.lines} == {"sentences"}
    values = [line["validation"] for _, line in trained.lines]
    assert trained.result.best_value == max(values) > values[0]
    losses = [line["loss"] for _, line in trained.lines if "loss" in line]
    assert losses[-1] < losses[0]


def test_rows_are_pairs_of_opposites_and_bounded() -> None:
    made = phase(SentenceConfig(epochs=1, rows=11))
    spoken = made.spoken(made.rows)  # type: ignore[attr-defined]
    assert len(spoken) == 10
    for one, other in zip(spoken[::2], spoken[1::2], strict=True):
        assert one.said.about == other.said.about
        assert one.said.positive != other.said.positive


def test_what_was_read_is_embedded_as_the_encoder_does() -> None:
    made = phase()
    torch.nn.init.normal_(made.side.residual.weight, std=0.1)
    torch.nn.init.normal_(made.head.gain.weight, std=0.1)
    spoken = made.spoken(made.rows)[:6]  # type: ignore[attr-defined]
    text, items, collaborative = made.encoding
    histories = [
        items.history(row.history)._replace(constraint=text.prompts.sentence(row.sentence)) for row in spoken
    ]
    expected = text.embed(made.side, histories, collaborative)
    with torch.no_grad():
        np.testing.assert_allclose(made.embed(made.read(spoken)).numpy(), expected, atol=1e-5)


def test_where_nothing_can_be_said_nothing_is_trained(tmp_path: Path) -> None:
    made = phase(bare=True)
    assert made.run(made.rows, tmp_path / "state", lambda *_: None) is None  # type: ignore[attr-defined]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "epochs must be at least 0, not -1"),
        ({"rows": 0}, "rows must be at least 1, not 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0, not 0.0"),
    ],
)
def test_a_setting_that_cannot_work_is_named(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SentenceConfig(**changes)  # type: ignore[arg-type]
