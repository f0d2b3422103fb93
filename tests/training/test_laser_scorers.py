"""Laser's adapters: each history encoded once, and zero-shot equal to an untrained Laser."""

from dataclasses import replace

import numpy as np
import torch

from model.bi_tuning import BiTuning
from model.fusion import Fusion
from tests.tiny import tiny_laser
from training.laser_scorers import LaserScorer, LaserUsers, without_training

IDS = [f"i{n}" for n in range(12)]
RECORDS = [{"item_id": item_id, "title": f"title {item_id}"} for item_id in IDS]
HISTORIES = [np.array([3]), np.array([1, 2, 1]), np.arange(12), np.array([], dtype=np.int64)]


def test_zero_shot_is_the_residual_read_out_before_its_first_step() -> None:
    laser = tiny_laser(IDS)
    items = laser.encode_items(RECORDS)
    widths = [laser.collaborative.state_widths[name] for name in laser.config.sources]
    side = BiTuning(laser.config, widths, laser.backbone.width)
    fresh = replace(laser, item_side=side, user_side=side, fusion=Fusion(laser.collaborative, (), {}))
    untrained = LaserScorer("untrained", LaserUsers(fresh, IDS, fresh.encode_items(RECORDS)), 32)
    cheap = without_training("zero-shot", laser, IDS, items)
    assert cheap.name == "zero-shot"
    ranks = [np.argsort(-scorer.score(HISTORIES[:3]), axis=1) for scorer in (cheap, untrained)]
    np.testing.assert_array_equal(*ranks)  # the user's vector is only shorter, by its length


def test_other_read_outs_start_from_fresh_virtual_tokens() -> None:
    laser = tiny_laser(IDS)
    laser = replace(laser, config=replace(laser.config, read_out="suffix"))
    torch.manual_seed(0)
    scorer = without_training("zero-shot", laser, IDS, laser.encode_items(RECORDS))
    scores = scorer.score(HISTORIES)
    assert scores.shape == (4, 12)
    assert np.abs(scores).max() <= 1 + 1e-5  # cosines


def test_each_history_is_encoded_once() -> None:
    laser = tiny_laser(IDS)
    users = LaserUsers(laser, IDS, laser.encode_items(RECORDS))
    asked: list[int] = []
    encode = laser.encode_users
    laser.encode_users = lambda histories: (asked.append(len(histories)), encode(histories))[1]  # type: ignore[method-assign]
    fused, alone = LaserScorer("fused", users, laser.width), LaserScorer("alone", users, 32)
    first = fused.score([HISTORIES[0], HISTORIES[1], HISTORIES[0]])
    alone.score([HISTORIES[1], HISTORIES[2]])
    assert asked == [2, 1]
    np.testing.assert_array_equal(first[0], first[2])
    assert fused.score([]).shape == (0, 12)
