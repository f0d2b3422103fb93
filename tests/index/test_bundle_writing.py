"""Writers of bundles: an id is taken once, what fails leaves nothing, and a process may die at any moment."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from index.bundle import BundleError, BundleWriter, list_bundles, open_bundle, publish
from tests.index.small_bundles import make, names, write_parts


def test_a_sealed_id_is_never_taken_again(tmp_path: Path) -> None:
    make(tmp_path, "one")
    with pytest.raises(BundleError, match="one exists: bundles are never overwritten"):
        BundleWriter(tmp_path, "one")
    first, second = BundleWriter(tmp_path, "two"), BundleWriter(tmp_path, "two")
    for writer in (first, second):
        write_parts(writer.folder)
    first.seal(encoder_fingerprint="first", data_hash="d")
    with second, pytest.raises(BundleError, match="two exists"):
        second.seal(encoder_fingerprint="second", data_hash="d")
    assert open_bundle(tmp_path, "two").manifest.encoder_fingerprint == "first"
    assert names(tmp_path) == {"one", "two"}


def test_a_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with BundleWriter(tmp_path, "one") as writer:
            write_parts(writer.folder)
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    assert names(tmp_path) == set()


def test_leftovers_of_the_dead_go_and_the_living_stay(tmp_path: Path) -> None:
    (tmp_path / ".staging-one-dead").mkdir()
    (tmp_path / ".staging-one-dead" / "half").write_bytes(b"a file")
    living = BundleWriter(tmp_path, "one")
    write_parts(living.folder)
    make(tmp_path, "two")
    assert names(tmp_path) == {living.folder.name, "two"}
    living.seal(encoder_fingerprint="f", data_hash="d")
    assert names(tmp_path) == {"one", "two"}


def write_from_a_process(root: Path, bundle_id: str) -> None:
    make(root, bundle_id)
    publish(root, bundle_id)


def test_processes_may_write_and_publish_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_from_a_process, args=(tmp_path, f"p{n}")) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * 3
    assert names(tmp_path) == {"p0", "p1", "p2", "current"}
    open_bundle(tmp_path)


CRASHING = """
import os, shutil, sys
from pathlib import Path
from index.bundle import publish
from tests.index.small_bundles import make

def dying_after(count):
    def wrap(call):
        def counted(*args, **kwargs):
            nonlocal count
            count -= 1
            if count < 0:
                os._exit(9)
            return call(*args, **kwargs)
        return counted
    for name in ("fsync", "rename", "mkdir"):
        setattr(os, name, wrap(getattr(os, name)))

base = Path(sys.argv[1])
make(base / "start", "old")
publish(base / "start", "old")
for step in range(200):
    root = base / f"step{step:03}"
    shutil.copytree(base / "start", root)
    child = os.fork()
    if child == 0:
        dying_after(step)
        make(root, "new")
        publish(root, "new")
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
"""


def test_a_process_killed_at_any_step_leaves_whole_bundles(tmp_path: Path) -> None:
    """A writer is killed before its 1st, 2nd, ... change to the disk; each time, old and new are whole or
    absent."""
    subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path)], check=True, timeout=600)
    roots = sorted(tmp_path.glob("step*"))
    assert len(roots) > 10
    published = []
    for root in roots:
        published.append(open_bundle(root).manifest.bundle_id)
        sealed = {manifest.bundle_id for manifest in list_bundles(root)}
        assert {"old"} <= sealed <= {"old", "new"}
        for bundle_id in sealed:
            open_bundle(root, bundle_id)
        if "new" not in sealed:
            make(root, "new")
        publish(root, "new")
        make(root, "newer")
        assert {name for name in names(root) if name.startswith(".staging")} == set()
    assert published == sorted(published, reverse=True)  # old until the last rename, new from then on
    assert set(published) == {"old", "new"}
