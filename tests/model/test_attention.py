"""Attention by hand, and what it does with nothing to look at."""

import pytest
import torch

from model.attention import Attention, SelfAttentionBlock, causal_mask


def plain_attention(heads: int = 1) -> Attention:
    """Queries, keys, values and output are the inputs themselves."""
    attention = Attention(2, heads, dropout=0.0)
    with torch.no_grad():
        for linear, weight in (
            (attention.query, torch.eye(2)),
            (attention.key_value, torch.cat([torch.eye(2), torch.eye(2)])),
            (attention.out, torch.eye(2)),
        ):
            linear.weight.copy_(weight)
            linear.bias.zero_()
    return attention


def test_a_query_mixes_the_context_by_scaled_dot_products() -> None:
    query = torch.tensor([[[2**0.5, 0.0]]])
    context = torch.tensor([[[0.0, 4.0], [torch.log(torch.tensor(3.0)).item(), 0.0], [9.0, 9.0]]])
    visible = torch.tensor([[[[True, True, False]]]])
    # Scores 0 and ln 3 make shares 1/4 and 3/4; the third is not visible.
    expected = torch.tensor([[[0.75 * 1.0986123, 0.25 * 4.0]]])
    torch.testing.assert_close(plain_attention()(query, context, visible), expected)


def test_heads_look_on_their_own() -> None:
    """With one dimension a head, each picks what is largest in its own dimension."""
    query = torch.tensor([[[50.0, 50.0]]])
    context = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    everything = torch.ones(1, 1, 1, 2, dtype=torch.bool)
    torch.testing.assert_close(plain_attention(2)(query, context, everything), torch.tensor([[[1.0, 3.0]]]))


def test_a_query_with_nothing_to_look_at_gives_zeros() -> None:
    torch.manual_seed(0)
    attention = Attention(4, 2, dropout=0.0)
    states = torch.randn(2, 3, 4)
    visible = torch.tensor([True, False])[:, None, None, None].expand(2, 1, 3, 3)
    mixed = attention(states, states, visible)
    assert (mixed[1] == 0).all()
    assert (mixed[0].abs() > 0).all()
    mixed.sum().backward()  # type: ignore[no-untyped-call]
    assert all(torch.isfinite(p.grad).all() for p in attention.parameters() if p.grad is not None)


def test_a_batch_of_none_gives_none() -> None:
    block = SelfAttentionBlock(4, 2, 0.0)
    assert block(torch.zeros(0, 3, 4), torch.ones(0, 1, 1, 3, dtype=torch.bool)).shape == (0, 3, 4)


def test_a_context_may_be_wider_than_the_queries() -> None:
    attention = Attention(4, 2, 0.0, context_width=6)
    everything = torch.ones(1, 1, 1, 5, dtype=torch.bool)
    assert attention(torch.zeros(1, 3, 4), torch.zeros(1, 5, 6), everything).shape == (1, 3, 4)


def test_a_width_that_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="width 6 is not divisible by 4 heads"):
        Attention(6, 4, 0.0)


def test_dropout_of_attention_ends_with_training() -> None:
    torch.manual_seed(0)
    attention = Attention(4, 1, dropout=0.5)
    states, everything = torch.randn(1, 8, 4), torch.ones(1, 1, 1, 8, dtype=torch.bool)
    assert not torch.equal(attention(states, states, everything), attention(states, states, everything))
    attention.eval()
    assert torch.equal(attention(states, states, everything), attention(states, states, everything))


def test_a_causal_mask_is_the_lower_triangle() -> None:
    assert causal_mask(3, torch.device("cpu")).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
