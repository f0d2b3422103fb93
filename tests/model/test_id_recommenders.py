"""SASRec, BERT4Rec and GRU4Rec: who sees whom, what padding does, where a history is cut; and the door behind them."""

import numpy as np
import pytest
import torch

from model.collaborative import Collaborative
from model.id_recommenders import (
    PADDING,
    BERT4Rec,
    IdRecommender,
    IdRecommenderConfig,
    Kind,
    build_id_recommender,
    pad_histories,
)

KINDS: tuple[Kind, ...] = ("sasrec", "bert4rec", "gru4rec")


def recommender(kind: Kind, items: int = 9, max_length: int = 6) -> IdRecommender:
    """Random weights, large enough that every input matters."""
    torch.manual_seed(7)
    module = build_id_recommender(
        IdRecommenderConfig(kind, items, width=8, blocks=2, heads=2, max_length=max_length)
    )
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.5)
        module.table.weight[PADDING].zero_()
    return module.eval()


def rows(*items: int) -> np.ndarray:
    return np.array(items, dtype=np.int64)


def test_histories_are_padded_on_the_left_and_cut_to_the_newest() -> None:
    tokens = pad_histories([rows(0, 1, 2, 3), rows(8), rows()], max_length=3)
    assert tokens.tolist() == [[2, 3, 4], [0, 0, 9], [0, 0, 0]]
    assert pad_histories([rows(), rows()], 3).tolist() == [[0], [0]]
    assert pad_histories([], 3).shape == (0, 1)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_only_bert4rec_sees_what_comes_later(kind: Kind) -> None:
    module = recommender(kind)
    states = module.states(torch.tensor([[1, 2, 3, 4]]))
    moved = (module.states(torch.tensor([[1, 2, 3, 9]])) - states)[0].abs().amax(dim=1)
    assert moved[3] > 1e-3
    assert bool((moved[:3] == 0).all()) == (kind != "bert4rec")
    earlier = (module.states(torch.tensor([[9, 2, 3, 4]])) - states)[0].abs().amax(dim=1)
    assert (earlier > 1e-4).all()


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_company_change_no_state(kind: Kind) -> None:
    module = recommender(kind)
    alone = module.states(torch.tensor([[4, 5, 6]]))
    together = module.states(torch.tensor([[0, 0, 4, 5, 6], [1, 2, 3, 7, 8]]))
    torch.testing.assert_close(together[0, 2:], alone[0], rtol=0, atol=1e-6)
    assert (together[0, :2] == 0).all()
    users = module.user_vectors(torch.tensor([[0, 0, 4, 5, 6], [1, 2, 3, 7, 8]]))
    torch.testing.assert_close(users[0], module.user_vectors(torch.tensor([[4, 5, 6]]))[0], rtol=0, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_history_is_a_number(kind: Kind) -> None:
    module = recommender(kind)
    assert (module.states(torch.zeros(2, 3, dtype=torch.long)) == 0).all()
    users = module.user_vectors(torch.zeros(2, 3, dtype=torch.long))
    assert torch.isfinite(users).all()
    assert users.any() == (kind == "bert4rec")  # its appended mask still asks "which item?"


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_order_matters(kind: Kind) -> None:
    module = recommender(kind)
    there, back = module.user_vectors(torch.tensor([[1, 2, 3], [2, 1, 3]]))
    assert (there - back).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_history_fits_and_older_items_are_cut(kind: Kind) -> None:
    module = recommender(kind, max_length=3)
    long, short = pad_histories([rows(0, 1, 2, 3, 4)], 3), pad_histories([rows(2, 3, 4)], 3)
    assert torch.equal(long, short)
    assert module.user_vectors(long).shape == (1, 8)


def test_a_user_is_the_newest_state() -> None:
    for kind in ("sasrec", "gru4rec"):
        module = recommender(kind)
        tokens = torch.tensor([[1, 2, 3]])
        assert torch.equal(module.user_vectors(tokens), module.states(tokens)[:, -1])


def test_bert4rec_asks_at_a_mask_behind_the_newest_items() -> None:
    module = recommender("bert4rec", items=9, max_length=3)
    assert isinstance(module, BERT4Rec)
    assert module.mask_token == 10
    assert module.table.num_embeddings == 11
    asked = module.states(torch.tensor([[2, 3, 4, 10]]))[:, -1]
    assert torch.equal(module.user_vectors(torch.tensor([[2, 3, 4]])), asked)
    assert torch.equal(module.user_vectors(torch.tensor([[1, 2, 3, 4]])), asked)  # the oldest makes room


def test_items_are_the_table_without_padding_and_mask() -> None:
    for kind in KINDS:
        module = recommender(kind)
        assert module.item_vectors.shape == (9, 8)
        assert torch.equal(module.item_vectors[0], module.table.weight[1])
        fresh = build_id_recommender(IdRecommenderConfig(kind, 9))
        assert (fresh.table.weight[PADDING] == 0).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "nextitnet"}, "kind must be sasrec, bert4rec or gru4rec, not 'nextitnet'"),
        ({"items": 0}, "items must be at least 1, not 0"),
        ({"blocks": 0}, "blocks must be at least 1, not 0"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), not 1.0"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IdRecommenderConfig(**({"kind": "sasrec", "items": 3} | values))  # type: ignore[arg-type]


def collaborative(max_length: int = 6) -> Collaborative:
    """Items a, b, c and d, of which training never saw c."""
    modules = {kind: recommender(kind, items=4, max_length=max_length) for kind in ("sasrec", "gru4rec")}
    return Collaborative(modules, ("a", "b", "c", "d"), np.array([True, True, False, True]))


def test_ids_that_are_unknown_or_never_trained_have_no_row() -> None:
    known = collaborative()
    assert known.rows(("d", "nowhere", None, "c", "a")).tolist() == [3, 0]
    assert known.rows(()).dtype == np.int64
    assert known.row("c") is None


def test_states_stand_beside_the_vectors_of_their_items() -> None:
    known = collaborative()
    (states,), present = known.states([rows(3, 0), rows(1)], ("gru4rec",), max_history=5)
    assert states.shape == (2, 2, 16)
    assert present.tolist() == [[True, True], [False, True]]
    module = known.recommenders["gru4rec"]
    tokens = torch.tensor([[4, 1], [0, 2]])
    torch.testing.assert_close(states[..., :8], module.states(tokens))
    torch.testing.assert_close(states[0, :, 8:], module.item_vectors[[3, 0]])
    assert (states[1, 0] == 0).all()
    assert known.state_widths == {"sasrec": 16, "gru4rec": 16}


def test_sources_come_in_the_order_they_are_named() -> None:
    known = collaborative()
    one, other = known.states([rows(3, 0)], ("gru4rec", "sasrec"), 5)[0]
    back = known.states([rows(3, 0)], ("sasrec", "gru4rec"), 5)[0]
    assert torch.equal(one, back[1])
    assert torch.equal(other, back[0])


def test_the_newest_rows_are_read_as_far_as_every_recommender_reaches() -> None:
    (states, _), present = collaborative().states([rows(0, 1, 3, 0, 1)], ("sasrec", "gru4rec"), 2)
    assert states.shape == (1, 2, 16)
    known = collaborative(max_length=3)
    (far, _), present = known.states([rows(0, 1, 3, 0, 1, 3, 0, 1)], ("sasrec", "gru4rec"), max_history=8)
    (near, _), _ = known.states([rows(3, 0, 1)], ("sasrec", "gru4rec"), max_history=8)
    assert present.shape == (1, 3)
    assert torch.equal(far, near)


def test_recommenders_are_frozen_and_must_share_the_vocabulary() -> None:
    module = recommender("sasrec", items=4).train()
    Collaborative({"sasrec": module}, ("a", "b", "c", "d"), np.ones(4, dtype=bool))
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())
    with pytest.raises(ValueError, match="sasrec knows 4 items, the vocabulary 3"):
        Collaborative({"sasrec": module}, ("a", "b", "c"), np.ones(3, dtype=bool))
