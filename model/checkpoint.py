"""A checkpoint on disk: everything of Laser but the backbone, which is named and fingerprinted.

    config.json          shapes, backbone name and fingerprint, fusion weights, sha256 of the other two files
    weights.safetensors  item side, user side, ID recommenders, popularity, texts of warm items, neighbours, whitening
    vocabulary.json      the item ids the recommenders were trained on, and which of them are warm

Written aside and renamed; loading refuses another backbone, a missing or altered file, or a foreign shape. The order
of sources in config.json is the order of the fusion's columns.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from model.backbone import Backbone, load_backbone
from model.bi_tuning import BiTuning
from model.checkpoint_files import (
    CONFIG,
    VOCABULARY,
    WEIGHTS,
    CheckpointError,
    file_digest,
    file_digests,
    fingerprint,
    fingerprint_of,
)
from model.collaborative import Collaborative
from model.config import BackboneConfig, LaserConfig
from model.fusion import Fusion, WarmTexts
from model.id_recommenders import IdRecommender, IdRecommenderConfig, build_id_recommender
from model.laser import Laser
from model.neighbours import Neighbours, SparseRows
from model.whitening import Whitening

__all__ = ["CheckpointError", "backbone_of", "fingerprint", "load_checkpoint", "save_checkpoint"]

FORMAT = 3
STATES, SCORES = "states/", "scores/"
NEIGHBOUR_SETTINGS = ("decay", "text_strength", "penalty", "new_item_gain", "attached")
Named = TypeVar("Named")


def save_checkpoint(laser: Laser, folder: Path) -> None:
    """Write the checkpoint, all of it or nothing; an existing one at `folder` is replaced once it is whole."""
    aside = folder.with_name(folder.name + ".writing")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    fusion = laser.fusion
    recommenders = _recommenders(laser)
    document = {
        "format": FORMAT,
        "laser": laser.config.to_dict(),
        "backbone_fingerprint": laser.backbone.fingerprint,
        "id_recommenders": {name: module.config.to_dict() for name, module in recommenders.items()},
        "fusion": {"weights": fusion.weights},
    }
    if fusion.neighbours is not None:
        document["neighbours"] = {name: getattr(fusion.neighbours, name) for name in NEIGHBOUR_SETTINGS}
    tensors: dict[str, Tensor] = {}
    modules: dict[str, nn.Module] = {"item_side": laser.item_side, "user_side": laser.user_side}
    modules |= {f"id_recommenders.{name}": module for name, module in recommenders.items()}
    for prefix, module in modules.items():
        tensors |= {f"{prefix}.{key}": value.cpu().clone() for key, value in module.state_dict().items()}
    arrays: dict[str, np.ndarray[Any, Any] | None] = {"fusion.popularity": fusion.popularity}
    if fusion.texts is not None:
        arrays |= {f"fusion.texts.{part}": array for part, array in fusion.texts._asdict().items()}
    if fusion.neighbours is not None:
        arrays["neighbours.solved"] = fusion.neighbours.solved
        for matrix in ("weights", "gram"):
            parts: SparseRows = getattr(fusion.neighbours, matrix)
            arrays |= {f"neighbours.{matrix}.{part}": array for part, array in parts._asdict().items()}
    if laser.whitening is not None:
        arrays |= {f"whitening.{part}": array for part, array in laser.whitening._asdict().items()}
    for name, array in arrays.items():
        if array is not None:
            tensors[name] = torch.from_numpy(array.copy(order="C"))  # two names may share one array
    save_file(tensors, aside / WEIGHTS)
    collaborative = laser.collaborative
    vocabulary = {"item_ids": collaborative.item_ids, "warm": np.flatnonzero(collaborative.warm).tolist()}
    (aside / VOCABULARY).write_text(json.dumps(vocabulary), encoding="utf-8")
    document["files"] = {name: file_digest(aside / name).hex() for name in (WEIGHTS, VOCABULARY)}
    (aside / CONFIG).write_text(json.dumps(document, indent=1), encoding="utf-8")
    for path in aside.iterdir():
        with path.open("rb") as written:
            os.fsync(written.fileno())
    _replace(folder, aside)


def load_checkpoint(
    folder: Path, *, device: str = "cpu", dtype: str = "auto", backbone: Backbone | None = None
) -> Laser:
    """Load a checkpoint and its backbone, or the given one. Raises CheckpointError, BackboneError."""
    document = _read_json(folder / CONFIG)
    if document.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder / CONFIG} has format {document.get('format')!r}; this version reads {FORMAT}; train again"
        )
    try:
        config = LaserConfig.from_dict(document["laser"])
        shapes = {name: IdRecommenderConfig(**shape) for name, shape in document["id_recommenders"].items()}
        trained_on = str(document["backbone_fingerprint"])
        digests = dict(document.get("files", {}))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG} does not describe a Laser: {error}") from error
    backbone = backbone or load_backbone(config.backbone, device, dtype)
    if backbone.fingerprint != trained_on:
        raise CheckpointError(
            f"{folder} was trained on a backbone with fingerprint {trained_on[:12]}..., but "
            f"{config.backbone.name} has {backbone.fingerprint[:12]}...; load the same weights or train again"
        )
    tensors = _read_tensors(folder / WEIGHTS)
    vocabulary = _read_json(folder / VOCABULARY)
    found = file_digests(folder)
    for name in (WEIGHTS, VOCABULARY):
        if name in digests and found[name].hex() != digests[name]:
            raise CheckpointError(f"{folder / name} is not the file that {CONFIG} was written with")
    try:
        return _assemble(config, shapes, document, vocabulary, tensors, backbone, fingerprint_of(found))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"the files of {folder} do not belong together: {error}") from error


def backbone_of(folder: Path) -> tuple[BackboneConfig, str]:
    """The backbone a checkpoint was trained on, and its fingerprint. Raises CheckpointError."""
    document = _read_json(folder / CONFIG)
    try:
        return LaserConfig.from_dict(document["laser"]).backbone, str(document["backbone_fingerprint"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG} does not describe a Laser: {error}") from error


def _replace(folder: Path, new: Path) -> None:
    """Put `new` in the place of `folder`; what stood there is deleted only after."""
    old = folder.with_name(folder.name + ".replaced")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _assemble(
    config: LaserConfig,
    shapes: dict[str, IdRecommenderConfig],
    document: dict[str, Any],
    vocabulary: dict[str, Any],
    tensors: dict[str, Tensor],
    backbone: Backbone,
    identity: str,
) -> Laser:
    recommenders = {name: build_id_recommender(shape) for name, shape in shapes.items()}
    for name, module in recommenders.items():
        module.load_state_dict(_below(tensors, f"id_recommenders.{name}."))
        module.to(backbone.device)
    warm = np.zeros(len(vocabulary["item_ids"]), dtype=bool)
    warm[np.asarray(vocabulary["warm"], dtype=np.int64)] = True
    reading, scoring = (
        Collaborative(_below(recommenders, role), vocabulary["item_ids"], warm) for role in (STATES, SCORES)
    )
    widths = [reading.state_widths[name] for name in config.sources]
    sides = []
    for prefix in ("item_side", "user_side"):
        side = BiTuning(config, widths, backbone.width)
        side.load_state_dict(_below(tensors, f"{prefix}."))
        sides.append(side.to(backbone.device))
    fusion = Fusion(
        scoring,
        _array(tensors, "fusion.popularity"),
        _neighbours(document["neighbours"], tensors) if "neighbours" in document else None,
        document["fusion"]["weights"],
        _warm_texts(tensors),
    )
    white = [tensors[f"whitening.{part}"].numpy() for part in ("mean", "map")] if config.whiten else None
    whitening = Whitening(*white) if white else None
    return Laser(config, backbone, sides[0], sides[1], reading, fusion, identity, whitening)


def _neighbours(settings: dict[str, Any], tensors: dict[str, Tensor]) -> Neighbours:
    matrices = {
        matrix: SparseRows(*(tensors[f"neighbours.{matrix}.{part}"].numpy() for part in SparseRows._fields))
        for matrix in ("weights", "gram")
    }
    solved: np.ndarray[Any, Any] = tensors["neighbours.solved"].numpy()
    return Neighbours(
        matrices["weights"], solved, matrices["gram"], **{name: settings[name] for name in NEIGHBOUR_SETTINGS}
    )


def _warm_texts(tensors: dict[str, Tensor]) -> WarmTexts | None:
    if "fusion.texts.rows" not in tensors:
        return None
    return WarmTexts(*(tensors[f"fusion.texts.{part}"].numpy() for part in WarmTexts._fields))


def _array(tensors: dict[str, Tensor], name: str) -> np.ndarray[Any, Any] | None:
    return tensors[name].numpy() if name in tensors else None


def _recommenders(laser: Laser) -> dict[str, IdRecommender]:
    """Both sets of recommenders, by role: those whose states the M-Former reads, those whose scores are fused."""
    states, scores = laser.collaborative.recommenders, laser.fusion.collaborative.recommenders
    kept = {STATES + name: module for name, module in states.items() if name in laser.config.sources}
    return kept | {SCORES + name: module for name, module in scores.items() if name in laser.fusion.weights}


def _below(named: dict[str, Named], prefix: str) -> dict[str, Named]:
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; {path.parent} is no checkpoint") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise CheckpointError(f"{path} does not hold a JSON object")
    return document


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing; {path.parent} is no checkpoint") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
