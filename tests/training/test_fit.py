"""The resumable loop on a model of five numbers: what it selects, when it stops, and that a kill changes nothing."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from training.fit import FitConfig, FitResult, fit, seed_everything

EPOCHS = 6


class Killed(Exception):
    """Stands for the end of the process."""


class Job:
    """A regression that draws from every source of randomness, and can be killed before, in or after an epoch."""

    def __init__(self, state: Path, kill: tuple[str, int] | None = None, values: list[float] | None = None):
        torch.manual_seed(11)
        self.model = nn.Sequential(nn.Linear(4, 1), nn.Dropout(0.2))
        self.state, self.kill, self.values = state, kill, values
        self.lines: list[tuple[str, dict[str, float]]] = []
        self.epochs: list[int] = []
        self.validations = 0

    def run(self, start_is_a_candidate: bool = False, **changes: int) -> FitResult:
        config = FitConfig(
            **{"epochs": EPOCHS, "patience": EPOCHS, "learning_rate": 0.05, "seed": 7, **changes}
        )
        return fit(
            "job",
            self.model,
            config,
            self._epoch,
            self._validate,
            self.state,
            self._log,
            start_is_a_candidate,
        )

    def weights(self) -> Tensor:
        return torch.cat([value.detach().flatten() for value in self.model.parameters()])

    def _log(self, stage: str, metrics: Mapping[str, float]) -> None:
        self.lines.append((stage, dict(metrics)))

    def _epoch(self, optimizer: torch.optim.Optimizer, rng: np.random.Generator, epoch: int) -> float:
        self.epochs.append(epoch)
        self.model.train()
        total = 0.0
        for step in range(3):
            if self.kill == ("epoch", epoch) and step == 2:
                raise Killed  # two steps of this epoch are already in the weights
            inputs = torch.from_numpy(rng.random((8, 4))).float() + torch.rand(8, 4) + random.random()
            loss = (self.model(inputs).squeeze(1) - inputs.sum(dim=1)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / 3

    def _validate(self) -> float:
        self.validations += 1
        if self.kill and self.kill[0] == "validate" and self.epochs and self.epochs[-1] == self.kill[1]:
            raise Killed
        self.model.eval()
        if self.values is not None:  # a script: the value after epoch -1, 0, 1, ...
            return self.values[(self.epochs[-1] if self.epochs else -1) + 1]
        with (
            torch.no_grad()
        ):  # the output climbs past 2.3, so that the best epoch is neither the first nor the last
            return -abs(float(self.model(torch.ones(1, 4))) - 2.3)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[FitResult, Tensor]:
    """The run that nobody interrupted."""
    job = Job(tmp_path_factory.mktemp("whole") / "job.state")
    return job.run(), job.weights()


def test_the_uninterrupted_run_has_its_best_epoch_in_the_middle(whole: tuple[FitResult, Tensor]) -> None:
    assert 0 < whole[0].best_epoch < EPOCHS - 1
    assert whole[0].epochs == EPOCHS


@pytest.mark.parametrize("epoch", range(EPOCHS))
@pytest.mark.parametrize("moment", ["epoch", "validate"])
def test_a_run_killed_anywhere_ends_bit_equal(
    moment: str, epoch: int, whole: tuple[FitResult, Tensor], tmp_path: Path
) -> None:
    state = tmp_path / "job.state"
    with pytest.raises(Killed):
        Job(state, kill=(moment, epoch)).run()
    torch.manual_seed(999)  # another process would stand elsewhere
    resumed = Job(state)
    assert resumed.run() == whole[0]
    assert resumed.epochs == list(range(epoch, EPOCHS))  # finished epochs are not run again
    assert torch.equal(resumed.weights(), whole[1])


def test_a_run_killed_at_every_epoch_in_turn_ends_bit_equal(
    whole: tuple[FitResult, Tensor], tmp_path: Path
) -> None:
    for epoch in range(EPOCHS):
        with pytest.raises(Killed):
            Job(tmp_path / "job.state", kill=("epoch", epoch)).run()
    last = Job(tmp_path / "job.state")
    assert last.run() == whole[0]
    assert torch.equal(last.weights(), whole[1])


def test_training_goes_on_from_the_newest_weights_not_from_the_best(tmp_path: Path) -> None:
    values = [0, 0.5, 0.1, 0.2, 0.9, 0.3, 0.3]  # when epoch 3 is the best, epoch 0 was until then
    whole = Job(tmp_path / "whole.state", values=values)
    whole.run()
    with pytest.raises(Killed):
        Job(tmp_path / "job.state", kill=("epoch", 3), values=values).run()
    resumed = Job(tmp_path / "job.state", values=values)
    assert resumed.run().best_epoch == 3
    assert torch.equal(resumed.weights(), whole.weights())


def test_a_finished_run_is_only_read_again(whole: tuple[FitResult, Tensor], tmp_path: Path) -> None:
    Job(tmp_path / "job.state").run()
    again = Job(tmp_path / "job.state")
    assert again.run(start_is_a_candidate=True) == whole[0]
    assert (again.epochs, again.validations, again.lines) == ([], 0, [])
    assert torch.equal(again.weights(), whole[1])


def test_another_seed_gives_another_result(whole: tuple[FitResult, Tensor], tmp_path: Path) -> None:
    other = Job(tmp_path / "job.state")
    other.run(seed=8)
    assert not torch.equal(other.weights(), whole[1])


def test_the_best_epochs_weights_are_left_in_the_model(tmp_path: Path) -> None:
    short = Job(tmp_path / "short.state", values=[0, 0.1, 0.5])
    short.run(epochs=2)
    job = Job(tmp_path / "job.state", values=[0, 0.1, 0.5, 0.2, 0.5, 0.4, 0.3])
    assert job.run() == FitResult(best_epoch=1, best_value=0.5, epochs=6)  # of equals the first
    assert torch.equal(job.weights(), short.weights())


def test_patience_counts_epochs_without_a_better_value(tmp_path: Path) -> None:
    job = Job(tmp_path / "job.state", values=[0, 0.2, 0.3, 0.3, 0.1, 0.9, 0.9])
    assert job.run(patience=2) == FitResult(best_epoch=1, best_value=0.3, epochs=4)
    job = Job(tmp_path / "other.state", values=[0, 0.2, 0.3, 0.3, 0.1, 0.9, 0.8])
    assert job.run(patience=3) == FitResult(best_epoch=4, best_value=0.9, epochs=6)


def test_patience_holds_across_a_resume(tmp_path: Path) -> None:
    values = [0, 0.2, 0.1, 0.1, 0.9]
    with pytest.raises(Killed):
        Job(tmp_path / "job.state", kill=("epoch", 2), values=values).run(patience=2)
    resumed = Job(tmp_path / "job.state", values=values)
    assert resumed.run(patience=2) == FitResult(best_epoch=0, best_value=0.2, epochs=3)


def test_the_start_competes_only_where_it_is_a_candidate(tmp_path: Path) -> None:
    values = [0.9, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1]
    job = Job(tmp_path / "job.state", values=values)
    untouched = job.weights()
    assert job.run(start_is_a_candidate=True, patience=3) == FitResult(-1, 0.9, 3)
    assert torch.equal(job.weights(), untouched)
    assert job.lines[0] == ("job", {"epoch": -1, "validation": 0.9})
    other = Job(tmp_path / "other.state", values=values)
    assert other.run() == FitResult(2, 0.3, 6)
    assert other.validations == 6
    assert not torch.equal(other.weights(), untouched)


def test_without_epochs_the_start_is_the_result(tmp_path: Path) -> None:
    job = Job(tmp_path / "job.state", values=[0.9])
    untouched = job.weights()
    assert job.run(start_is_a_candidate=True, epochs=0) == FitResult(-1, 0.9, 0)
    assert torch.equal(job.weights(), untouched)


def test_the_start_still_competes_after_a_resume(tmp_path: Path) -> None:
    values = [0.9, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1]
    with pytest.raises(Killed):
        Job(tmp_path / "job.state", kill=("epoch", 1), values=values).run(start_is_a_candidate=True)
    resumed = Job(tmp_path / "job.state", values=values)
    untouched = resumed.weights()
    assert resumed.run(start_is_a_candidate=True) == FitResult(-1, 0.9, 6)
    assert torch.equal(resumed.weights(), untouched)


def test_frozen_parameters_are_neither_trained_nor_stored(tmp_path: Path) -> None:
    job = Job(tmp_path / "job.state")
    linear = job.model[0]
    assert isinstance(linear, nn.Linear)
    linear.bias.requires_grad_(False)
    bias = linear.bias.clone()
    job.run(epochs=1, weight_decay=1)
    assert torch.equal(linear.bias, bias)
    with safe_open(tmp_path / "job.state", framework="pt") as stored:
        assert [key for key in stored.keys() if "bias" in key] == []  # noqa: SIM118


def test_a_line_an_epoch_says_loss_validation_and_time(tmp_path: Path) -> None:
    job = Job(tmp_path / "job.state", values=[0, 0.25, 0.5])
    job.run(epochs=2)
    assert [(stage, line["epoch"], line["validation"]) for stage, line in job.lines] == [
        ("job", 0, 0.25),
        ("job", 1, 0.5),
    ]
    assert all(line["loss"] > 0 and line["seconds"] >= 0 for _, line in job.lines)


def test_state_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "job.state"
    with pytest.raises(Killed):
        Job(state, kill=("epoch", 2)).run()
    before = state.read_bytes()

    def torn(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
        Path(path).write_bytes(before[:100])
        raise Killed

    monkeypatch.setattr("training.fit.save_file", torn)
    with pytest.raises(Killed):
        Job(state).run()
    assert state.read_bytes() == before
    monkeypatch.undo()
    assert Job(state).run().epochs == EPOCHS
    assert [path.name for path in tmp_path.iterdir()] == ["job.state"]


def test_moments_come_back_on_the_device_of_their_weights(tmp_path: Path) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with pytest.raises(Killed):
        Job(tmp_path / "job.state", kill=("epoch", 1)).run()
    resumed = Job(tmp_path / "job.state")
    resumed.model.to(device)
    seen: list[tuple[str, dict[str, float]]] = []
    keep = resumed._epoch

    def look(optimizer: torch.optim.Optimizer, rng: np.random.Generator, epoch: int) -> float:
        for parameter, moments in optimizer.state.items():
            assert moments["exp_avg"].device == parameter.device
            seen.append((str(parameter.device.type), {"step": float(moments["step"])}))
        return keep(optimizer, rng, epoch) if device == "cpu" else 0.0

    resumed._epoch = look  # type: ignore[method-assign]
    resumed._validate = lambda: 0.0  # type: ignore[method-assign]
    resumed.run(epochs=2)
    assert seen == [(device, {"step": 3.0})] * 2  # weight and bias, after one epoch of three steps


def test_the_progress_of_a_state_is_readable_metadata(tmp_path: Path) -> None:
    Job(tmp_path / "job.state", values=[0, 0.25, 0.125]).run(epochs=2)
    with safe_open(tmp_path / "job.state", framework="pt") as stored:
        assert json.loads(stored.metadata()["progress"]) == {"epoch": 1, "best_epoch": 0, "best_value": 0.25}


def test_an_epoch_can_be_drawn_again_and_differs_from_its_neighbours() -> None:
    def draws(seed: int, epoch: int) -> tuple[float, float, float]:
        rng = seed_everything(seed, epoch)
        return float(rng.random()), float(torch.rand(1)), random.random()

    assert draws(1, 2) == draws(1, 2)
    assert len({value for pair in [(1, 2), (1, 3), (2, 2), (1, -1)] for value in draws(*pair)}) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": -1}, "epochs must be at least 0 and patience at least 1, not -1 and 6"),
        ({"patience": 0}, "epochs must be at least 0 and patience at least 1, not 6 and 0"),
        ({"learning_rate": 0}, "learning_rate must be above 0, not 0"),
    ],
)
def test_settings_that_cannot_train_are_refused(
    changes: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        Job(tmp_path / "job.state").run(**changes)
