"""Linear maps through oneDNN: the same function under the same names."""

from pathlib import Path

import pytest
import torch
from torch import nn

from model import fused_bert
from model.checkpoint import load_checkpoint, save_checkpoint
from model.config import MFormerConfig
from model.fused_maps import FusedFeedForward, FusedLinear, fuse_maps
from model.m_former import MFormer
from tests.tiny import tiny_laser

PRESENT = torch.tensor([[True, True, True], [False, False, True], [False, False, False]])


def m_former() -> MFormer:
    torch.manual_seed(0)
    return MFormer(MFormerConfig(experts=2, prefix_tokens=3, blocks=2, width=8, heads=2), (6, 4), 16).eval()


def states() -> list[torch.Tensor]:
    dice = torch.Generator().manual_seed(1)
    return [torch.randn(3, 3, width, generator=dice) for width in (6, 4)]


@pytest.mark.parametrize("onednn", [True, False])
def test_an_m_former_gives_what_it_gave(onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if onednn and not fused_bert.ONEDNN:
        pytest.skip("this PyTorch has no oneDNN")
    monkeypatch.setattr(fused_bert, "ONEDNN", onednn)
    module = m_former()
    names = list(module.state_dict())
    with torch.inference_mode():
        expected, routing = module(states(), PRESENT)
        fuse_maps(module)
        found, rerouted = module(states(), PRESENT)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.1
    assert rerouted.chosen.tolist() == routing.chosen.tolist()
    assert list(module.state_dict()) == names
    kinds = [type(part) for part in module.modules()]
    assert kinds.count(FusedFeedForward) == 3
    assert [part for part in module.modules() if isinstance(part, nn.Linear)] == [
        module.router
    ]  # has no bias


def test_outside_inference_it_runs_as_before_and_has_gradients() -> None:
    module = m_former()
    expected, _ = module(states(), PRESENT)
    fuse_maps(module)
    found, _ = module(states(), PRESENT)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert found.requires_grad


def test_rows_are_padded_to_few_shapes() -> None:
    fused = FusedLinear(nn.Linear(4, 2))
    met = []
    original = fused._map

    def watched(rows: torch.Tensor, then: str) -> torch.Tensor:
        met.append(len(rows))
        return original(rows)

    fused._map = watched  # type: ignore[assignment]
    with torch.inference_mode():
        assert [fused(torch.ones(count, 4)).shape for count in (1, 15, 17)] == [(1, 2), (15, 2), (17, 2)]
    assert met == [16, 16, 32]


def test_a_laser_made_quick_is_saved_and_loaded_as_ever(tmp_path: Path) -> None:
    records = [{"item_id": f"i{n}", "title": f"red wool {n}"} for n in range(12)]
    laser = tiny_laser([str(record["item_id"]) for record in records], tmp_path / "backbone")
    before = laser.encode_items(records)
    laser.fuse()
    assert any(isinstance(part, FusedLinear) for part in laser.item_side.modules())
    assert any(isinstance(part, FusedLinear) for part in laser.user_side.modules())
    after = laser.encode_items(records)
    torch.testing.assert_close(
        torch.from_numpy(after.vectors), torch.from_numpy(before.vectors), rtol=0, atol=1e-4
    )
    save_checkpoint(laser, tmp_path / "checkpoint")
    again = load_checkpoint(tmp_path / "checkpoint", dtype="float32").encode_items(records)
    torch.testing.assert_close(
        torch.from_numpy(again.vectors), torch.from_numpy(before.vectors), rtol=0, atol=1e-5
    )
