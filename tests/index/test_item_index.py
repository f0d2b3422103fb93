"""The item index against a numpy oracle: exactly k allowed rows, right order, ties by row."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import faiss_backends
from index.item_index import ExactIndex, GpuExactIndex, SearchResult, open_index
from index.neighbours import Boosts

RNG = np.random.default_rng


def oracle(
    vectors: np.ndarray,
    queries: np.ndarray,
    k: int,
    allowed: Sequence[np.ndarray | None],
    boosts: Sequence[Boosts | None] | None = None,
) -> SearchResult:
    rows = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float64)
    counts = []
    for b, (query, mask) in enumerate(zip(queries, allowed, strict=True)):
        candidates = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
        exact = vectors.astype(np.float64) @ query.astype(np.float64)
        if boosts is not None and (added := boosts[b]) is not None:
            exact[added.rows] += added.values
        exact = exact[candidates]
        best = np.lexsort((candidates, -exact))[:k]
        rows[b, : len(best)] = candidates[best]
        scores[b, : len(best)] = exact[best]
        counts.append(len(candidates))
    return SearchResult(rows, scores, np.array(counts), ("exact",) * len(queries))


def agree(found: SearchResult, right: SearchResult) -> None:
    assert found.rows.tolist() == right.rows.tolist()
    np.testing.assert_allclose(found.scores, right.scores, rtol=1e-5, atol=1e-5)
    assert found.allowed.tolist() == right.allowed.tolist()
    assert (found.rows.dtype, found.scores.dtype, found.allowed.dtype) == (np.int64, np.float32, np.int64)


def whole_numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Small integers as float32: every score is exact, and ties are many."""
    return rng.integers(-3, 4, size=shape).astype(np.float32)


def test_a_hand_made_search() -> None:
    vectors = np.array([[1, 0], [0, 1], [2, 0], [1, 1]], np.float32)
    found = ExactIndex(vectors).search(np.array([[1, 0]], np.float32), 3, [None])
    assert found.rows.tolist() == [[2, 0, 3]]  # rows 0 and 3 tie: the lower one first
    assert found.scores.tolist() == [[2.0, 1.0, 1.0]]
    assert found.allowed.tolist() == [4]


def test_masks_of_one_batch_are_each_obeyed() -> None:
    vectors = np.array([[1, 0], [0, 1], [2, 0], [1, 1]], np.float32)
    nothing, all_but_best = np.zeros(4, bool), np.array([True, True, False, True])
    found = ExactIndex(vectors).search(
        np.array([[1, 0]] * 4, np.float32), 3, [None, nothing, all_but_best, ~all_but_best]
    )
    assert found.rows.tolist() == [[2, 0, 3], [-1, -1, -1], [0, 3, 1], [2, -1, -1]]
    assert found.scores[1].tolist() == [-np.inf] * 3
    assert found.scores[3].tolist() == [2.0, -np.inf, -np.inf]
    assert found.allowed.tolist() == [4, 0, 3, 1]


@pytest.mark.parametrize("items", [1, 300, 1000])
@pytest.mark.parametrize("k", [1, 10, 400])
def test_every_share_of_allowed_items(items: int, k: int) -> None:
    rng = RNG(items + k)
    vectors, queries = rng.standard_normal((items, 24), np.float32), rng.standard_normal((6, 24), np.float32)
    masks = [None, *(rng.random(items) < share for share in (0.0, 0.02, 0.4, 0.8, 0.999))]
    agree(ExactIndex(vectors).search(queries, k, masks), oracle(vectors, queries, k, masks))


@pytest.mark.parametrize("block", [1, 7, 64, 5000])
def test_a_batch_is_scanned_block_by_block(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_backends, "BLOCK", block)
    rng = RNG(block)
    vectors, queries = rng.standard_normal((700, 8), np.float32), rng.standard_normal((5, 8), np.float32)
    for k in (1, 30, 700):
        agree(ExactIndex(vectors).search(queries, k, [None] * 5), oracle(vectors, queries, k, [None] * 5))


@pytest.mark.parametrize("items", [40, 900])
def test_equal_scores_are_ordered_by_row(items: int) -> None:
    rng = RNG(7)
    vectors, queries = whole_numbers(rng, items, 3), whole_numbers(rng, 8, 3)
    masks = [None, *(rng.random(items) < share for share in (0.1, 0.5, 0.9, 0.9, 0.9, 0.99, 0.99))]
    agree(ExactIndex(vectors).search(queries, 25, masks), oracle(vectors, queries, 25, masks))


def test_a_query_of_zeros_ranks_by_row_alone() -> None:
    vectors = RNG(0).standard_normal((500, 4), np.float32)
    mask = np.arange(500) % 2 == 1
    found = ExactIndex(vectors).search(np.zeros((2, 4), np.float32), 3, [None, mask])
    assert found.rows.tolist() == [[0, 1, 2], [1, 3, 5]]


def test_an_answer_does_not_depend_on_its_batch() -> None:
    rng = RNG(3)
    vectors, queries = rng.standard_normal((2000, 48), np.float32), rng.standard_normal((64, 48), np.float32)
    masks = [rng.random(2000) < share for share in rng.random(64)]
    index = ExactIndex(vectors)
    together = index.search(queries, 10, masks)
    for b in range(64):
        alone = index.search(queries[b : b + 1], 10, masks[b : b + 1])
        assert alone.rows.tolist() == together.rows[b : b + 1].tolist()
        assert alone.scores.tolist() == together.scores[b : b + 1].tolist()  # to the last bit


def test_queries_with_equal_masks_are_searched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = RNG(5)
    vectors, queries = rng.standard_normal((2000, 8), np.float32), rng.standard_normal((6, 8), np.float32)
    few = rng.random(2000) < 0.1
    other = few[::-1].copy()  # as many rows, not the same ones
    calls: list[tuple[int, int]] = []
    search = faiss_backends.CpuBackend.nearest_among

    def counted(self: faiss_backends.CpuBackend, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
        calls.append((len(queries), len(rows)))
        return search(self, queries, rows, k)

    monkeypatch.setattr(faiss_backends.CpuBackend, "nearest_among", counted)
    masks = [few, other, few, few.copy(), None, other]
    found = ExactIndex(vectors).search(queries, 10, masks)
    assert calls == [(3, few.sum()), (2, few.sum())]
    agree(found, oracle(vectors, queries, 10, masks))


@pytest.mark.parametrize("batch", [1, 3, 4, 40])
def test_a_filter_for_few_and_for_many_queries(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From SHARED queries on the allowed rows are copied out, here in blocks of 100."""
    monkeypatch.setattr(faiss_backends, "BLOCK", 100)
    rng = RNG(batch)
    vectors, queries = whole_numbers(rng, 1500, 8), whole_numbers(rng, batch, 8)
    masks = [np.arange(1500) % 3 == 0] * batch
    agree(ExactIndex(vectors).search(queries, 120, masks), oracle(vectors, queries, 120, masks))


def test_a_careless_backend_cannot_break_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend may order near-ties as it likes: here it reverses what it nominates."""
    rng = RNG(8)
    vectors, queries = rng.standard_normal((600, 8), np.float32), rng.standard_normal((3, 8), np.float32)
    nearest = faiss_backends.CpuBackend.nearest
    monkeypatch.setattr(faiss_backends.CpuBackend, "nearest", lambda self, q, k: nearest(self, q, k)[:, ::-1])
    agree(ExactIndex(vectors).search(queries, 20, [None] * 3), oracle(vectors, queries, 20, [None] * 3))


@pytest.mark.parametrize(
    ("queries", "k", "allowed", "message"),
    [
        (np.zeros((1, 3)), 0, [None], "k must be at least 1"),
        (np.zeros((1, 2)), 1, [None], r"shape \[batch, 3\], not \(1, 2\)"),
        (np.zeros(3), 1, [None], r"shape \[batch, 3\]"),
        (np.zeros((2, 3)), 1, [None], "2 queries need as many masks"),
        (np.zeros((1, 3)), 1, [np.ones(5)], r"a mask must be bool \[5\], not float64 \[5\]"),
        (np.zeros((1, 3)), 1, [np.ones(4, bool)], r"a mask must be bool \[5\], not bool \[4\]"),
        (np.full((1, 3), np.nan), 1, [None], "NaN or Infinity"),
        (np.full((1, 3), np.inf), 1, [None], "NaN or Infinity"),
        (np.full((1, 3), 3e38), 1, [None], "so large that a score would be"),
    ],
)
def test_what_cannot_be_asked(
    queries: np.ndarray, k: int, allowed: list[np.ndarray | None], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ExactIndex(np.full((5, 3), 2.0, np.float32)).search(queries, k, allowed)


def test_vectors_must_be_finite_rows() -> None:
    with pytest.raises(ValueError, match="NaN or Infinity"):
        ExactIndex(np.array([[1.0, np.nan]], np.float32))
    with pytest.raises(ValueError, match="shape"):
        ExactIndex(np.zeros(3, np.float32))


def test_no_items_and_no_queries() -> None:
    empty = ExactIndex(np.zeros((0, 3), np.float32)).search(np.ones((2, 3)), 2, [None, np.zeros(0, bool)])
    assert empty.rows.tolist() == [[-1, -1], [-1, -1]]
    assert empty.allowed.tolist() == [0, 0]
    none = ExactIndex(np.ones((4, 3), np.float32)).search(np.ones((0, 3)), 2, [])
    assert none.rows.shape == (0, 2)


def test_vectors_are_not_copied_when_they_are_contiguous_float32() -> None:
    vectors = np.ones((4, 3), np.float32)
    vectors.setflags(write=False)
    index = ExactIndex(vectors)
    assert index._search.vectors is vectors
    assert index.search(np.ones((1, 3)), 1, [None]).rows.tolist() == [[0]]
    turned = ExactIndex(np.asfortranarray(RNG(0).random((4, 3))))
    assert turned._search.vectors.flags.c_contiguous
    assert turned._search.vectors.dtype == np.float32


def test_threads_may_search_at_once() -> None:
    rng = RNG(9)
    vectors, queries = rng.standard_normal((3000, 16), np.float32), rng.standard_normal((32, 16), np.float32)
    masks = [rng.random(3000) < 0.3 for _ in range(32)]
    index, right = ExactIndex(vectors), oracle(vectors, queries, 10, masks)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda b: index.search(queries[b : b + 1], 10, masks[b : b + 1]), range(32)))
    assert np.concatenate([result.rows for result in found]).tolist() == right.rows.tolist()


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_search_agrees_with_the_oracle(data: st.DataObject) -> None:
    items, width = data.draw(st.integers(0, 400)), data.draw(st.integers(1, 5))
    batch, k = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 420))
    rng = RNG(data.draw(st.integers(0, 2**32)))
    vectors, queries = whole_numbers(rng, items, width), whole_numbers(rng, batch, width)
    shares = data.draw(
        st.lists(st.sampled_from([None, 0.0, 0.05, 0.3, 0.7, 0.97, 1.0]), min_size=batch, max_size=batch)
    )
    masks = [None if share is None else rng.random(items) < share for share in shares]
    agree(ExactIndex(vectors).search(queries, k, masks), oracle(vectors, queries, k, masks))


def test_open_index_takes_the_device_that_is_there() -> None:
    vectors = np.ones((4, 3), np.float32)
    assert open_index(vectors, "cpu").mode == "exact"
    assert open_index(vectors).mode == ("exact-gpu" if faiss.get_num_gpus() > 0 else "exact")
    with pytest.raises(ValueError, match="auto, cpu or gpu, not 'tpu'"):
        open_index(vectors, "tpu")  # type: ignore[arg-type]


@pytest.mark.skipif(faiss.get_num_gpus() > 0, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="needs faiss-gpu and a CUDA device"):
        open_index(np.ones((4, 3), np.float32), "gpu")


@pytest.mark.skipif(faiss.get_num_gpus() == 0, reason="needs faiss-gpu and a CUDA device")
class TestOnAGpu:
    """The same rules where the GPU does the arithmetic."""

    def test_it_agrees_with_the_oracle_and_the_cpu(self) -> None:
        rng = RNG(4)
        vectors, queries = (
            rng.standard_normal((5000, 64), np.float32),
            rng.standard_normal((12, 64), np.float32),
        )
        masks = [
            None,
            *(
                rng.random(5000) < share
                for share in (0.0, 0.001, 0.02, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0, 1.0, 1.0)
            ),
        ]
        for k in (1, 10, 1500, 3000):  # the last is beyond what a GPU selects
            found = GpuExactIndex(vectors).search(queries, k, masks)
            on_cpu = ExactIndex(vectors).search(queries, k, masks)
            assert found.rows.tolist() == on_cpu.rows.tolist()
            assert found.scores.tolist() == on_cpu.scores.tolist()
            boosts = [Boosts(np.arange(b, 5000, 50), np.full(100, 9.0, np.float32)) for b in range(12)]
            lifted = GpuExactIndex(vectors).search(queries, k, masks, boosts)
            assert lifted.rows.tolist() == ExactIndex(vectors).search(queries, k, masks, boosts).rows.tolist()
            for b, mask in enumerate(masks):
                rows = found.rows[b][found.rows[b] >= 0]
                assert len(rows) == min(k, found.allowed[b])
                assert mask is None or mask[rows].all()

    def test_faiss_ignores_a_selector_there_and_we_do_not_use_one(self) -> None:
        vectors = RNG(4).standard_normal((100, 8), np.float32)
        index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), 8)
        index.add(vectors)
        only_row_0 = np.arange(100) == 0
        selected = index.search(
            vectors[7:8], 1, params=faiss.SearchParameters(sel=faiss.IDSelectorRange(0, 1))
        )[1]
        assert selected.tolist() == [[7]], (
            "FAISS honours selectors on the GPU now: masked_search.py may use them"
        )
        assert GpuExactIndex(vectors).search(vectors[7:8], 1, [only_row_0]).rows.tolist() == [[0]]

    def test_threads_take_turns(self) -> None:
        rng = RNG(9)
        vectors, queries = (
            rng.standard_normal((3000, 16), np.float32),
            rng.standard_normal((32, 16), np.float32),
        )
        index, right = GpuExactIndex(vectors), oracle(vectors, queries, 10, [None] * 32)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda b: index.search(queries[b : b + 1], 10, [None]), range(32)))
        assert np.concatenate([result.rows for result in found]).tolist() == right.rows.tolist()
