"""Laser whole: items in, users in, and what batching, order, unknown ids and long histories may not change."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.encoder import TextEncoder, pad_tokens, pad_vectors
from model.laser import Laser
from model.vectors import EncodedItems, History
from tests.tiny import tiny_backbone, tiny_config, tiny_laser

IDS = tuple(f"i{n}" for n in range(12))
RECORDS = [
    {"item_id": item_id, "title": "thing " + "abcdefghijkl"[: n % 5 + 1], "brand": f"brand {n % 3}"}
    for n, item_id in enumerate(IDS)
]


@pytest.fixture(scope="module")
def laser() -> Laser:
    return tiny_laser(IDS)


@pytest.fixture(scope="module")
def items(laser: Laser) -> EncodedItems:
    return laser.encode_items(RECORDS)


def history(items: EncodedItems, *rows: int, ids: tuple[str | None, ...] = IDS, **more: object) -> History:
    return History(
        tuple(ids[row] for row in rows),
        tuple(items.token_ids[row] for row in rows),
        items.text_vectors[list(rows)],
        **more,  # type: ignore[arg-type]
    )


def test_items_have_tokens_text_vectors_and_vectors(laser: Laser, items: EncodedItems) -> None:
    assert len(items.token_ids) == 12
    assert items.text_vectors.shape == (12, 32)
    assert items.vectors.shape == (12, 32 + 8 + 1) == (12, laser.width)
    assert items.text_vectors.dtype == items.vectors.dtype == np.float32
    for vectors in (items.text_vectors, items.vectors[:, :32]):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert laser.text_fields == ("title", "brand")


def test_users_have_vectors_of_the_same_width(laser: Laser, items: EncodedItems) -> None:
    users = laser.encode_users([history(items, 0, 3), history(items, 5)])
    assert users.shape == (2, laser.width)
    assert users.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(users[:, :32], axis=1), 1, atol=1e-5)


def test_no_items_and_no_users_are_empty_batches(laser: Laser) -> None:
    empty = laser.encode_items([])
    assert (empty.token_ids, empty.text_vectors.shape, empty.vectors.shape) == ([], (0, 32), (0, 41))
    assert laser.encode_users([]).shape == (0, 41)


def test_an_item_is_a_user_whose_history_it_is(laser: Laser, items: EncodedItems) -> None:
    """With the same weights on both sides, the user's embedding of one item is the item's."""
    mirrored = replace(laser, user_side=laser.item_side)
    users = mirrored.encode_users([history(items, row) for row in range(12)])
    np.testing.assert_allclose(users[:, :32], items.vectors[:, :32], atol=1e-5)
    other = laser.encode_users([history(items, row) for row in range(12)])
    assert np.abs(other[:, :32] - items.vectors[:, :32]).max() > 1e-2  # users have weights of their own


def test_batches_come_back_in_the_order_they_went_in(laser: Laser, items: EncodedItems) -> None:
    rows = [(0, 1, 2, 3, 4, 5), (6,), (1, 2, 3), (9, 10), (11, 3, 2, 1), (4,), ()]
    histories = [history(items, *some) for some in rows]
    alone = np.concatenate([laser.encode_users([one]) for one in histories])
    laser.text.tokens_per_batch = 150
    try:
        np.testing.assert_allclose(laser.encode_users(histories), alone, atol=1e-5)
        np.testing.assert_allclose(laser.encode_items(RECORDS).vectors, items.vectors, atol=1e-5)
    finally:
        laser.text.tokens_per_batch = 4096
    np.testing.assert_allclose(laser.encode_users(histories), alone, atol=1e-5)
    assert np.ptp(alone, axis=0).max() > 0.1


def test_the_embedding_reads_items_states_vectors_and_sentence(laser: Laser, items: EncodedItems) -> None:
    base = laser.encode_users([history(items, 1, 2)])[0, :32]
    wish = laser.tokenize_constraint("blue")
    for changed in (
        history(items, 2, 1),
        history(items, 1, 2, constraint=wish),
        history(items, 1, 2, ids=(*IDS[:2], "i7", *IDS[3:])),  # other states
        history(items, 1, 2)._replace(text_vectors=items.text_vectors[[3, 4]]),
        history(items, 1, 2)._replace(token_ids=tuple(items.token_ids[3:5])),
    ):
        assert np.abs(laser.encode_users([changed])[0, :32] - base).max() > 1e-4


def test_unknown_ids_are_read_from_their_text_alone(laser: Laser, items: EncodedItems) -> None:
    unheard = laser.encode_users([history(items, 1, 2, ids=("x", "y", "z"))])
    titles = laser.encode_users([history(items, 1, 2, ids=(None, None, None))])
    np.testing.assert_array_equal(unheard, titles)
    assert np.abs(unheard[0, :32]).any()
    assert unheard[0, 32:].tolist() == [0] * 8 + [1]  # no state; popularity's user side is 1
    mixed = laser.encode_users([history(items, 1, 2, ids=("x", "y", "i2"))])
    np.testing.assert_array_equal(mixed[:, 32:], laser.encode_users([history(items, 2)])[:, 32:])


def test_a_record_without_an_id_is_an_item_like_any_other(laser: Laser, items: EncodedItems) -> None:
    free = laser.encode_items([{"title": "thing abc", "brand": None}, {"title": "", "item_id": 7}])
    assert free.vectors.shape == (2, 41)
    assert np.isfinite(free.vectors).all()
    np.testing.assert_allclose(np.linalg.norm(free.vectors[:, :32], axis=1), 1, atol=1e-5)
    titled = History((None,), (free.token_ids[0],), free.text_vectors[:1])
    assert np.isfinite(laser.encode_users([titled])).all()
    same = laser.encode_items([{"title": RECORDS[2]["title"], "brand": RECORDS[2]["brand"]}])
    np.testing.assert_allclose(same.text_vectors[0], items.text_vectors[2], atol=1e-5)
    # Its columns are predicted from its text.
    np.testing.assert_allclose(
        same.vectors[0, 32:], laser.fusion.item_columns([None], same.text_vectors)[0], atol=1e-6
    )


def test_items_beyond_max_history_change_nothing(laser: Laser, items: EncodedItems) -> None:
    """Neither the text, the states, the frozen vectors nor the fused columns."""
    assert laser.max_history == 8
    newest = tuple(range(2, 10))
    long = laser.encode_users([history(items, 11, 10, 0, *newest)])
    np.testing.assert_array_equal(long, laser.encode_users([history(items, *newest)]))
    shorter = laser.encode_users([history(items, *newest[1:])])
    assert np.abs(long - shorter).max() > 1e-3
    # Ids that are unknown within the newest eight do not let older ones in.
    ids = (*IDS[:2], *(["?"] * 8), *IDS[10:])
    unknown = laser.encode_users([history(items, 0, 1, *newest, ids=ids)])
    np.testing.assert_array_equal(unknown, laser.encode_users([history(items, *newest, ids=ids)]))


def test_a_user_with_a_sentence_alone_is_read_from_it(laser: Laser) -> None:
    nobody = History((), (), np.zeros((0, 32), np.float32))
    blue, red = (nobody._replace(constraint=laser.tokenize_constraint(text)) for text in ("blue", "red"))
    users = laser.encode_users([nobody, blue, red])
    assert np.isfinite(users).all()
    np.testing.assert_allclose(np.linalg.norm(users[:, :32], axis=1), 1, atol=1e-5)
    assert np.abs(users[1] - users[2]).max() > 1e-3
    assert np.abs(users[0] - users[1]).max() > 1e-3
    assert laser.tokenize_constraint(" \x00 ") == ()


def test_a_sentence_is_read_whole_where_an_item_is_cut(laser: Laser) -> None:
    """vector_tokens 24 bounds items, constraint_tokens 32 sentences."""
    text = laser.text
    long = list(range(4, 34))  # 30 tokens
    np.testing.assert_array_equal(text.text_vectors([long]), text.text_vectors([long[:24]]))
    nobody = History((), (), np.zeros((0, 32), np.float32), tuple(long))
    (sentence,) = text.collate([nobody], laser.collaborative).sentence_vector.numpy()
    np.testing.assert_allclose(sentence, text.text_vectors([long], longest=30)[0], atol=1e-6)
    assert np.abs(sentence - text.text_vectors([long])[0]).max() > 1e-3


def test_whitening_touches_items_titles_and_sentences_alike(laser: Laser) -> None:
    assert laser.whitening is not None
    plain = TextEncoder(laser.config, laser.backbone)
    tokens = [[5, 6, 7], [8, 9]]
    raw = plain.text_vectors(tokens)
    np.testing.assert_allclose(laser.text.text_vectors(tokens), laser.whitening.apply(raw), atol=1e-5)
    assert np.abs(laser.text.text_vectors(tokens) - raw).max() > 0.1


def test_the_sides_are_frozen(laser: Laser) -> None:
    for side in (laser.item_side, laser.user_side):
        assert not side.training
        assert not any(parameter.requires_grad for parameter in side.parameters())


def test_progress_counts_every_item_once(laser: Laser) -> None:
    done: list[int] = []
    laser.encode_items(RECORDS, done.append)
    assert sum(done) == 12


def test_a_batch_holds_what_its_longest_row_times_its_rows_allows() -> None:
    encoder = TextEncoder(tiny_config(), tiny_backbone(), tokens_per_batch=20)
    batches = [rows.tolist() for rows in encoder.batches([3, 10, 5, 4, 30, 1])]
    assert batches == [[4], [1, 2], [3, 0, 5]]
    assert [rows.tolist() for rows in encoder.batches([0, 0])] == [[0, 1]]
    assert list(encoder.batches([])) == []


def test_batches_of_users_count_the_whole_prompt(
    laser: Laser, items: EncodedItems, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[torch.Size] = []
    forward = type(laser.backbone).forward

    def watched(self: object, embeddings: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        shapes.append(embeddings.shape)
        return forward(self, embeddings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(type(laser.backbone), "forward", watched)
    monkeypatch.setattr(laser.text, "tokens_per_batch", 90)
    laser.encode_users([history(items, row) for row in range(12)])
    assert shapes == [(3, 25, 32)] * 4  # 3 + 21 + 1 tokens a row; four rows would be 100


def test_virtual_tokens_leave_room_in_the_positions() -> None:
    """An encoder's prefix shares a position; a decoder counts every virtual token."""
    backbone = tiny_backbone()
    config = tiny_config(prompt=replace(tiny_config().prompt, max_tokens=500))
    assert TextEncoder(config, backbone).prompts.max_tokens == 128 - 1
    backbone.causal = True
    assert TextEncoder(config, backbone).prompts.max_tokens == 128 - 3 - 1


def test_a_prompt_as_long_as_the_positions_reach_is_encoded(items: EncodedItems) -> None:
    laser = tiny_laser(IDS)
    text = TextEncoder(tiny_config(prompt=replace(laser.config.prompt, max_tokens=500)), laser.backbone)
    # 8 of instruction and ends, 8 x 13 of items, 5 of "wish:" and 10 of a sentence.
    long = history(items, *range(8), constraint=(9,) * 10)._replace(token_ids=tuple([[5] * 12] * 8))
    batch = text.collate([long], laser.collaborative)
    assert batch.tokens.shape == (1, 127)
    assert np.isfinite(text.embed(laser.user_side, [long], laser.collaborative)).all()


def test_padding_of_tokens_and_vectors() -> None:
    tokens, present = pad_tokens([[5, 6, 7], [8]])
    assert tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert present.tolist() == [[True, True, True], [True, False, False]]
    one, none = np.ones((1, 2), np.float32), np.zeros((0, 2), np.float32)
    vectors, kept = pad_vectors([np.full((2, 2), 3, np.float32), one, none], 2)
    assert vectors[:, :, 0].tolist() == [[3, 3], [0, 1], [0, 0]]
    assert kept.tolist() == [[True, True], [False, True], [False, False]]
    assert pad_vectors([none], 2)[0].shape == (1, 1, 2)
