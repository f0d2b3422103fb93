"""The estimate before a run: positive, growing with everything that costs, and said in one line."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from model.config import BackboneConfig
from model.encoder import TextEncoder
from tests.tiny import tiny_backbone
from tests.training_world import ITEMS, checkerboard, record, tiny_overrides, write_world
from training import estimate as module
from training.config import RunConfig, preset
from training.data import Dataset, load_dataset
from training.estimate import Estimate, estimate, print_estimate

GIB = 2**30


REAL_PROBE = module._probe


@pytest.fixture(autouse=True)
def _steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone of known speed, so that only what is counted decides."""
    monkeypatch.setattr(module, "_probe", lambda text: (3e-5, 1e-5))


def configured(**more: str) -> RunConfig:
    return preset("cpu", tiny_overrides(BackboneConfig(name="tiny"), **more))


def encoder(config: RunConfig) -> TextEncoder:
    return TextEncoder(config.laser, tiny_backbone())


def dataset(folder: Path, users: int = 60, copies: int = 1) -> Dataset:
    records = [record(row % ITEMS) | {"item_id": f"i{row:02d}"} for row in range(ITEMS * copies)]
    return load_dataset(write_world(folder, checkerboard(users), records))


def of(folder: Path, users: int = 60, copies: int = 1, **more: str) -> Estimate:
    config = configured(**more)
    return estimate(config, dataset(folder, users, copies), encoder(config))


def test_an_estimate_is_at_least_what_the_libraries_take(tmp_path: Path) -> None:
    found = of(tmp_path / "data")
    assert found.seconds > 0
    assert 0.8 * GIB < found.memory < 1.2 * GIB


def test_time_grows_with_users_items_and_epochs(tmp_path: Path) -> None:
    least = of(tmp_path / "a").seconds
    assert of(tmp_path / "b", users=120).seconds > least
    assert of(tmp_path / "c", copies=3).seconds > least
    for number, key in enumerate(
        ("training__phase1_epochs", "training__phase2_epochs", "id_recommenders__epochs")
    ):
        assert of(tmp_path / f"d{number}", **{key: "20"}).seconds > least


def test_time_grows_by_each_row_with_a_sentence(tmp_path: Path) -> None:
    without, some, all_rows = (
        of(tmp_path / name, sentences__epochs=epochs, sentences__rows=rows).seconds
        for name, epochs, rows in (("a", "0", "100"), ("b", "8", "100"), ("c", "8", "1000"))
    )
    assert some - without == pytest.approx(100 * 100 * 1e-5)  # 100 rows of 100 tokens, 10 us each
    assert all_rows - without == pytest.approx(120 * 100 * 1e-5)  # two of each of 60 users


def test_time_is_bounded_by_the_rows_of_an_epoch_and_by_the_kinds_that_are_trained(tmp_path: Path) -> None:
    least = of(tmp_path / "a", training__rows_per_epoch="10").seconds
    assert least < of(tmp_path / "b").seconds
    assert of(tmp_path / "e", training__users="10").seconds == pytest.approx(least)
    without = {"laser__sources": "", "id_recommenders__kinds": ""}
    assert of(tmp_path / "c", **without).seconds < of(tmp_path / "d", laser__sources="").seconds


def test_without_training_the_users_are_still_encoded_once(tmp_path: Path) -> None:
    none = {"training__phase1_epochs": "0", "training__phase2_epochs": "0"}
    none |= {"laser__sources": "", "id_recommenders__kinds": "", "sentences__epochs": "0"}
    # 60 users of 3 prefix tokens, a suffix and the 96 text tokens that a prompt is cut to, 10 us each.
    assert of(tmp_path / "data", **none).seconds == pytest.approx(60 * 100 * 1e-5)


def test_an_epoch_of_phase_1_learns_from_users_and_positives_and_encodes_the_items_twice(
    tmp_path: Path,
) -> None:
    alone = {"laser__sources": "", "id_recommenders__kinds": "", "sentences__epochs": "0"}
    one = of(tmp_path / "a", **alone, training__phase1_epochs="1", training__phase2_epochs="0").seconds
    user, item = 100, 4 + 9 + 12  # of an item: virtual tokens, `[CLS]sum up:;[SEP]`, its own
    learned, encoded = 60 * user + 60 * item, 60 * user + 2 * 40 * item + 60 * user
    assert one == pytest.approx(learned * 3e-5 + encoded * 1e-5)
    two = of(tmp_path / "b", **alone, training__phase1_epochs="1", training__phase2_epochs="1").seconds
    assert two - one == pytest.approx(60 * user * 4e-5)  # phase 2 learns from users alone


def test_memory_grows_with_items_and_has_room_for_ease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of(tmp_path / "a", copies=3).memory > of(tmp_path / "b").memory
    monkeypatch.setattr(module, "ease_items", lambda items: 20_000)
    with_ease = of(tmp_path / "c").memory
    assert with_ease - of(tmp_path / "d", fusion__sources="").memory > 2.5 * GIB  # 20,000^2 cells of 8 bytes
    assert with_ease - of(tmp_path / "e", fusion__sources="popularity").memory > 2.5 * GIB


def test_a_sampled_softmax_costs_its_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = of(tmp_path / "a", id_recommenders__epochs="1000", copies=3)
    monkeypatch.setattr(module, "SOFTMAX_LIMIT", 30)
    monkeypatch.setattr(module, "SAMPLED_NEGATIVES", 20)
    sampled = of(tmp_path / "b", id_recommenders__epochs="1000", copies=3)
    assert sampled.seconds < full.seconds
    assert sampled.memory < full.memory


def test_the_probe_measures_forward_and_backward() -> None:
    step, forward = REAL_PROBE(encoder(configured()))
    assert 0 < forward < step < 0.01


def test_it_is_said_in_one_line(tmp_path: Path) -> None:
    config, console = configured(), Console(file=io.StringIO(), width=300)
    print_estimate(config, dataset(tmp_path / "data"), encoder(config), console)
    assert console.file.getvalue() == (  # type: ignore[attr-defined]
        "checkerboard: 60 users, 40 items. At most about 0 minutes and 0.9 GiB on this machine; early stopping usually "
        "ends sooner.\n"
    )
