"""The offline story, one run from a data folder to a checkpoint.

    data -> text vectors -> ID recommenders (two rounds each) -> phase 1 -> phase 2 -> sentences -> fusion -> checkpoint

Each stage leaves its state on disk; a run that was stopped goes on where it was with `resume=True`.
"""

import copy
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from model.backbone import Backbone, load_backbone
from model.bi_tuning import BiTuning
from model.checkpoint import save_checkpoint
from model.collaborative import Collaborative
from model.encoder import TextEncoder
from model.id_recommenders import IdRecommender
from model.laser import Laser
from model.whitening import fit_whitening
from training.config import ConfigError, RunConfig, preset
from training.data import DataError, Dataset, Split, leave_one_out, load_dataset
from training.estimate import print_estimate
from training.fit_fusion import fit_fusion
from training.folder import INFO_FILE, INTERACTIONS_FILE
from training.report import write_training_report
from training.residual_step import choose_step, take_step
from training.run_folder import RunFolder
from training.scorers import EmbeddingScorer, Encoding, TrainingItems
from training.sentence_phase import SentencePhase
from training.sentences import Attributes, Sentences
from training.train_id_recommenders import CrossFitted, hold_out_last, sample_rows, train_id_recommender
from training.train_laser import LaserTrainer

STEP_USERS = 8_000  # of validation, whom the residual step is chosen on


def train(
    data: Path,
    out: Path,
    preset_name: str = "cpu",
    seed: int = 0,
    resume: bool = False,
    device: str = "cpu",
    overrides: Mapping[str, str] | None = None,
    console: Console | None = None,
) -> Path:
    """Train on a canonical data folder and return the checkpoint's folder inside the run folder `out`.

    Raises DataError, ConfigError, RunError or BackboneError with one clear line on bad input.
    """
    started = time.monotonic()
    dataset = load_dataset(data)
    _check_users(dataset)
    if "laser.text_fields" in (overrides or {}):
        raise ConfigError(f"laser.text_fields: 'text' in {data / INFO_FILE} says what an item's text is")
    if "laser.sentence_head" in (overrides or {}):
        raise ConfigError("laser.sentence_head: sentences.epochs decides whether one is trained")
    config = _settled(preset(preset_name, overrides), dataset)
    console = console or Console(stderr=True)
    description = {
        "preset": preset_name,
        "config": config.to_dict(),
        "seed": seed,
        "data_hash": dataset.data_hash,
    }
    backbone = load_backbone(config.laser.backbone, device)
    try:
        text = TextEncoder(config.laser, backbone)
    except ValueError as error:
        raise ConfigError(f"laser.prompt: {error}") from error
    run = RunFolder(out, description, resume, console)
    print_estimate(config, dataset, text, console)
    with run.progress():
        laser = Training(config, dataset, run, text, seed).run()
    save_checkpoint(laser, run.checkpoint)
    run.log("done", {"seconds": time.monotonic() - started})
    page = write_training_report(out, dataset.info.name)
    console.print(f"report: {page}")
    return run.checkpoint


class Training:
    """One run's stages over one data set, in the order of the story."""

    def __init__(
        self, config: RunConfig, dataset: Dataset, run: RunFolder, text: TextEncoder, seed: int
    ) -> None:
        self.config, self.dataset, self.folder, self.text, self.seed = config, dataset, run, text, seed
        self.split: Split = leave_one_out(dataset.histories)
        self.backbone: Backbone = text.backbone

    def run(self) -> Laser:
        """All stages; returns the finished Laser."""
        items = self.read_items()
        recommenders = self.train_id_recommenders(items.text_vectors)
        honest = self.config.id_recommenders.cross_fit
        read = {kind: pair.cross_fitted if honest else pair.final for kind, pair in recommenders.items()}
        states = self._collaborative(read)
        final = self._collaborative({kind: pair.final for kind, pair in recommenders.items()})
        item_side, user_side, matrix = self.train_laser(items, states)
        alone = EmbeddingScorer("Laser", Encoding(self.text, items, states), user_side, matrix)
        fusion = fit_fusion(
            self.config.fusion,
            self.dataset,
            self.split.train,
            self.split.valid,
            alone,
            final,
            items.text_vectors,
            self.seed,
            self.folder.log,
        )
        laser = self.config.laser
        whitening = self.text.whitening
        return Laser(laser, self.backbone, item_side, user_side, states, fusion, "in training", whitening)

    def train_id_recommenders(self, text_vectors: NDArray[np.float32]) -> dict[str, CrossFitted]:
        """Every ID recommender the prefix or the fusion reads, in two rounds each."""
        trained: dict[str, CrossFitted] = {}
        for kind in self.config.id_recommenders.kinds:
            shape = self.config.id_recommenders.shape(kind, len(self.dataset.items))
            trained[kind] = train_id_recommender(
                shape,
                self.config.id_recommenders,
                self.split.train,
                self.split.valid,
                self.folder.state,
                self.seed,
                self.folder.log,
                text_vectors,
                str(self.backbone.device),
            )
        return trained

    def read_items(self) -> TrainingItems:
        """Tokenise the catalogue once and read it with the frozen backbone."""
        token_ids = self.text.item_tokens(self.dataset.items)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self.folder.step("item texts", done, len(token_ids))

        vectors = self.text.text_vectors(token_ids, advance)
        if self.config.laser.whiten:
            self.text.whitening = fit_whitening(vectors)
            vectors = self.text.whitening.apply(vectors)
        return TrainingItems(self.dataset.item_ids, token_ids, vectors)

    def train_laser(
        self, items: TrainingItems, collaborative: Collaborative
    ) -> tuple[BiTuning, BiTuning, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        """Both phases. Returns the item side, the user side and the fixed item matrix [I, D]."""
        torch.manual_seed(self.seed)
        widths = [collaborative.state_widths[name] for name in self.config.laser.sources]
        side = BiTuning(self.config.laser, widths, self.backbone.width).to(self.backbone.device)
        side.start(self.backbone)
        _, rows = hold_out_last(self.split.train)
        trainer = LaserTrainer(
            Encoding(self.text, items, collaborative),
            rows,
            self.split.valid,
            self.config.training,
            self.seed,
            self.folder.log,
            self.folder.step,
            Sentences(Attributes.read(self.dataset.items)) if self.config.training.sentence_share else None,
            self.folder.scalars,
        )
        _, matrix = trainer.phase1(side, self.folder.state / "phase-1.state")
        item_side = copy.deepcopy(side)
        trainer.phase2(side, matrix, self.folder.state / "phase-2.state")
        if self.config.laser.read_out == "residual":
            rows = sample_rows(self.split.valid, STEP_USERS, self.seed)
            chosen = choose_step(trainer.encoding, item_side, side, rows)
            self.folder.log("residual step", chosen._asdict())
            for each in (item_side, side):
                take_step(each, chosen.step)
            matrix = trainer.item_matrix(item_side)
        if side.sentence_head is not None:
            phase = SentencePhase(
                trainer.encoding,
                side,
                matrix,
                Sentences(Attributes.read(self.dataset.items)),
                self.config.sentences,
                self.config.training.temperature,
                self.seed,
                self.folder.step,
            )
            phase.run(trainer.rows, self.folder.state / "sentences.state", self.folder.log)
        return item_side, side, matrix.cpu().numpy()

    def _collaborative(self, recommenders: Mapping[str, IdRecommender]) -> Collaborative:
        warm = np.zeros(len(self.dataset.items), dtype=bool)
        warm[np.unique(np.concatenate([np.empty(0, np.int64), *self.split.train]))] = True
        return Collaborative(recommenders, self.dataset.item_ids, warm)


def _settled(config: RunConfig, dataset: Dataset) -> RunConfig:
    """The data set says which fields make an item's text; a sentence head is there where its phase can train it."""
    hears = config.sentences.epochs > 0 and config.laser.read_out == "residual"
    return replace(config, laser=replace(config.laser, text_fields=dataset.info.text, sentence_head=hears))


def _check_users(dataset: Dataset) -> None:
    """Test, validation and Laser's training row take one item each of a user; a recommender needs two besides."""
    if not any(len(history) >= 5 for history in dataset.histories):
        raise DataError(
            dataset.folder / INTERACTIONS_FILE, None, "no user has the five interactions that training needs"
        )
