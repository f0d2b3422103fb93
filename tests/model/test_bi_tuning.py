"""Bi-Tuning: what each read-out returns, where training starts, what a step moves, and that company changes nothing."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from model.backbone import Backbone
from model.bi_tuning import BiTuning, Prompted, frozen_text_vectors
from model.config import MFormerConfig
from tests.tiny import tiny_backbone, tiny_config

WIDTHS = (6, 4)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny_backbone()


def side(**changes: object) -> BiTuning:
    """Everything trainable at random, the residual map still zero."""
    torch.manual_seed(4)
    module = BiTuning(tiny_config(**changes), WIDTHS, 32).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.startswith(("m_former", "base_prefix", "suffix")):
                parameter.normal_(std=0.5)
    return module


def one(text: list[int], vectors: Tensor, states: int = 2, sentence: Tensor | None = None) -> Prompted:
    """One user: text tokens, frozen vectors [N, 32] of the history, and so many collaborative states."""
    generator = torch.Generator().manual_seed(sum(text))
    return Prompted(
        torch.tensor([text]),
        torch.ones(1, len(text), dtype=torch.bool),
        tuple(torch.randn(1, max(states, 1), width, generator=generator) for width in WIDTHS),
        torch.full((1, max(states, 1)), states > 0),
        vectors[None] if len(vectors) else torch.zeros(1, 1, 32),
        torch.ones(1, max(len(vectors), 1), dtype=torch.bool) & bool(len(vectors)),
        torch.zeros(1, 32) if sentence is None else sentence[None],
    )


def stack(batches: list[Prompted]) -> Prompted:
    """Users side by side: text padded on the right, histories on the left, with numbers that must not count."""

    def pad(parts: list[Tensor], left: bool, value: float | bool) -> Tensor:
        longest = max(part.shape[1] for part in parts)
        padded = []
        for part in parts:
            room = torch.full((1, longest - part.shape[1], *part.shape[2:]), value, dtype=part.dtype)
            padded.append(torch.cat([room, part] if left else [part, room], dim=1))
        return torch.cat(padded)

    return Prompted(
        pad([batch.tokens for batch in batches], False, 7),
        pad([batch.text_present for batch in batches], False, False),
        tuple(pad([batch.states[n] for batch in batches], True, 3.0) for n in range(len(WIDTHS))),
        pad([batch.states_present for batch in batches], True, False),
        pad([batch.text_vectors for batch in batches], True, 5.0),
        pad([batch.vectors_present for batch in batches], True, False),
        torch.cat([batch.sentence_vector for batch in batches]),
    )


def unit(*values: float) -> Tensor:
    """A vector [32] that starts with the given numbers."""
    return torch.tensor([*values, *[0.0] * (32 - len(values))])


NOTHING = torch.zeros(0, 32)


def crowd() -> list[Prompted]:
    """Users of different lengths: long, short, without states, without history, with a sentence."""
    vectors = functional.normalize(torch.randn(5, 32, generator=torch.Generator().manual_seed(1)), dim=-1)
    return [
        one([2, 9, 14, 20, 31, 7, 44, 12, 3], vectors[:4], states=4),
        one([2, 17, 3], vectors[:1], states=1),
        one([2, 50, 8, 3], vectors[1:3], states=0),
        one([2, 21, 3], NOTHING, states=0, sentence=vectors[4]),
    ]


def test_the_residual_read_out_starts_at_the_recency_weighted_mean(backbone: Backbone) -> None:
    """decay 1/2: the newest weighs 1, the one before 1/2, then 1/4."""
    history = torch.stack([unit(0, 0, 4), unit(0, 2), unit(1)])
    z = side(decay=0.5)(backbone, one([2, 9, 3], history)).z
    torch.testing.assert_close(z[0], unit(1, 1, 1) / 3**0.5)
    tenth = side(decay=0.1)(backbone, one([2, 9, 3], torch.stack([unit(0, 10), unit(1)]))).z
    torch.testing.assert_close(tenth[0], unit(1, 1) / 2**0.5)


def test_a_sentence_joins_the_mean_at_half_its_weight_and_stands_alone_without_a_history(
    backbone: Backbone,
) -> None:
    with_history = side()(backbone, one([2, 9, 3], unit(1)[None], sentence=unit(0, 1))).z
    torch.testing.assert_close(with_history[0], unit(2, 1) / 5**0.5)
    alone = side()(backbone, one([2, 9, 3], NOTHING, states=0, sentence=unit(0, 1))).z
    torch.testing.assert_close(alone[0], unit(0, 1))


def heard(**weights: Tensor) -> BiTuning:
    """`side` with a sentence head, of which the given weights are set."""
    module = side(sentence_head=True)
    assert module.sentence_head is not None
    with torch.no_grad():
        for name, weight in weights.items():
            module.sentence_head.get_parameter(name.replace("_", ".")).copy_(weight)
    return module


def test_a_new_sentence_head_changes_nothing(backbone: Backbone) -> None:
    with torch.no_grad():
        assert torch.equal(heard()(backbone, stack(crowd())).z, side()(backbone, stack(crowd())).z)


def test_the_sentence_chooses_its_weight_and_its_sign(backbone: Backbone) -> None:
    """One half, plus sqrt(32) * -.5 / sqrt(32) * 3 for a sentence that reads 3 where the gain looks."""
    module = heard(gain_weight=unit(0, 0, -0.5 / 32**0.5)[None])
    for reading, weight in ((0.0, 0.5), (3.0, -1.0)):
        batch = one([2, 9, 3], unit(1)[None], sentence=unit(0, 1, reading))
        expected = functional.normalize(unit(1) + weight * unit(0, 1, reading), dim=0)
        torch.testing.assert_close(module(backbone, batch).z[0], expected)


def test_the_map_moves_what_the_sentence_adds(backbone: Backbone) -> None:
    module = heard(map_weight=torch.outer(unit(0, 0, 4), unit(0, 1)))
    z = module(backbone, one([2, 9, 3], unit(1)[None], sentence=unit(0, 1))).z
    torch.testing.assert_close(z[0], functional.normalize(unit(1, 0.5, 2), dim=0))


def test_a_trained_sentence_head_changes_no_bit_of_who_says_nothing(backbone: Backbone) -> None:
    module = heard(gain_weight=torch.randn(1, 32), gain_bias=torch.ones(1), map_weight=torch.randn(32, 32))
    with torch.no_grad():
        before, after = side()(backbone, stack(crowd())).z, module(backbone, stack(crowd())).z
    assert torch.equal(before[:3], after[:3])
    assert not torch.allclose(before[3], after[3])  # who has a sentence


def test_a_sentence_head_is_trained_in_a_phase_of_its_own() -> None:
    still = {name for name, parameter in heard().named_parameters() if not parameter.requires_grad}
    assert still == {"sentence_head.gain.weight", "sentence_head.gain.bias", "sentence_head.map.weight"}


def test_the_suffix_is_added_through_the_map(backbone: Backbone) -> None:
    """z = normalize(mean + W h_s)."""
    module, batch = side(), one([2, 9, 14, 3], unit(1)[None])
    torch.nn.init.normal_(module.residual.weight, std=0.1)
    suffix = hidden_of(module, backbone, batch)[-1]
    expected = functional.normalize(unit(1) + module.residual.weight @ suffix, dim=0)
    torch.testing.assert_close(module(backbone, batch).z[0], expected)


def hidden_of(module: BiTuning, backbone: Backbone, batch: Prompted) -> Tensor:
    """[prefix | text | suffix] of one user put together by hand, through the backbone. [P + T + 1, D]."""
    assert module.base_prefix is not None
    assert module.m_former is not None
    prefix = module.m_former(batch.states, batch.states_present)[0][0] + module.base_prefix
    text = backbone.embedding(batch.tokens[0])
    whole = torch.cat([prefix, text, module.suffix[None]])
    positions = torch.tensor([0] * len(prefix) + list(range(len(text) + 1)))
    present = torch.ones(1, len(whole), dtype=torch.bool)
    return backbone(whole[None], present, positions[None])[0]


def test_the_suffix_read_out_is_the_output_at_the_suffix(backbone: Backbone) -> None:
    module, batch = side(read_out="suffix"), one([2, 9, 14, 3], unit(1)[None])
    expected = functional.normalize(hidden_of(module, backbone, batch)[-1], dim=0)
    torch.testing.assert_close(module(backbone, batch).z[0], expected)
    assert not hasattr(module, "residual")


def test_the_mean_read_out_averages_text_tokens_alone(backbone: Backbone) -> None:
    module, batch = side(read_out="mean"), one([2, 9, 14, 3], unit(1)[None])
    expected = functional.normalize(hidden_of(module, backbone, batch)[3:-1].mean(dim=0), dim=0)
    torch.testing.assert_close(module(backbone, batch).z[0], expected)


@pytest.mark.parametrize("read_out", ["residual", "suffix", "mean"])
def test_company_and_padding_change_no_embedding(backbone: Backbone, read_out: str) -> None:
    module = side(read_out=read_out)
    if read_out == "residual":
        torch.nn.init.normal_(module.residual.weight, std=0.1)
    users = crowd()
    with torch.no_grad():
        together = module(backbone, stack(users)).z
        for user, z in zip(users, together, strict=True):
            torch.testing.assert_close(z, module(backbone, user).z[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(4))
    distances = torch.cdist(together, together) + torch.eye(4)
    assert distances.min() > 1e-2  # they are four different users


@pytest.mark.parametrize("read_out", ["residual", "suffix", "mean"])
@pytest.mark.parametrize("sentence", [None, unit(0, 1)])
def test_an_empty_history_is_a_number_and_so_is_its_gradient(
    backbone: Backbone, read_out: str, sentence: Tensor | None
) -> None:
    module = side(read_out=read_out)
    z = module(backbone, one([2, 3], NOTHING, states=0, sentence=sentence)).z
    assert torch.isfinite(z).all()
    (z @ torch.ones(32)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


def test_before_training_a_user_who_says_nothing_has_no_direction(backbone: Backbone) -> None:
    assert not side()(backbone, one([2, 3], NOTHING, states=0)).z.any()


def test_a_step_moves_prefix_suffix_and_router_and_leaves_the_backbone(backbone: Backbone) -> None:
    module = side(read_out="suffix")
    frozen = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    batch = stack(crowd())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    z = module(backbone, batch).z
    (z * torch.randn(z.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    optimizer.step()
    after = module.state_dict()
    for name in ("base_prefix", "suffix", "m_former.router.weight", "m_former.queries", "m_former.null"):
        assert not torch.equal(before[name], after[name]), name
    assert all(torch.equal(frozen[name], tensor) for name, tensor in backbone.state_dict().items())
    assert all(parameter.grad is None for parameter in backbone.parameters())


def test_the_residual_map_and_the_decay_learn_from_the_first_step(backbone: Backbone) -> None:
    module = side()
    batch = one([2, 9, 3], torch.stack([unit(0, 1), unit(1)]))
    (module(backbone, batch).z @ torch.randn(32, generator=torch.Generator().manual_seed(0))).sum().backward()
    for parameter in (module.residual.weight, module.decay_logit):
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_the_prefix_is_learned_or_comes_from_the_states_or_both(backbone: Backbone) -> None:
    batch, other = (one([2, 9, 3], unit(1)[None], states=n) for n in (2, 3))
    both, published = side(), side(base_prefix=False)
    assert both.base_prefix is not None
    assert published.base_prefix is None
    published.load_state_dict(both.state_dict(), strict=False)
    torch.testing.assert_close(both._prefix(batch)[0] - both.base_prefix, published._prefix(batch)[0])
    assert not torch.equal(published._prefix(batch)[0], published._prefix(other)[0])
    alone = BiTuning(tiny_config(sources=(), base_prefix=False), (), 32)
    assert alone.base_prefix is not None  # without states there is nothing else
    prefix, routing = alone._prefix(batch)
    assert torch.equal(prefix[0], alone.base_prefix)
    assert routing is None


def test_frozen_text_vectors_average_what_is_present(backbone: Backbone) -> None:
    tokens = torch.tensor([[2, 9, 14, 3], [2, 9, 3, 7]])
    present = torch.tensor([[True] * 4, [True, True, True, False]])
    vectors = frozen_text_vectors(backbone, tokens, present)
    with torch.no_grad():
        hidden = backbone.model(input_ids=torch.tensor([[2, 9, 3]])).last_hidden_state[0]
    torch.testing.assert_close(vectors[1], functional.normalize(hidden.mean(dim=0), dim=0), rtol=0, atol=1e-5)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_a_batch_moves_to_a_device_whole() -> None:
    moved = stack(crowd()).to(torch.device("meta"))
    parts = [*moved.states, *(part for part in moved if isinstance(part, Tensor))]
    assert len(parts) == 8
    assert {part.device.type for part in parts} == {"meta"}


def test_a_fixed_suffix_is_the_frozen_end_token_and_no_step_moves_it(backbone: Backbone) -> None:
    module = BiTuning(tiny_config(suffix="end"), WIDTHS, 32)
    module.start(backbone)
    end = backbone.embedding.weight[backbone.tokenizer.sep_token_id]
    torch.testing.assert_close(module.suffix.data, end.float())
    assert not module.suffix.requires_grad
    learned = BiTuning(tiny_config(), WIDTHS, 32)
    before = learned.suffix.detach().clone()
    learned.start(backbone)
    assert torch.equal(learned.suffix, before)
    assert learned.suffix.requires_grad


def test_without_sources_and_prefix_tokens_the_text_comes_first(backbone: Backbone) -> None:
    config = tiny_config(sources=(), m_former=MFormerConfig(prefix_tokens=0), read_out="suffix")
    torch.manual_seed(4)
    module, batch = BiTuning(config, (), 32).eval(), one([2, 9, 14, 3], unit(1)[None])
    whole = torch.cat([backbone.embedding(batch.tokens[0]).float(), module.suffix[None]])[None]
    hidden = backbone(whole, torch.ones(1, 5, dtype=torch.bool), torch.arange(5)[None])[0, -1].float()
    torch.testing.assert_close(module(backbone, batch).z[0], functional.normalize(hidden, dim=0))
