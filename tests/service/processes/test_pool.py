"""Processes that encode: they make the vectors that threads make, lose no call when they die, and end when told."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from index.bundle import Bundle
from model.checkpoint import load_checkpoint
from model.encoder import TextEncoder
from model.laser import Laser
from service.frozen_texts import FrozenTexts
from service.memory import descendants
from service.processes.laser import RemoteLaser, RemoteTexts
from service.processes.pool import EncodingError, Pool, PoolError
from tests.service.bundle_world import histories_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="encoding processes are for Linux")


@pytest.fixture(scope="module")
def checkpoint(bundle: Bundle) -> Path:
    return bundle.folder / "checkpoint"


@pytest.fixture(scope="module")
def laser(checkpoint: Path) -> Laser:
    """Computes here."""
    laser = load_checkpoint(checkpoint, dtype="float32")
    laser.fuse()
    return laser


@pytest.fixture(scope="module")
def pool(checkpoint: Path) -> Iterator[Pool]:
    pool = Pool(checkpoint, "float32", 2, 1)
    yield pool
    pool.release()


@pytest.fixture(scope="module")
def remote(pool: Pool) -> RemoteLaser:
    return RemoteLaser.of(pool)


def workers(pool: Pool) -> list[int]:
    return list(descendants(pool._zygote.pid))


def runs(pid: int) -> bool:
    """Whether there is such a process, and not its remains alone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait(until: Callable[[], bool]) -> None:
    for _ in range(3000):
        if until():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within half a minute")


def test_they_make_the_vectors_that_a_thread_makes(bundle: Bundle, laser: Laser, remote: RemoteLaser) -> None:
    histories = histories_of(bundle, laser, 12)
    np.testing.assert_allclose(
        remote.encode_users(histories), laser.encode_users(histories), rtol=0, atol=1e-6
    )
    records = bundle.catalogue.records()[:5]
    found, expected = remote.encode_items(records), laser.encode_items(records)
    assert found.token_ids == expected.token_ids
    np.testing.assert_allclose(found.vectors, expected.vectors, rtol=0, atol=1e-6)


def test_they_know_of_it_what_a_thread_knows(bundle: Bundle, laser: Laser, remote: RemoteLaser) -> None:
    assert remote.fingerprint == laser.fingerprint == bundle.manifest.encoder_fingerprint
    assert remote.width == laser.width == bundle.vectors.shape[1]
    assert remote.text_fields == laser.text_fields
    assert remote.reading == laser.reading
    assert remote.tokenize_constraint("quiet, please") == laser.tokenize_constraint("quiet, please") != ()
    for items in ([], [3], [5] * 4, [9] * 60):
        assert remote.prompt_tokens(items, 4) == laser.prompt_tokens(items, 4)
    ids = list(bundle.catalogue.item_ids)
    shares, expected = remote.item_experts(ids), laser.item_experts(ids)
    assert shares is not None
    assert expected is not None
    np.testing.assert_allclose(shares, expected, atol=1e-6)
    place = remote.attacher().place(ids)  # type: ignore[union-attr]
    np.testing.assert_array_equal(place, laser.attacher().place(ids))  # type: ignore[union-attr]


def test_texts_are_read_unwhitened_and_in_parts(
    laser: Laser, remote: RemoteLaser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.processes.laser.TOGETHER", 3)
    texts, here = RemoteTexts(remote.pool), FrozenTexts(TextEncoder(laser.config, laser.backbone))
    phrases = [f"number {n} of its kind" for n in range(7)]
    np.testing.assert_allclose(texts.vectors(phrases), here.vectors(phrases), rtol=0, atol=1e-6)
    assert texts.vectors([]).shape == (0, laser.backbone.width)
    assert texts.words() == here.words()


def test_calls_from_many_threads_are_answered_each_with_its_own(
    bundle: Bundle, laser: Laser, remote: RemoteLaser, pool: Pool
) -> None:
    histories = histories_of(bundle, laser, 24)
    expected = [laser.encode_users([history])[0] for history in histories]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda history: remote.encode_users([history])[0], histories))
    np.testing.assert_allclose(np.stack(found), np.stack(expected), rtol=0, atol=1e-5)
    assert len(workers(pool)) == 2


def test_a_process_that_is_forked_has_one_thread(remote: RemoteLaser, pool: Pool) -> None:
    """A lock that another thread holds at that moment would stay locked in the fork for ever."""
    remote.encode_items([{"title": "thing"}])
    status = Path(f"/proc/{pool._zygote.pid}/status").read_text()
    assert status.partition("Threads:")[2].split()[0] == "1"


def test_what_a_worker_raises_is_raised_here_and_the_worker_goes_on(
    remote: RemoteLaser, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    remote.encode_items([{"title": "thing"}])
    before = workers(pool)
    with pytest.raises(EncodingError, match="AttributeError"):
        pool.call("encode_users", ["a secret"])
    assert workers(pool) == before
    (record,) = (each for each in caplog.records if each.message == "an encoding process could not")
    assert record.fields["error"] == "AttributeError"  # type: ignore[attr-defined]
    assert record.fields["at"]  # type: ignore[attr-defined]
    assert "secret" not in str(record.__dict__)


def test_a_call_whose_worker_dies_is_answered_by_another(remote: RemoteLaser, pool: Pool) -> None:
    records = [{"title": "thing"}]
    expected = remote.encode_items(records).vectors
    for victim in workers(pool):
        os.kill(victim, signal.SIGKILL)
    np.testing.assert_array_equal(remote.encode_items(records).vectors, expected)


def test_when_all_are_gone_they_are_started_again(remote: RemoteLaser, pool: Pool) -> None:
    records = [{"title": "thing"}]
    expected = remote.encode_items(records).vectors
    zygote = pool._zygote.pid
    gone = [zygote, *workers(pool)]
    os.kill(zygote, signal.SIGKILL)
    wait(lambda: not any(map(runs, gone)))
    np.testing.assert_array_equal(remote.encode_items(records).vectors, expected)
    assert pool._zygote.pid != zygote


def test_signals_meant_for_the_service_do_not_end_them(remote: RemoteLaser, pool: Pool) -> None:
    """Ctrl+C goes to all processes of a terminal, and a service manager's SIGTERM to all of a group."""
    remote.encode_items([{"title": "thing"}])
    before = workers(pool)
    for process in [pool._zygote.pid, *before]:
        os.kill(process, signal.SIGINT)
        os.kill(process, signal.SIGTERM)
    remote.encode_items([{"title": "thing"}])
    assert workers(pool) == before
    assert pool._zygote.poll() is None


def test_a_call_that_kills_every_worker_fails(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    fork = pool._fork

    def doomed() -> object:
        wait(lambda: not workers(pool))
        connection = fork()
        wait(lambda: bool(workers(pool)))
        for victim in workers(pool):
            os.kill(victim, signal.SIGKILL)
        return connection

    for victim in workers(pool):
        os.kill(victim, signal.SIGKILL)
    monkeypatch.setattr(pool, "_fork", doomed)
    with pytest.raises(PoolError, match="die as soon as they are asked"):
        pool.call("encode_items", [{"title": "thing"}])
    monkeypatch.undo()
    assert len(pool.call("encode_items", [{"title": "thing"}]).vectors) == 1


def test_the_last_holder_ends_them(checkpoint: Path) -> None:
    pool = Pool(checkpoint, "float32", 1, 1)
    assert pool.share()
    pool.release()
    assert len(pool.call("encode_items", [{"title": "thing"}]).vectors) == 1
    there = [pool._zygote.pid, *workers(pool)]
    assert len(there) == 2
    pool.release()
    wait(lambda: not any(map(runs, there)))
    assert not pool.share()
    with pytest.raises(PoolError, match="were ended"):
        pool.call("encode_items", [{"title": "thing"}])


def test_one_that_computes_is_ended_too(checkpoint: Path) -> None:
    pool = Pool(checkpoint, "float32", 1, 1)
    pool.call("encode_items", [{"title": "thing"}])
    (worker,) = workers(pool)
    os.kill(worker, signal.SIGSTOP)  # it answers no more, as if in a long pass
    pool.release()
    wait(lambda: not runs(worker))


def test_a_backbone_is_found_from_where_the_service_runs(
    checkpoint: Path, laser: Laser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint may name its backbone by a path, and other packages of our names may lie there."""
    shutil.copytree(checkpoint, tmp_path / "checkpoint")
    config = tmp_path / "checkpoint" / "config.json"
    document = json.loads(config.read_text())
    shutil.copytree(document["laser"]["backbone"]["name"], tmp_path / "backbone")
    document["laser"]["backbone"]["name"] = "backbone"
    config.write_text(json.dumps(document))
    (tmp_path / "service.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)
    pool = Pool(Path("checkpoint"), "float32", 1, 1)
    found = pool.call("encode_items", [{"title": "thing"}])
    np.testing.assert_allclose(found.vectors, laser.encode_items([{"title": "thing"}]).vectors, atol=1e-6)
    pool.release()


def test_a_checkpoint_that_cannot_be_loaded_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By whoever asks, and by nobody else."""
    pool = Pool(tmp_path / "nowhere", "float32", 1, 1)
    with pytest.raises(PoolError, match=r"nowhere.config\.json is missing"):
        pool.call("encode_users", [])
    pool.release()
    assert capfd.readouterr().err == ""


def test_a_zygote_that_dies_while_it_loads_is_followed_by_another(checkpoint: Path) -> None:
    pool = Pool(checkpoint, "float32", 1, 1)
    pool._zygote.kill()
    pool._zygote.wait()
    assert len(pool.call("encode_items", [{"title": "thing"}]).vectors) == 1
    pool.release()


def test_what_could_not_be_started_again_is_tried_again(pool: Pool, tmp_path: Path) -> None:
    pool._zygote.kill()
    pool._zygote.wait()
    arguments = pool._arguments
    pool._arguments = (str(tmp_path / "nowhere"), *arguments[1:])
    for _ in range(2):
        with pytest.raises(PoolError, match="nowhere"):
            pool.call("encode_items", [{"title": "thing"}])
    pool._arguments = arguments
    assert len(pool.call("encode_items", [{"title": "thing"}]).vectors) == 1
