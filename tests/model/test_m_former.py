"""The M-Former on small matrices worked out by hand: router (eq. 6-7), gates, sources, padding, the null token."""

import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from model.config import MFormerConfig
from model.m_former import MFormer

# The router reads [ln 3, 0] from the first kind of token and [0, ln 3] from the second: shares 3/4 and 1/4, and back.
FIRST, SECOND = [1.0, -1.0], [-1.0, 1.0]


def m_former(
    widths: tuple[int, ...] = (2,), gate: Literal["straight_through", "switch"] = "switch", **changes: int
) -> MFormer:
    """Two experts of one token; random blocks, everything else set by hand where a test needs it."""
    shape = {"experts": 2, "prefix_tokens": 1, "blocks": 2, "width": 4, "heads": 1} | changes
    torch.manual_seed(3)
    module = MFormer(MFormerConfig(**shape, gate=gate, dropout=0.0), widths, backbone_width=3).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
        module.norm.weight.fill_(1.0)
        module.norm.bias.zero_()
        if module.router.weight.shape == (2, 2):  # m = C W_r^T: FIRST gives [ln 3, 0]
            module.router.weight.copy_(torch.tensor([[math.log(3) / 2, -math.log(3) / 2], [0.0, 0.0]]))
    return module


def ungated(module: MFormer, states: Tensor, present: Tensor, expert: int) -> Tensor:
    """Eq. 5 step by step for one expert: its queries through the blocks, then the linear map."""
    queries = module.queries[expert].expand(len(states), -1, -1)
    null = module.null.expand(len(states), 1, -1)
    context = torch.cat([null, module.norm(states)], dim=1)
    visible = torch.cat([~present.any(dim=1, keepdim=True), present], dim=1)[:, None, None]
    for block in module.blocks:
        queries = block(queries, context, visible)
    return module.out(module.out_norm(queries))


def test_the_router_takes_the_best_mean_share() -> None:
    """Eq. 6: softmax per item; eq. 7: mean over items."""
    states = torch.tensor([[FIRST, FIRST, SECOND], [SECOND, SECOND, SECOND]])
    present = torch.ones(2, 3, dtype=torch.bool)
    module = m_former()
    with torch.no_grad():
        prefix, routing = module([states], present)
    # SECOND gives [-ln 3, 0]: shares 1/4 and 3/4.
    expected = torch.tensor([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75]])
    torch.testing.assert_close(routing.probabilities[0, 1:], expected, rtol=0, atol=1e-4)
    assert routing.chosen.tolist() == [[0], [1]]
    assert routing.present.tolist() == [[False, True, True, True]] * 2
    shares = MFormer._shares(routing)
    torch.testing.assert_close(shares, torch.tensor([[7 / 12, 5 / 12], [1 / 4, 3 / 4]]), rtol=0, atol=1e-4)
    # The switch gate: the chosen expert's prefix times its share.
    with torch.no_grad():
        for user, expert in enumerate((0, 1)):
            alone = ungated(module, states[[user]], present[[user]], expert)[0]
            torch.testing.assert_close(prefix[user], alone * shares[user, expert])


def test_straight_through_is_the_published_value() -> None:
    """Forward the gate is 1: the prefix of the best expert, as in the paper."""
    states, present = torch.tensor([[FIRST, SECOND, FIRST]]), torch.ones(1, 3, dtype=torch.bool)
    module = m_former(gate="straight_through")
    with torch.no_grad():
        prefix, routing = module([states], present)
        assert routing.chosen.tolist() == [[0]]
        torch.testing.assert_close(prefix, ungated(module, states, present, 0))


@pytest.mark.parametrize("gate", ["straight_through", "switch"])
def test_the_router_has_a_gradient_from_the_prefix(gate: Literal["straight_through", "switch"]) -> None:
    module = m_former(gate=gate)
    prefix, routing = module([torch.tensor([[FIRST, FIRST]])], torch.ones(1, 2, dtype=torch.bool))
    assert routing.chosen.tolist() == [[0]]
    prefix.sum().backward()  # type: ignore[no-untyped-call]
    assert module.router.weight.grad is not None
    value = prefix.detach().sum()
    # d share / d m_0 = .75 * .25; the value is share * x under switch, and gradient x * d share / share under both.
    expected = value * 0.75 * 0.25 / 0.75 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    torch.testing.assert_close(module.router.weight.grad, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("gate", ["straight_through", "switch"])
def test_with_all_experts_the_prefix_is_their_mean_by_share(
    gate: Literal["straight_through", "switch"],
) -> None:
    states, present = torch.tensor([[FIRST, FIRST, SECOND]]), torch.ones(1, 3, dtype=torch.bool)
    module = m_former(gate=gate, top_k=2)
    with torch.no_grad():
        prefix, routing = module([states], present)
        assert routing.chosen.tolist() == [[0, 1]]
        first, second = (ungated(module, states, present, expert) for expert in (0, 1))
    torch.testing.assert_close(prefix, first * 7 / 12 + second * 5 / 12, rtol=0, atol=1e-3)


def test_of_two_among_three_experts_straight_through_keeps_the_proportions() -> None:
    module = m_former((3,), "straight_through", experts=3, top_k=2)
    states, present = torch.tensor([[[2.0, 0.0, -2.0]]]), torch.ones(1, 1, dtype=torch.bool)
    with torch.no_grad():
        module.router.weight.copy_(torch.diag(torch.tensor([1.0, 1.0, 0.3])))
        prefix, routing = module([states], present)
        shares = MFormer._shares(routing)[0]
        assert routing.chosen.tolist() == [[0, 1]]
        first, second = (ungated(module, states, present, expert) for expert in (0, 1))
    torch.testing.assert_close(prefix, (first * shares[0] + second * shares[1]) / (shares[0] + shares[1]))


def test_a_single_source_is_read_as_it_is() -> None:
    """No map and no type: cross-attention and router have the recommender's own width, as in the paper."""
    module = m_former((6,))
    assert len(module.maps) == 0
    assert module.types.numel() == 0
    assert module.router.weight.shape == (2, 6)
    assert module.blocks[0].cross.key_value.weight.shape == (8, 6)
    with pytest.raises(ValueError, match="at least one collaborative source"):
        m_former(())


def test_several_sources_stand_in_one_sequence_each_with_its_map_and_type() -> None:
    module = m_former((2, 3))
    one, two = torch.randn(1, 2, 2), torch.randn(1, 2, 3)
    present = torch.tensor([[False, True]])
    context, visible = module._context([one, two], present)
    assert visible.tolist() == [[False, False, True, False, True]]
    expected = torch.cat(
        [module.maps[0](one) + module.types[0], module.maps[1](two) + module.types[1]], dim=1
    )
    torch.testing.assert_close(context[:, 1:], module.norm(expected))
    torch.testing.assert_close(context[0, 0], module.null)
    _, routing = module([one, two], present)
    assert routing.probabilities.shape == (1, 5, 2)  # one router over all tokens


def test_a_source_that_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        m_former((2, 3))([torch.zeros(1, 2, 2)], torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize("widths", [(2,), (2, 3)])
def test_padding_counts_nowhere(widths: tuple[int, ...]) -> None:
    """Neither in the router's mean nor in attention nor in what the balance loss sees, whatever stands in it."""
    module = m_former(widths)
    alone = [torch.randn(1, 2, width) for width in widths]
    present = torch.ones(1, 2, dtype=torch.bool)
    padded = [torch.cat([torch.full((1, 3, state.shape[2]), 7.0), state], dim=1) for state in alone]
    mask = torch.tensor([[False, False, False, True, True]])
    with torch.no_grad():
        expected, routing = module(alone, present)
        prefix, wide = module(padded, mask)
    torch.testing.assert_close(prefix, expected)
    torch.testing.assert_close(wide.probabilities[wide.present], routing.probabilities[routing.present])
    assert int(wide.present.sum()) == 2 * len(widths)


def test_a_user_without_states_is_read_through_the_null_token() -> None:
    module = m_former()
    present = torch.tensor([[False, False], [True, True]])
    one = torch.randn(2, 2, 2)
    other = one.clone()
    other[0] = 5.0
    prefix, routing = module([one], present)
    assert torch.isfinite(prefix).all()
    assert routing.present.tolist() == [[True, False, False], [False, True, True]]
    torch.testing.assert_close(module([other], present)[0], prefix)
    prefix[0].sum().backward()  # type: ignore[no-untyped-call]
    assert module.null.grad is not None
    assert module.null.grad.abs().sum() > 0
    module.null.grad = None
    module([one], present)[0][1].sum().backward()  # type: ignore[no-untyped-call]
    assert module.null.grad is not None
    assert not module.null.grad.any()  # who has states never sees it


def test_every_other_block_looks_at_the_states() -> None:
    module = m_former(blocks=5)
    assert [block.crossing for block in module.blocks] == [True, False, True, False, True]
    assert [hasattr(block, "cross") for block in module.blocks] == [True, False, True, False, True]
    queries, visible = torch.randn(1, 1, 4), torch.ones(1, 1, 1, 2, dtype=torch.bool)
    here, there = torch.randn(2, 1, 2, 2)
    for block in module.blocks:
        same = torch.allclose(block(queries, here, visible), block(queries, there, visible))
        assert same == (not block.crossing)


def test_queries_of_an_expert_talk_to_each_other() -> None:
    module = m_former(prefix_tokens=3)
    queries = torch.randn(1, 3, 4)
    other = queries.clone()
    other[0, 2] = 0.0
    context, visible = torch.randn(1, 2, 2), torch.ones(1, 1, 1, 2, dtype=torch.bool)
    moved = module.blocks[1](queries, context, visible) - module.blocks[1](other, context, visible)
    assert (moved[0, :2].abs() > 1e-4).all()


def test_what_is_done_once_an_expert_is_what_every_row_would_have_got() -> None:
    """In training it is done for every row, because there dropout makes each another; here there is none."""
    module = m_former(prefix_tokens=3)
    states = torch.tensor([[FIRST], [SECOND], [FIRST], [FIRST], [SECOND]])
    present = torch.ones(5, 1, dtype=torch.bool)
    with torch.no_grad():
        prefix, routing = module([states], present)
        assert routing.chosen.flatten().tolist() == [0, 1, 0, 0, 1]
        torch.testing.assert_close(prefix, module.train()([states], present)[0])
        conferred = []
        module.blocks[0].self_block.register_forward_hook(lambda _, args, out: conferred.append(len(out)))
        module.eval()([states], present)
        module([states[:1]], present[:1])
    assert conferred == [2, 1]  # two experts; one row


def test_the_prefix_has_the_shape_the_backbone_takes() -> None:
    module = m_former(prefix_tokens=5)
    prefix, _ = module([torch.randn(4, 2, 2)], torch.ones(4, 2, dtype=torch.bool))
    assert prefix.shape == (4, 5, 3)
