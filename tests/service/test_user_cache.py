"""The cache of user embeddings: it saves passes of the encoder and never changes an answer."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.constraints import Constraint, Phrase
from service.encoding import EncodeJob
from service.history import Entry
from service.loading import load_recommender
from service.metrics import Metrics
from service.settings import Settings
from service.user_cache import CONSTRAINT_BYTES, ENTRY_BYTES, Kept, UserCache, key_of
from tests.service.fakes import FakeEncoder
from tests.service.world import BRANDS, Running, running

Start = Callable[..., Running]
HISTORY = [{"item_id": "i1"}, {"item_id": "i2"}]
TOLERANCE = {"float32": 1e-4, "bfloat16": 2e-3}  # of a score


def kept(width: int = 4, sentence: str = "") -> Kept:
    return Kept(np.zeros(width, np.float32), Constraint(sentence), None, None)


def outcomes(server: Running) -> tuple[float, float]:
    """(hits, misses) so far."""
    count = server.recommender.metrics.registry.get_sample_value
    hits, misses = (count("laser_user_cache_total", {"outcome": each}) for each in ("hit", "miss"))
    return hits or 0.0, misses or 0.0


def test_the_least_recently_used_goes_when_the_bytes_are_spent() -> None:
    cache = UserCache(3 * (ENTRY_BYTES + 16))
    for name in (b"a", b"b", b"c"):
        cache.put(name, kept(), cache.age)
    assert cache.nbytes == 3 * (ENTRY_BYTES + 16)
    assert cache.get(b"a") is not None  # now b is the oldest
    cache.put(b"d", kept(), cache.age)
    assert [name for name in (b"a", b"b", b"c", b"d") if cache.get(name)] == [b"a", b"c", b"d"]
    cache.put(b"d", kept(8), cache.age)  # the same again is no second entry, and one of them has to go
    assert cache.nbytes == 2 * ENTRY_BYTES + 16 + 32


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = UserCache(ENTRY_BYTES + 16)
    cache.put(b"a", kept(), cache.age)
    cache.put(b"b", kept(sentence="so"), cache.age)
    assert kept(sentence="so").nbytes == ENTRY_BYTES + 16 + CONSTRAINT_BYTES
    assert (cache.get(b"a") is None, cache.get(b"b")) == (False, None)
    empty = UserCache(0)
    empty.put(b"a", kept(), empty.age)
    assert empty.get(b"a") is None


def test_what_was_begun_before_it_was_cleared_stays_out() -> None:
    cache = UserCache(10_000)
    before = cache.age
    cache.put(b"a", kept(), before)
    cache.clear()
    assert (cache.get(b"a"), cache.nbytes) == (None, 0)
    cache.put(b"b", kept(), before)
    assert cache.get(b"b") is None
    cache.put(b"b", kept(), cache.age)
    assert cache.get(b"b") is not None


def test_many_threads_keep_the_count_of_bytes_right() -> None:
    cache = UserCache(50 * (ENTRY_BYTES + 16))

    def work(seed: int) -> None:
        for n in range(300):
            name = bytes([(n * seed) % 100])
            if n % 3:
                cache.put(name, kept(), cache.age)
            elif n % 100 == 99:
                cache.clear()
            else:
                cache.get(name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, (1, 3, 7, 11)))
    left = sum(cache.get(bytes([n])) is not None for n in range(100))
    assert cache.nbytes == left * (ENTRY_BYTES + 16)


def test_a_key_tells_apart_whatever_an_embedding_depends_on(live: Running) -> None:
    snapshot = live.recommender.snapshot
    one, two = Entry(0, 1, None), Entry(1, 2, None)
    said = Constraint("cosy", phrases=(Phrase("cosy"),))
    titled = Entry(0, None, {"title": "a", "brand": "Acme"})
    plain = EncodeJob(snapshot, (one, two))
    different = [
        plain,
        EncodeJob(snapshot, (two, one)),
        EncodeJob(snapshot, (one, one, two)),
        EncodeJob(snapshot, (Entry(0, None, {"title": "a"}),)),
        EncodeJob(snapshot, (titled,)),
        EncodeJob(snapshot, (one, two), explain=True),
        EncodeJob(snapshot, (one, two), said),
        EncodeJob(snapshot, (one, two), replace(said, phrases=())),
        EncodeJob(snapshot, (one, two), said, strict=False),
        EncodeJob(snapshot, (one, two), said, explain=True),
        EncodeJob(replace(snapshot, change=7), (one, two), said),
    ]
    assert len({key_of(job, 8) for job in different}) == len(different)
    # What the encoder does not look at: places in the request, older items, another change where nothing is said.
    same = [
        EncodeJob(snapshot, (Entry(None, 1, None), Entry(5, 2, None))),
        EncodeJob(snapshot, (*[Entry(0, 3, None)] * 4, one, two)),
        EncodeJob(replace(snapshot, change=7), (one, two)),
    ]
    assert key_of(same[0], 8) == key_of(plain, 8) == key_of(same[2], 8)
    assert key_of(same[1], 2) == key_of(plain, 2)
    turned = Entry(0, None, {"brand": "Acme", "title": "a"})
    assert key_of(EncodeJob(snapshot, (turned,)), 8) == key_of(EncodeJob(snapshot, (titled,)), 8)


def test_a_repeated_request_is_encoded_once_whatever_else_it_asks(
    fragile: Start, encoder: FakeEncoder
) -> None:
    server = fragile(cache_mb=1.0)
    first = server.post(history=HISTORY, k=5)
    again = server.post(history=HISTORY, k=3, exclude={"item_ids": ["i7"]})
    assert encoder.users == 1
    assert outcomes(server) == (1, 1)
    assert "encode" in first.headers["server-timing"]
    assert "encode" not in again.headers["server-timing"]
    server.post(history=HISTORY, constraint="not Stanley")
    assert encoder.users == 2


def test_deleting_a_user_empties_it(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile(cache_mb=1.0)
    server.post(history=HISTORY)
    assert server.client.delete("/users/u1").status_code == 200
    server.post(history=HISTORY)
    assert encoder.users == 2


def test_a_full_queue_still_answers_what_is_kept(fragile: Start, encoder: FakeEncoder) -> None:
    server = fragile(cache_mb=1.0, max_queue=1)
    server.post(history=HISTORY)
    encoder.gate.clear()
    encoder.entered.clear()
    with ThreadPoolExecutor(2) as pool:
        pool.submit(server.post, history=[{"item_id": "i3"}])
        assert encoder.entered.wait(5)
        pool.submit(server.post, history=[{"item_id": "i4"}])
        assert server.post(history=HISTORY).status_code == 200
        encoder.gate.set()


REQUESTS = st.fixed_dictionaries(
    {"k": st.integers(1, 20), "explain": st.booleans()},
    optional={
        "history": st.lists(
            st.one_of(
                st.builds(lambda n: {"item_id": f"i{n}"}, st.integers(0, 12)),
                st.builds(
                    lambda b: {"title": "a thing", "attributes": {"brand": b}}, st.sampled_from(BRANDS)
                ),
            ),
            min_size=1,
            max_size=6,
        ),
        "constraint_mode": st.sampled_from(["strict", "soft"]),
    },
).flatmap(
    lambda request: (
        st.sampled_from(["under $20", "not Stanley, something handy", "handy"]).map(
            lambda said: {**request, "constraint": said}
        )
        if "history" not in request
        else st.sampled_from([{}, {"constraint": "not Stanley, something handy"}]).map(
            lambda more: request | more
        )
    )
)


@pytest.fixture(scope="module", params=list(TOLERANCE))
def pair(settings: Settings, request: pytest.FixtureRequest) -> Iterator[tuple[Running, Running, float]]:
    """A service that keeps embeddings, one that does not, and how far their scores may differ."""
    with ExitStack() as stack:
        servers = []
        for cache_mb in (64.0, 0.0):
            update = {"cache_mb": cache_mb, "batch_wait_ms": 20.0, "dtype": request.param}
            changed = settings.model_copy(update=update)
            servers.append(stack.enter_context(running(changed, load_recommender(changed, Metrics()))))
        yield servers[0], servers[1], TOLERANCE[request.param]


@hypothesis_settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(requests=st.lists(REQUESTS, min_size=2, max_size=4))
def test_alone_in_a_batch_or_kept_the_answer_is_the_same(
    pair: tuple[Running, Running, float], requests: list[dict[str, Any]]
) -> None:
    keeps, uncached, tolerance = pair
    alone = [uncached.post(**request).json() for request in requests]
    with ThreadPoolExecutor(len(requests)) as pool:
        together = list(pool.map(lambda request: uncached.post(**request).json(), requests))
    first = [keeps.post(**request).json() for request in requests]
    kept = [keeps.post(**request).json() for request in requests]
    for right, *others in zip(alone, together, first, kept, strict=True):
        for answer in others:
            assert_same(right, answer, tolerance)


def assert_same(right: dict[str, Any], answer: dict[str, Any], tolerance: float) -> None:
    """The same but for the request's id and swaps between scores closer than twice the tolerance."""
    for field in ("applied", "unknown_items", "shortfall", "search", "versions", "degraded"):
        assert answer[field] == right[field]
    ids, expected = ([item["item_id"] for item in each["items"]] for each in (answer, right))
    scores = {item["item_id"]: item["score"] for item in right["items"]}
    lowest = min(scores.values(), default=0.0)
    for item in answer["items"]:
        known = scores.get(item["item_id"], lowest)  # one that is new may have swapped with the last
        assert abs(item["score"] - known) < 2 * tolerance
    if ids != expected:
        in_order = [scores.get(item_id, lowest) for item_id in ids]
        assert all(before > after - 2 * tolerance for before, after in pairwise(in_order))
