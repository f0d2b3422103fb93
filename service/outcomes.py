"""What people get, counted from the answers themselves: how full, how varied, made from what, without what.

Letters: k items of an answer, D width of z.
"""

import numpy as np
from numpy.typing import NDArray

from service.metrics import Metrics
from service.schemas import AppliedConstraint, RecommendRequest, RecommendResponse


def count_answer(
    metrics: Metrics, request: RecommendRequest, answer: RecommendResponse, z: NDArray[np.float32]
) -> None:
    """Count an answer of POST /recommend; z [k, D] are the unit vectors of its items."""
    history = bool(request.history) or answer.applied.stored_history > 0
    metrics.recommendations.labels(inputs_of(history, bool(request.constraint))).inc()
    metrics.answer_items.observe(len(answer.items))
    if len(z) > 1:
        metrics.similarity.observe(mean_cosine(z))
    if answer.applied.diversity is not None:
        metrics.candidates.observe(answer.applied.diversity.candidates)
    for what in answer.degraded:
        metrics.degraded.labels(what).inc()
    metrics.unknown_items.inc(len(answer.unknown_items))
    if request.constraint:
        for outcome, parts in parts_of(answer.applied.constraint).items():
            metrics.sentence_parts.labels(outcome).inc(parts)


def inputs_of(history: bool, sentence: bool) -> str:
    """What a recommendation was made from, as a label."""
    if history:
        return "both" if sentence else "history"
    return "sentence" if sentence else "nothing"


def parts_of(constraint: AppliedConstraint) -> dict[str, int]:
    """How many parts of a sentence were obeyed, steered softly as text, ignored, or contradicted each other."""
    return {
        "understood": len({part.clause for part in constraint.understood}),
        "as_text": int(bool(constraint.as_text)),
        "ignored": len(constraint.ignored),
        "contradiction": len(constraint.contradictions),
    }


def mean_cosine(z: NDArray[np.float32]) -> float:
    """Mean over all pairs of different rows of z [k, D], k > 1: |sum of rows|^2 = k + 2 * (sum over pairs)."""
    k = len(z)
    total = z.sum(axis=0, dtype=np.float64)  # [D]
    return float((total @ total - k) / (k * (k - 1)))
