"""Memory, what is left of it, and cores, read from files as Linux writes them."""

import os
from pathlib import Path

from service.machine import available_memory, memory_limit, usable_cores

MEMINFO = "MemTotal:       16384000 kB\nMemFree:         1000 kB\nMemAvailable:    2048 kB\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


def test_the_machine_says_what_is_left(tmp_path: Path) -> None:
    written(tmp_path, meminfo=MEMINFO)
    assert available_memory(tmp_path / "meminfo", tmp_path) == 2048 * 1024


def test_a_container_may_have_less(tmp_path: Path) -> None:
    written(tmp_path, meminfo=MEMINFO, memory_max="1000\n", memory_current="900\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 100
    (tmp_path / "memory.stat").write_text("anon 800\ninactive_file 50\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 150
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 2048 * 1024


def test_a_container_over_its_limit_has_nothing(tmp_path: Path) -> None:
    written(tmp_path, memory_max="1000\n", memory_current="1200\n")
    assert available_memory(tmp_path / "meminfo", tmp_path) == 0


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    assert available_memory(tmp_path / "meminfo", tmp_path) is None


def test_the_limits_of_a_container_count(tmp_path: Path) -> None:
    everything, cores = memory_limit(tmp_path), usable_cores(tmp_path)
    assert everything > 1048576
    assert cores == len(os.sched_getaffinity(0))
    written(tmp_path, memory_max="1048576\n", cpu_max="50000 100000\n")
    assert (memory_limit(tmp_path), usable_cores(tmp_path)) == (1048576, 0.5)
    written(tmp_path, memory_max="max\n", cpu_max="max 100000\n")
    assert (memory_limit(tmp_path), usable_cores(tmp_path)) == (everything, cores)


def test_an_old_container_says_its_limit_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("1048576\n")
    assert memory_limit(tmp_path) == 1048576
