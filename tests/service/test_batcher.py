"""The batcher's promises, one test each, with real threads and jobs that can be held back."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait

import pytest

from service.batcher import MicroBatcher, Pace, Ran
from service.tickets import ClosedError, DeadlineError, Done, QueueFullError


class Recorder:
    """A run function that records its batches, can be held at a gate, and fails for given jobs."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.poison: set[int] = set()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.gate.set()
        self.observed: list[tuple[int, int]] = []
        self.failures: list[int] = []
        self.ran: Ran | None = None
        self.wait: Callable[[], object] = lambda: self.gate.wait(10) or pytest.fail("held for too long")

    def run(self, jobs: Sequence[int]) -> list[str]:
        self.batches.append(list(jobs))
        self.entered.set()
        self.wait()
        if bad := self.poison.intersection(jobs):
            raise ValueError(f"poison {bad}")
        return [f"r{job}" for job in jobs]

    def origin(self) -> str:
        return threading.current_thread().name

    def batch(self, ran: Ran) -> None:
        self.observed.append((len(ran.waited), ran.tokens))
        self.ran = ran

    def failure(self, jobs: int) -> None:
        self.failures.append(jobs)


Start = Callable[..., MicroBatcher[int, str]]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def start(recorder: Recorder) -> Iterator[Start]:
    started: list[MicroBatcher[int, str]] = []

    def make(
        budget: int = 100,
        wait_seconds: float = 0.0,
        max_queue: int = 100,
        max_wait_seconds: float = math.inf,
        workers: int = 1,
        begin: Callable[[], None] = lambda: None,
    ) -> MicroBatcher[int, str]:
        batcher = MicroBatcher(
            "test",
            recorder.run,
            recorder,
            budget=budget,
            wait_seconds=wait_seconds,
            max_queue=max_queue,
            max_wait_seconds=max_wait_seconds,
            workers=workers,
            begin=begin,
        )
        started.append(batcher)
        return batcher

    yield make
    recorder.gate.set()
    for batcher in started:
        batcher.close(5)


def hold(batcher: MicroBatcher[int, str], recorder: Recorder) -> "Future[Done[str]]":
    """Occupy the worker with job 0 until the gate opens, so that what follows has to queue."""
    recorder.gate.clear()
    recorder.entered.clear()
    first = batcher.submit(0)
    assert recorder.entered.wait(5)
    return first


def test_a_job_gets_its_own_result(start: Start) -> None:
    batcher = start()
    futures = [batcher.submit(n) for n in range(20)]
    assert [future.result(5).value for future in futures] == [f"r{n}" for n in range(20)]


def test_jobs_that_wait_together_run_together(start: Start, recorder: Recorder) -> None:
    batcher = start()
    hold(batcher, recorder)
    futures = [batcher.submit(n) for n in (1, 2, 3)]
    recorder.gate.set()
    wait(futures, 5)
    assert recorder.batches == [[0], [1, 2, 3]]


def test_a_batch_stays_within_the_budget(start: Start, recorder: Recorder) -> None:
    batcher = start(budget=100)
    hold(batcher, recorder)
    # 1 and 2 are 50 tokens, 3 would make 101; 4 is over budget and runs alone; 5 and 6 fill it to the last token.
    futures = [
        batcher.submit(n, tokens) for n, tokens in [(1, 10), (2, 40), (3, 51), (4, 300), (5, 95), (6, 5)]
    ]
    recorder.gate.set()
    wait(futures, 5)
    assert recorder.batches == [[0], [1, 2], [3], [4], [5, 6]]
    assert recorder.observed == [(1, 1), (2, 50), (1, 51), (1, 300), (2, 100)]


def test_the_wait_for_company_counts_from_the_first_job(start: Start, recorder: Recorder) -> None:
    batcher = start(wait_seconds=0.3)
    started = time.monotonic()
    futures = []
    for n in range(5):  # a deadline that each job pushed back would never pass while these come in
        futures.append(batcher.submit(n))
        time.sleep(0.1)
    assert futures[0].result(5).value == "r0"
    waited = futures[0].result().waited
    assert 0.25 <= waited < 0.4
    assert time.monotonic() - started < 1.0
    assert len(recorder.batches[0]) in (3, 4)


def test_a_full_budget_does_not_wait_for_company(start: Start) -> None:
    batcher = start(budget=20, wait_seconds=30.0)
    futures = [batcher.submit(n, 10) for n in (1, 2)]
    assert [future.result(5).value for future in futures] == ["r1", "r2"]


def test_a_full_queue_refuses_at_once_and_says_when_to_return(start: Start, recorder: Recorder) -> None:
    batcher = start(max_queue=2)
    hold(batcher, recorder)
    batcher.submit(1)
    batcher.submit(2)
    started = time.monotonic()
    with pytest.raises(QueueFullError) as caught:
        batcher.submit(3)
    assert time.monotonic() - started < 0.1
    assert caught.value.retry_after >= 1
    assert batcher.waiting == 2


def test_a_queue_that_would_take_too_long_refuses_too(start: Start, recorder: Recorder) -> None:
    batcher = start(max_wait_seconds=5.0)
    batcher.submit(9, 10).result(5)
    batcher._pace.seconds, batcher._pace.tokens = 20.0, 10.0  # two seconds a token, whatever it took
    hold(batcher, recorder)
    batcher.submit(1, 4)  # an empty queue has room for any job
    with pytest.raises(QueueFullError) as caught:
        batcher.submit(2, 1)
    assert caught.value.retry_after == 8
    assert batcher.submit(3, 1, admitted=True)


def test_a_pace_that_is_forgotten_refuses_nobody(start: Start, recorder: Recorder) -> None:
    batcher = start(max_wait_seconds=5.0)
    batcher._pace.seconds, batcher._pace.tokens = 20.0, 10.0
    batcher.forget_pace()
    hold(batcher, recorder)
    for job in range(1, 9):
        batcher.submit(job, 4)
    assert batcher.waiting == 8


def test_the_pace_is_that_of_the_tokens_and_not_of_the_batches() -> None:
    pace = Pace()
    assert pace.seconds_per_token == 0
    assert pace.tokens_per_job == 0
    pace.note(4, 100, 1.0)
    assert pace.seconds_per_token == 0.01
    assert pace.tokens_per_job == 25
    pace.note(1, 1, 0.1)  # a small batch is slow, and says little
    assert pace.seconds_per_token == pytest.approx((0.9 * 1.0 + 0.1) / (0.9 * 100 + 1))
    assert pace.tokens_per_job == pytest.approx((0.9 * 100 + 1) / (0.9 * 4 + 1))


def test_a_job_whose_deadline_has_passed_never_runs(start: Start, recorder: Recorder) -> None:
    batcher = start(max_queue=2)
    hold(batcher, recorder)
    late = batcher.submit(1, deadline=time.monotonic() - 1)
    stays = batcher.submit(2, deadline=time.monotonic() + 60)
    also = batcher.submit(3)  # the queue is full by number, and makes room by dropping the late one
    recorder.gate.set()
    assert (stays.result(5).value, also.result(5).value) == ("r2", "r3")
    with pytest.raises(DeadlineError):
        late.result(5)
    assert recorder.batches == [[0], [2, 3]]


def test_a_deadline_that_passes_in_the_queue_is_noticed_when_the_batch_is_taken(
    start: Start, recorder: Recorder
) -> None:
    batcher = start()
    hold(batcher, recorder)
    deadline = time.monotonic() + 0.05
    late, stays = batcher.submit(1, deadline=deadline), batcher.submit(2)
    while time.monotonic() < deadline:
        pass
    recorder.gate.set()
    assert stays.result(5).value == "r2"
    with pytest.raises(DeadlineError):
        late.result(5)
    assert recorder.batches == [[0], [2]]


def test_cancelled_jobs_never_run_and_free_their_place(start: Start, recorder: Recorder) -> None:
    batcher = start(max_queue=2)
    hold(batcher, recorder)
    gone, stays = batcher.submit(1), batcher.submit(2)
    assert gone.cancel()
    late = batcher.submit(3)
    recorder.gate.set()
    assert (stays.result(5).value, late.result(5).value) == ("r2", "r3")
    assert recorder.batches == [[0], [2, 3]]


def test_when_all_are_cancelled_the_worker_waits_for_more(start: Start, recorder: Recorder) -> None:
    batcher = start()
    hold(batcher, recorder)
    for future in [batcher.submit(1), batcher.submit(2)]:
        future.cancel()
    recorder.gate.set()
    assert batcher.submit(3).result(5).value == "r3"
    assert recorder.batches == [[0], [3]]


def test_a_poisoned_job_fails_alone(start: Start, recorder: Recorder) -> None:
    batcher = start()
    hold(batcher, recorder)
    recorder.poison = {2}
    good, bad, also_good = batcher.submit(1), batcher.submit(2), batcher.submit(3)
    recorder.gate.set()
    assert (good.result(5).value, also_good.result(5).value) == ("r1", "r3")
    with pytest.raises(ValueError, match="poison"):
        bad.result(5)
    assert recorder.batches == [[0], [1, 2, 3], [1], [2], [3]]  # split once, each tried once
    assert recorder.failures == [3, 1]


def test_a_run_that_loses_a_result_is_a_failure(recorder: Recorder) -> None:
    batcher: MicroBatcher[int, str] = MicroBatcher(
        "test", lambda jobs: [], recorder, budget=1, wait_seconds=0, max_queue=9
    )
    with pytest.raises(RuntimeError, match="1 jobs gave 0 results"):
        batcher.submit(1).result(5)
    batcher.close(5)


def test_close_finishes_what_is_queued_and_then_refuses(start: Start, recorder: Recorder) -> None:
    batcher = start(wait_seconds=30.0)
    futures = [batcher.submit(n) for n in (1, 2)]
    batcher.close(5)  # does not sit out the 30 seconds
    assert [future.result(0).value for future in futures] == ["r1", "r2"]
    with pytest.raises(ClosedError):
        batcher.submit(3)


def test_close_with_a_stuck_worker_leaves_no_future_unset(start: Start, recorder: Recorder) -> None:
    batcher = start()
    stuck = hold(batcher, recorder)
    queued = batcher.submit(1)
    batcher.close(0.1)
    with pytest.raises(ClosedError):
        queued.result(0)
    recorder.gate.set()
    assert stuck.result(5).value == "r0"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dying_worker_leaves_no_future_unset() -> None:
    recorder = Recorder()

    def die(jobs: Sequence[int]) -> list[str]:
        recorder.run(jobs)
        raise KeyboardInterrupt

    batcher: MicroBatcher[int, str] = MicroBatcher(
        "test", die, recorder, budget=99, wait_seconds=0, max_queue=9
    )
    running = hold(batcher, recorder)
    queued = batcher.submit(1)
    recorder.gate.set()
    with pytest.raises(KeyboardInterrupt):
        running.result(5)
    with pytest.raises(ClosedError):
        queued.result(5)
    with pytest.raises(ClosedError):
        batcher.submit(2)
    batcher.close(5)


def test_workers_run_a_batch_each_at_the_same_time(start: Start, recorder: Recorder) -> None:
    begun: list[str] = []
    batcher = start(budget=1, workers=2, begin=lambda: begun.append(threading.current_thread().name))
    together = threading.Barrier(3, timeout=10)  # opens for two workers and this test at once, or never
    recorder.wait = together.wait
    futures = [batcher.submit(1), batcher.submit(2)]
    together.wait()
    assert sorted(future.result(5).value for future in futures) == ["r1", "r2"]
    assert sorted(begun) == ["test-0", "test-1"]


def test_two_workers_work_a_queue_off_in_half_the_time(start: Start, recorder: Recorder) -> None:
    for workers, seconds in ((1, 30), (2, 15)):
        batcher = start(max_queue=1, budget=1, workers=workers)
        recorder.gate.clear()
        for n in range(workers):
            recorder.entered.clear()
            batcher.submit(n)
            assert recorder.entered.wait(5)
        batcher.submit(9, 30)
        batcher._pace.note(1, 1, 1.0)
        with pytest.raises(QueueFullError) as refused:
            batcher.submit(10)
        with pytest.raises(QueueFullError):
            batcher.check_room()
        assert refused.value.retry_after == seconds
        recorder.gate.set()
        batcher.close(5)


def test_those_who_come_take_room_behind_those_who_wait(start: Start, recorder: Recorder) -> None:
    batcher = start(max_queue=4, max_wait_seconds=10.0, budget=1)
    batcher.check_room(1000)  # nobody waits: they may need none
    hold(batcher, recorder)
    batcher._pace.note(10, 50, 50.0)  # five seconds a job
    batcher.submit(1, 5)
    batcher.check_room(1)  # 10 s
    with pytest.raises(QueueFullError) as refused:
        batcher.check_room(2)
    assert refused.value.retry_after == 15
    batcher.forget_pace()
    batcher.check_room(2)
    with pytest.raises(QueueFullError):
        batcher.check_room(3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_dies_takes_the_others_with_it(start: Start) -> None:
    deaths = iter([True])

    def begin() -> None:
        if next(deaths, False):
            raise KeyboardInterrupt

    batcher = start(workers=2, begin=begin)
    for thread in batcher._threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in batcher._threads)
    with pytest.raises(ClosedError):
        batcher.submit(1)


@pytest.mark.parametrize("workers", [1, 3])
def test_many_threads_submitting_and_cancelling_lose_nothing(start: Start, workers: int) -> None:
    batcher = start(budget=64, max_queue=10_000, workers=workers)
    futures: list[Future[Done[str]]] = []
    lock = threading.Lock()

    def client(base: int) -> None:
        for n in range(base, base + 200):
            future = batcher.submit(n, 1 + n % 7)
            if n % 5 == 0:
                future.cancel()
            with lock:
                futures.append(future)

    threads = [threading.Thread(target=client, args=(base,)) for base in (0, 200, 400, 600)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done, unset = wait(futures, 10)
    assert (len(done), unset) == (800, set())
    results = {future.result().value for future in done if not future.cancelled()}
    assert {f"r{n}" for n in range(800) if n % 5} <= results


def test_a_job_admitted_elsewhere_is_never_refused(start: Start, recorder: Recorder) -> None:
    batcher = start(max_queue=1)
    hold(batcher, recorder)
    batcher.submit(1)
    admitted = batcher.submit(2, admitted=True)
    recorder.gate.set()
    assert admitted.result(5).value == "r2"


def test_the_observer_is_told_who_submitted_and_how_long_each_job_waited(
    start: Start, recorder: Recorder
) -> None:
    batcher = start()
    hold(batcher, recorder)
    futures = [batcher.submit(1, 30)]
    elsewhere = threading.Thread(name="elsewhere", target=lambda: futures.append(batcher.submit(2, 40)))
    elsewhere.start()
    elsewhere.join()
    recorder.gate.set()
    results = [future.result(5) for future in futures]
    batcher.close(5)  # the last batch has been told
    assert recorder.ran is not None
    assert recorder.ran.tokens == 70
    assert recorder.ran.origins == (threading.current_thread().name, "elsewhere")
    assert recorder.ran.waited == tuple(result.waited for result in results)
    assert recorder.ran.seconds == results[0].ran
