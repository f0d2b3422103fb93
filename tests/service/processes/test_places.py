"""Where a service encodes: in processes or threads, shared between bundles of one checkpoint, and gone with it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from model.checkpoint_files import fingerprint
from model.laser import Laser
from service.loading import StartupError, load_recommender
from service.memory import descendants
from service.metrics import Metrics
from service.processes.laser import RemoteLaser
from service.processes.pool import Pool, PoolError
from service.recommender import Recommender
from service.settings import Settings
from tests.service.bundle_world import add_bundle
from tests.service.processes.test_pool import runs, wait
from tests.service.test_server import process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="encoding processes are for Linux")


@pytest.fixture(scope="module")
def folder(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles "first", which is published, and "second"."""
    folder = tmp_path_factory.mktemp("places") / "bundles"
    shutil.copytree(bundles, folder)
    add_bundle(folder, "second")
    return folder


@pytest.fixture(scope="module")
def chosen(folder: Path, settings: Settings) -> Settings:
    """Processes, two of them, whatever the machine."""
    return settings.model_copy(update={"bundles": folder, "encode_in": "auto", "encode_workers": 2})


@pytest.fixture(scope="module")
def first(chosen: Settings) -> Iterator[Recommender]:
    recommender = load_recommender(chosen, Metrics())
    yield recommender
    recommender.close()


def pool_of(recommender: Recommender) -> Pool:
    assert isinstance(recommender.encoder, RemoteLaser)
    return recommender.encoder.pool


@pytest.mark.parametrize(
    "changes", [{"encode_in": "threads"}, {"encode_workers": 1}], ids=["asked for", "one worker"]
)
def test_threads_encode(chosen: Settings, changes: dict[str, object]) -> None:
    recommender = load_recommender(chosen.model_copy(update=changes), Metrics())
    assert type(recommender.encoder) is Laser
    recommender.close()


def test_processes_where_there_can_be_none_are_refused(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = chosen.model_copy(update={"encode_in": "processes"})
    says = "LASER_ENCODE_IN=processes: encoding processes need Linux and the encoder on its CPU"
    with pytest.raises(StartupError, match=says):
        load_recommender(wanted.model_copy(update={"device": "cuda"}), Metrics())
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(StartupError, match=says):
        load_recommender(wanted, Metrics())
    recommender = load_recommender(chosen, Metrics())
    assert type(recommender.encoder) is Laser
    recommender.close()


def test_bundles_of_one_checkpoint_share_the_processes(chosen: Settings, first: Recommender) -> None:
    second = load_recommender(chosen, Metrics(), "second", beside=first)
    assert pool_of(second) is pool_of(first)
    second.close()
    first.warm_up()  # still there


def rewritten(bundle: Path) -> None:
    """The checkpoint of a bundle with another fingerprint."""
    path = bundle / "checkpoint" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=3))


def test_another_checkpoint_has_processes_of_its_own(
    chosen: Settings, folder: Path, first: Recommender, tmp_path: Path
) -> None:
    shutil.copytree(folder / "first" / "checkpoint", tmp_path / "checkpoint")
    rewritten(tmp_path)
    add_bundle(folder, "other", change=rewritten, encoder=fingerprint(tmp_path / "checkpoint"))
    other = load_recommender(chosen, Metrics(), "other", beside=first)
    assert pool_of(other) is not pool_of(first)
    own = pool_of(other)._zygote
    other.close()
    assert own.poll() == -signal.SIGKILL
    first.warm_up()


def test_what_is_refused_leaves_no_process_behind(
    chosen: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Pool] = []
    begin = Pool.__init__

    def noted(self: Pool, checkpoint: Path, dtype: str, workers: int, cores: int) -> None:
        begin(self, checkpoint, dtype, workers, cores)
        started.append(self)

    monkeypatch.setattr(Pool, "__init__", noted)
    add_bundle(folder, "claimed", encoder="0" * 64)
    with pytest.raises(StartupError, match="its vectors were made by encoder 000000000000"):
        load_recommender(chosen, Metrics(), "claimed")

    def broken(self: Pool, name: str, *given: object) -> None:
        raise PoolError("no such thing")

    monkeypatch.setattr(Pool, "call", broken)
    with pytest.raises(StartupError, match=r"^no such thing$"):
        load_recommender(chosen, Metrics())
    assert [pool._zygote.poll() for pool in started] == [-signal.SIGKILL, -signal.SIGKILL]


def test_they_answer_as_threads_do(chosen: Settings, first: Recommender) -> None:
    alone = load_recommender(chosen.model_copy(update={"encode_in": "threads"}), Metrics())
    records = first.catalogue.records()[:4]
    np.testing.assert_allclose(
        first.encoder.encode_items(records).vectors, alone.encoder.encode_items(records).vectors, atol=1e-6
    )
    phrases = ["something quiet", "a loud one"]
    assert first.texts is not None
    assert alone.texts is not None
    np.testing.assert_allclose(first.texts.vectors(phrases), alone.texts.vectors(phrases), atol=1e-6)
    alone.close()


def test_a_service_loses_no_request_with_a_process_and_none_outlives_it(bundles: Path) -> None:
    with process(LASER_BUNDLES=str(bundles), LASER_ENCODE_WORKERS="2", LASER_CACHE_MB="0") as (service, url):
        body = {"history": [{"item_id": "i1"}], "k": 3}
        expected = httpx.post(f"{url}/recommend", json=body).json()["items"]
        zygote = next(descendants(service.pid))
        for _ in range(3):
            for victim in list(descendants(zygote)):
                os.kill(victim, signal.SIGKILL)
            answer = httpx.post(f"{url}/recommend", json=body)
            assert answer.status_code == 200
            assert [item["item_id"] for item in answer.json()["items"]] == [
                item["item_id"] for item in expected
            ]
        assert httpx.get(f"{url}/readyz").status_code == 200
        there = [zygote, *descendants(zygote)]
        assert len(there) >= 2
        service.kill()
        wait(lambda: not any(map(runs, there)))


def test_a_service_that_leaves_ends_them(bundles: Path) -> None:
    settings = {"LASER_BUNDLES": str(bundles), "LASER_ENCODE_WORKERS": "2", "LASER_DRAIN_SECONDS": "0"}
    with process(**settings) as (service, url):
        assert httpx.get(f"{url}/readyz").status_code == 200
        zygote = next(descendants(service.pid))
        there = [zygote, *descendants(zygote)]
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0
        wait(lambda: not any(map(runs, there)))


def test_a_service_with_processes_loads_no_torch() -> None:
    """It and the models of transformers are three times the rest of the process."""
    code = "import sys, service.server; sys.exit(bool({'torch', 'transformers', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
