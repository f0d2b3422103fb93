"""The one-byte scan against float32 search: the same rows always, whether the scan could prove them or not."""

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import compressed_scan
from index.compressed_scan import FEW_QUERIES, SPARE, WORTH, CompressedBackend, cpu_backend
from index.faiss_backends import CpuBackend
from index.item_index import ExactIndex

RNG = np.random.default_rng


def compressed(vectors: np.ndarray) -> CompressedBackend:
    return CompressedBackend(vectors, float(np.linalg.norm(vectors, axis=1).max()))


def nearest(vectors: np.ndarray, queries: np.ndarray, k: int) -> list[list[int]]:
    products = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    return np.argsort(-products, axis=1, kind="stable")[:, :k].tolist()


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many queries each float32 search was asked."""
    asked: list[int] = []
    of_all, of_some = CpuBackend.nearest, CpuBackend.nearest_among

    def nearest(self: CpuBackend, queries: np.ndarray, k: int) -> np.ndarray:
        asked.append(len(queries))
        return of_all(self, queries, k)

    def nearest_among(self: CpuBackend, queries: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
        asked.append(len(queries))
        return of_some(self, queries, rows, k)

    monkeypatch.setattr(CpuBackend, "nearest", nearest)
    monkeypatch.setattr(CpuBackend, "nearest_among", nearest_among)
    return asked


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_the_scan_proves_the_best_rows_by_itself(
    cores: int, in_float32: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss, "omp_get_max_threads", lambda: cores)
    rng = RNG(cores)
    vectors, queries = rng.standard_normal((5000, 32), np.float32), rng.standard_normal((3, 32), np.float32)
    assert compressed(vectors).nearest(queries, 20).tolist() == nearest(vectors, queries, 20)
    assert in_float32 == []


def test_columns_of_other_sizes_and_places_do_not_spoil_the_proof(in_float32: list[int]) -> None:
    """As in `[z ; a*c]`. One scale for all of them would round the small columns away."""
    rng = RNG(1)
    sizes, places = np.geomspace(0.01, 10, 16), rng.standard_normal(16)
    vectors = (rng.standard_normal((4000, 16)) * sizes + places).astype(np.float32)
    queries = (rng.standard_normal((2, 16)) / sizes).astype(np.float32)
    compressed(vectors).nearest(queries, 10)
    assert in_float32 == []


def test_a_query_whose_best_rows_one_byte_cannot_tell_apart_is_searched_in_float32(
    in_float32: list[int],
) -> None:
    """2,000 rows differ by less than a step of the code; the other query's best rows stand clear."""
    rng = RNG(2)
    alike = np.ones((2000, 8)) + 1e-5 * rng.standard_normal((2000, 8))
    clear = -np.geomspace(1, 5, 300)[:, None] * np.ones(8)
    vectors = np.concatenate([alike, clear]).astype(np.float32)
    queries = np.stack([np.ones(8), -np.ones(8)]).astype(np.float32)
    found = compressed(vectors).nearest(queries, 5)
    assert in_float32 == [1]
    products = vectors.astype(np.float64) @ queries[0].astype(np.float64)
    assert np.sort(products)[-5:].min() - products[found[0]].min() < 1e-5
    assert found[1].tolist() == [2299, 2298, 2297, 2296, 2295]


def test_a_query_of_zeros_proves_nothing(in_float32: list[int]) -> None:
    vectors = RNG(3).standard_normal((1000, 4), np.float32)
    compressed(vectors).nearest(np.zeros((1, 4), np.float32), 3)
    assert in_float32 == [1]


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e18])
def test_few_rows_constant_columns_and_extreme_sizes(size: float) -> None:
    vectors = np.array([[1, 5, 0], [2, 5, 0], [3, 5, 0]], np.float32) * np.float32(size)
    backend = compressed(vectors)
    assert backend.nearest(np.array([[1, 1, 1], [-1, 0, 2]], np.float32), 3).tolist() == [
        [2, 1, 0],
        [0, 1, 2],
    ]
    assert compressed(vectors[:1]).nearest(np.ones((1, 3), np.float32), 1).tolist() == [[0]]


def test_of_nearly_all_rows_those_left_out_never_come(in_float32: list[int]) -> None:
    rng = RNG(4)
    vectors, queries = rng.standard_normal((6000, 16), np.float32), rng.standard_normal((2, 16), np.float32)
    best = nearest(vectors, queries, 6000)
    rows = np.setdiff1d(np.arange(6000), best[0][:400])  # more than the spare ones
    found = compressed(vectors).nearest_among(queries, rows, 10)
    assert in_float32 == []
    assert found[0].tolist() == best[0][400:410]
    assert found[1].tolist() == [row for row in best[1] if row in set(rows.tolist())][:10]


def test_nearly_all_rows_that_are_alike_are_searched_in_float32(in_float32: list[int]) -> None:
    vectors = np.ones((1000, 4), np.float32)
    rows = np.arange(100, 1000)
    found = compressed(vectors).nearest_among(np.ones((1, 4), np.float32), rows, 3)
    assert in_float32 == [1]
    assert set(found[0].tolist()) <= set(rows.tolist())


def test_many_queries_and_few_rows_are_left_to_float32(in_float32: list[int]) -> None:
    rng = RNG(5)
    vectors = rng.standard_normal((900, 8), np.float32)
    queries = rng.standard_normal((FEW_QUERIES, 8), np.float32)
    backend = compressed(vectors)
    assert backend.nearest(queries, 4).tolist() == nearest(vectors, queries, 4)
    backend.nearest_among(queries, np.arange(900), 4)
    backend.nearest_among(queries[:1], np.arange(500), 4)
    assert in_float32 == [FEW_QUERIES, FEW_QUERIES, 1]


def test_what_fits_the_cache_gets_no_copy() -> None:
    row = np.zeros((1, 1024), np.float32)
    large = np.broadcast_to(row, (WORTH // row.nbytes - 1, 1024))
    assert isinstance(cpu_backend(large, 0.0), CpuBackend)
    small = RNG(0).standard_normal((SPARE, 8), np.float32)
    assert isinstance(cpu_backend(small, 9.0), CpuBackend)


def test_an_index_with_the_copy_answers_as_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 900), st.sampled_from([1, 3, 12]), st.integers(1, 40))
    def same(seed: int, items: int, batch: int, k: int) -> None:
        rng = RNG(seed)
        # Whole numbers half of the time: many ties.
        vectors = rng.standard_normal((items, 6)) if seed % 2 else rng.integers(-3, 4, size=(items, 6))
        vectors, queries = vectors.astype(np.float32), rng.standard_normal((batch, 6), np.float32)
        masks = [None if share > 0.9 else rng.random(items) < share * 1.2 for share in rng.random(batch)]
        monkeypatch.setattr(compressed_scan, "WORTH", 2**60)
        plain = ExactIndex(vectors).search(queries, k, masks)
        monkeypatch.setattr(compressed_scan, "WORTH", 0)
        index = ExactIndex(vectors)
        assert isinstance(index._search.backend, CompressedBackend)
        found = index.search(queries, k, masks)
        assert found.rows.tolist() == plain.rows.tolist()
        assert found.scores.tolist() == plain.scores.tolist()  # to the last bit

    same()
