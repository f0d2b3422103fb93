"""A second recommender beside the first: the frozen backbone is in memory once, and both encode as if alone."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.config import PromptConfig
from model.laser import Laser
from model.vectors import History
from service.batcher import Pace
from service.frozen_texts import FrozenTexts
from service.known_texts import KnownTexts
from service.loading import StartupError, load_recommender
from service.metrics import Metrics
from service.recommender import Recommender
from service.settings import Settings
from tests.service.bundle_world import add_bundle, backbone_named
from tests.service.world import write_bundle
from tests.tiny import save_tiny_backbone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Bundles "first" and "second"."""
    root = write_bundle(tmp_path)
    add_bundle(root, "second")
    return root


@pytest.fixture
def first(root: Path, settings: Settings) -> Iterator[Recommender]:
    recommender = load_recommender(settings.model_copy(update={"bundles": root}), Metrics())
    yield recommender
    recommender.close()


def laser_of(recommender: Recommender) -> Laser:
    assert isinstance(recommender.encoder, Laser)
    return recommender.encoder


def test_warming_up_says_nothing_of_the_pace(first: Recommender) -> None:
    """A first forward pass takes many times as long as the next: a queue judged by it would be refused."""
    assert first._stages._encoder._pace == Pace()


def test_the_frozen_backbone_is_shared_and_nothing_else(
    root: Path, first: Recommender, settings: Settings
) -> None:
    chosen = settings.model_copy(update={"bundles": root})
    second = load_recommender(chosen, Metrics(), "second", beside=first)
    assert second.versions.bundle == "second"
    assert laser_of(second).backbone is laser_of(first).backbone
    assert laser_of(second).user_side is not laser_of(first).user_side
    alone = load_recommender(chosen, Metrics(), "second")
    assert laser_of(alone).backbone is not laser_of(first).backbone
    for each in (second, alone):
        each.close()


def test_the_meanings_of_values_are_encoded_once_for_both(
    root: Path, first: Recommender, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(first.texts, KnownTexts)
    assert len(first.texts.first) > 10
    known = dict(first.texts.first)
    encoded: list[str] = []
    encode = FrozenTexts.vectors

    def noted(self: FrozenTexts, texts: Sequence[str]) -> np.ndarray:
        encoded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(FrozenTexts, "vectors", noted)
    second = load_recommender(
        settings.model_copy(update={"bundles": root}), Metrics(), "second", beside=first
    )
    assert not set(encoded) & set(known)
    assert isinstance(second.texts, KnownTexts)
    assert set(second.texts.first) == set(known)
    second.close()
    encoded.clear()
    laser_of(first).config = replace(laser_of(first).config, prompt=PromptConfig(constraint_tokens=3))
    third = load_recommender(settings.model_copy(update={"bundles": root}), Metrics(), "second", beside=first)
    assert set(encoded) >= set(known), "read in another way"
    third.close()


def test_a_checkpoint_of_another_backbone_brings_its_own(
    root: Path, first: Recommender, settings: Settings
) -> None:
    laser_of(first).backbone.fingerprint = "of other weights"
    second = load_recommender(
        settings.model_copy(update={"bundles": root}), Metrics(), "second", beside=first
    )
    assert laser_of(second).backbone is not laser_of(first).backbone
    second.close()


def test_foreign_bundles_are_refused_also_beside_one_that_answers(
    root: Path, first: Recommender, settings: Settings, tmp_path: Path
) -> None:
    """Whole and sealed, but not of this world: of another encoder, of altered weights, of weights that are not here."""
    altered = Path(save_tiny_backbone(tmp_path / "altered", seed=5).name)
    add_bundle(root, "altered", change=backbone_named(altered), encoder="0" * 64)
    add_bundle(root, "absent", change=backbone_named(tmp_path / "nowhere"), encoder="0" * 64)
    add_bundle(root, "claimed", encoder="0" * 64)
    chosen = settings.model_copy(update={"bundles": root})
    for bundle_id, says in {
        "altered": "was trained on a backbone with fingerprint",
        "absent": "cannot load the backbone",
        "claimed": "its vectors were made by encoder 000000000000",
    }.items():
        for beside in (None, first):
            with pytest.raises(StartupError, match=says):
                load_recommender(chosen, Metrics(), bundle_id, beside)


def test_two_that_share_a_backbone_encode_at_once_as_each_does_alone(
    root: Path, first: Recommender, settings: Settings
) -> None:
    second = load_recommender(
        settings.model_copy(update={"bundles": root}), Metrics(), "second", beside=first
    )
    lasers = [laser_of(first), laser_of(second)]
    texts = [{"title": f"thing number {n} of its kind"} for n in range(16)]
    expected = [laser.encode_items(texts).vectors for laser in lasers]
    found: dict[int, list[np.ndarray]] = {0: [], 1: []}

    def encode(which: int) -> None:
        for _ in range(10):
            found[which].append(lasers[which].encode_items(texts).vectors)

    threads = [threading.Thread(target=encode, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.close()
    for which in (0, 1):
        assert len(found[which]) == 10
        for vectors in found[which]:
            np.testing.assert_allclose(vectors, expected[which], atol=1e-6)


def test_what_another_thread_loads_in_16_bits_changes_no_vector(first: Recommender) -> None:
    """transformers sets torch's default format for all threads while it builds a model."""
    laser = laser_of(first)
    text = laser.encode_items([{"title": "thing 1"}])
    history = History(
        (None,), (tuple(text.token_ids[0]),), text.text_vectors, laser.tokenize_constraint("cheap")
    )
    expected = laser.encode_users([history])
    torch.set_default_dtype(torch.bfloat16)
    try:
        found = laser.encode_users([history])
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found, expected)
