"""The quick pass of a BERT encoder against transformers' own: the same states, whatever the batch."""

import pytest
import torch
from transformers import BertConfig, RobertaConfig

from model import fused_bert
from model.backbone import Backbone, load_backbone
from model.backbone import BackboneConfig as Named
from tests.tiny import tiny_backbone, tiny_bert_config

LENGTHS = torch.tensor([9, 2, 1, 6])
PRESENT = torch.arange(9)[None] < LENGTHS[:, None]
ENDS = LENGTHS - 1


def inputs(backbone: Backbone, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings [4, 9, D] with noise in the padding, and positions that share 0, as a prefix does."""
    torch.manual_seed(0)
    embeddings = backbone.embedding(torch.randint(5, 60, (4, 9))) + 0.1 * torch.randn(4, 9, backbone.width)
    return embeddings.to(dtype), (torch.arange(9) - 2).clamp(min=0).expand(4, -1)


def states(backbone: Backbone, ends: torch.Tensor | None = None) -> torch.Tensor:
    embeddings, positions = inputs(backbone)
    with torch.inference_mode():
        return backbone(embeddings, PRESENT, positions, ends)


@pytest.fixture(params=[True, False], ids=["oneDNN", "plain"])
def linear(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not fused_bert.ONEDNN:
        pytest.skip("this PyTorch has no oneDNN")
    monkeypatch.setattr(fused_bert, "ONEDNN", request.param)


@pytest.mark.usefixtures("linear")
def test_it_gives_what_transformers_gives() -> None:
    backbone = tiny_backbone()
    expected = states(backbone)
    backbone.fuse()
    assert backbone._fused is not None
    found = states(backbone)
    assert found.shape == expected.shape
    torch.testing.assert_close(found[PRESENT], expected[PRESENT], rtol=0, atol=1e-5)
    assert expected[PRESENT].std() > 0.1


@pytest.mark.usefixtures("linear")
def test_one_state_a_row_is_that_of_the_whole_pass() -> None:
    backbone = tiny_backbone()
    expected = states(backbone)[torch.arange(4), ENDS]
    torch.testing.assert_close(states(backbone, ENDS), expected, rtol=0, atol=0)
    backbone.fuse()
    torch.testing.assert_close(states(backbone, ENDS), expected, rtol=0, atol=1e-5)


def test_a_row_alone_and_in_a_batch_has_the_same_states() -> None:
    backbone = tiny_backbone()
    backbone.fuse()
    embeddings, positions = inputs(backbone)
    together = states(backbone)
    for row, length in enumerate(LENGTHS.tolist()):
        with torch.inference_mode():
            alone = backbone(
                embeddings[row : row + 1, :length], PRESENT[row : row + 1, :length], positions[:1, :length]
            )
        torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=1e-5)


def test_in_bfloat16_it_is_as_near_to_float32_as_transformers_is() -> None:
    exact, rounded = load_backbone(Named(), dtype="float32"), load_backbone(Named(), dtype="bfloat16")
    expected = states(exact, ENDS)
    before = (states(rounded, ENDS).float() - expected).norm()
    rounded.fuse()
    after = (states(rounded, ENDS).float() - expected).norm()
    assert 0 < after < 1.25 * before
    assert after < 0.03 * expected.norm()


def test_many_batches_have_few_shapes() -> None:
    """oneDNN keeps a program for each."""
    counts = [1, 16, 17, 500, 512, 513, 1024, 1025, 4095, 4096, 4097]
    assert [fused_bert.rounded(count) for count in counts] == [
        *(16, 16, 32, 512, 512, 544, 1024, 1088, 4096, 4096, 4352)
    ]
    assert len({fused_bert.rounded(count) for count in range(1, 4097)}) == 80
    packing = fused_bert._pack(PRESENT, torch.float32, heads=2)
    assert packing.rows.tolist() == [*range(9), 9, 10, 18, *range(27, 33), *[0] * 14]
    assert packing.places[PRESENT.flatten()].tolist() == [*range(18)]


def test_training_is_not_touched() -> None:
    backbone = tiny_backbone()
    embeddings, positions = inputs(backbone)
    expected = backbone(embeddings, PRESENT, positions, ENDS)
    backbone.fuse()
    backbone._fused = lambda *_: pytest.fail("a pass with gradients was fused")  # type: ignore[assignment]
    found = backbone(embeddings.requires_grad_(), PRESENT, positions, ENDS)
    assert torch.equal(found, expected)
    found.sum().backward()
    assert embeddings.grad is not None


@pytest.mark.parametrize(
    "config",
    [
        BertConfig(**tiny_bert_config().to_diff_dict() | {"hidden_act": "relu"}),
        RobertaConfig(**tiny_bert_config().to_diff_dict() | {"model_type": "roberta", "pad_token_id": 1}),
    ],
    ids=["another activation", "another architecture"],
)
def test_what_it_does_not_compute_is_left_to_transformers(config: BertConfig | RobertaConfig) -> None:
    backbone = tiny_backbone(config)
    backbone.fuse()
    assert backbone._fused is None


@pytest.mark.parametrize("size", [0.1, 100.0, 1000.0])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_is_a_softmax_also_where_powers_of_e_are_out_of_range(
    size: float, sign: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    queries = torch.full((6, 3, 4), size, dtype=dtype)
    keys = (sign * (1 + torch.rand(6, 5, 4) / size)).to(dtype)  # every score near 2 * size * sign
    values = torch.randn(6, 5, 4, dtype=dtype)
    mask = torch.zeros(6, 1, 5, dtype=dtype)
    mask[:, :, 3:] = -torch.inf
    scores = torch.baddbmm(mask, queries, keys.transpose(1, 2), alpha=0.5)
    expected = torch.bmm(scores.softmax(dim=-1), values)
    found = fused_bert.attend(queries, keys, values, mask)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4 if dtype == torch.float32 else 0.02)
    assert found.std() > 0.1
