"""Whitening in closed form."""

import numpy as np

from model.whitening import Whitening, fit_whitening

# Four points around (1, 2): variances 8/3 along x and 2/3 along y, no covariance; mean variance 5/3.
POINTS = np.array([[3, 2], [-1, 2], [1, 3], [1, 1]], dtype=np.float32)


def test_every_direction_is_divided_by_its_spread() -> None:
    white = fit_whitening(POINTS, shrinkage=0.0)
    assert white.mean.tolist() == [1.0, 2.0]
    covariance = white.map.T @ np.diag([8 / 3, 2 / 3]) @ white.map
    np.testing.assert_allclose(covariance, np.eye(2), atol=1e-6)


def test_shrinkage_adds_a_share_of_the_mean_variance_to_every_direction() -> None:
    white = fit_whitening(POINTS, shrinkage=0.6)  # adds 1 to both
    np.testing.assert_allclose(white.map.T @ np.diag([11 / 3, 5 / 3]) @ white.map, np.eye(2), atol=1e-6)
    assert white.map.dtype == white.mean.dtype == np.float32


def test_applied_vectors_are_centred_mapped_and_of_unit_length() -> None:
    white = Whitening(np.array([1, 0], "f4"), np.array([[2, 0], [0, 1]], "f4"))
    applied = white.apply(np.array([[2.5, 4.0], [1.0, 0.0]], "f4"))
    np.testing.assert_allclose(applied, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
    assert applied.dtype == np.float32


def test_a_common_direction_no_longer_makes_all_alike() -> None:
    cone = np.array([[10, 1, 0], [10, -1, 0], [10, 0, 1], [10, 0, -1]], np.float32)
    cone /= np.linalg.norm(cone, axis=1, keepdims=True)
    assert (cone @ cone.T).min() > 0.97
    white = fit_whitening(cone).apply(cone)
    np.testing.assert_allclose(
        white @ white.T, [[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]], atol=1e-4
    )


def test_fewer_vectors_than_directions_give_finite_numbers() -> None:
    vectors = np.eye(8, dtype=np.float32)[:2]
    assert np.isfinite(fit_whitening(vectors).apply(vectors)).all()
    assert np.isfinite(fit_whitening(vectors[:1]).apply(vectors)).all()
