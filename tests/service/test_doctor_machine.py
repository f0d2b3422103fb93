"""The doctor on cores, number formats, memory and disk, on settings that contradict, and on what cannot be imported."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from service import doctor
from service.access.issuing import Wish, create
from service.doctor import Finding, configuration, processor, room, state
from tests.service.bundle_world import add_bundle
from tests.service.world import write_bundle

GIB, MIB = 2**30, 2**20
Set = Callable[..., None]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set LASER_* variables; the bundles' folder is one of the test's own."""
    monkeypatch.setenv("LASER_BUNDLES", str(tmp_path / "bundles"))
    monkeypatch.setenv("LASER_ENCODE_IN", "threads")

    def put_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"LASER_{name.upper()}", value)

    return put_all


def only(findings: object) -> tuple[str, str]:
    [found] = list(findings)  # type: ignore[call-overload]
    return found.state, found.text


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        (
            {"redis_url": "redis://r:6379", "state": "s.sqlite"},
            "LASER_STATE is not used, because of LASER_REDIS_URL",
        ),
        (
            {"max_wait_ms": "500", "deadline_ms": "400"},
            "requests may queue for LASER_MAX_WAIT_MS=500, and are given",
        ),
        (
            {"batch_wait_ms": "30", "deadline_ms": "20", "max_wait_ms": "9", "store_read_ms": "9"},
            "a batch waits for",
        ),
        (
            {"store_read_ms": "5000", "deadline_ms": "2000"},
            "LASER_STORE_READ_MS is no shorter than LASER_DEADLINE_MS",
        ),
        (
            {"max_k": "500", "max_paged": "400"},
            "LASER_MAX_K=500 is more than all pages may have: LASER_MAX_PAGED=400",
        ),
        (
            {"bundle": "one", "shadow_bundle": "one"},
            "LASER_SHADOW_BUNDLE is LASER_BUNDLE: there is nothing to compare",
        ),
        (
            {"shadow_bundle": "one", "shadow_share": "0"},
            "LASER_SHADOW_SHARE=0: the shadow is loaded and never asked",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_a_warning(
    put: Set, variables: dict[str, str], text: str
) -> None:
    assert only(configuration.conflicts()) == ("good", "no setting makes another useless")
    put(**variables)
    [found] = configuration.conflicts()
    assert (found.state, found.text.startswith(text)) == ("warning", True), found.text
    assert found.advice


def test_a_waiver_beside_keys_is_a_contradiction(put: Set, tmp_path: Path) -> None:
    put(allow_anonymous="true")
    assert [found.state for found in configuration.conflicts()] == ["good"]
    create(tmp_path / "keys.json", Wish("shop", ("write",)))
    assert only(configuration.conflicts()) == (
        "warning",
        f"LASER_ALLOW_ANONYMOUS allows nothing, because there are keys in {tmp_path}/keys.json",
    )


def test_traces_need_their_extra(put: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(configuration.traces()) == ("good", "off: LASER_OTLP_ENDPOINT names no collector")
    put(otlp_endpoint="http://collector:4318")
    assert only(configuration.traces()) == ("good", "to http://collector:4318")
    monkeypatch.setattr("service.tracing_export.PACKAGES", ("no.such.package",))
    [found] = configuration.traces()
    assert found.text == "none go to http://collector:4318: the extra `tracing` is not installed"
    assert found.advice == "Run: pip install --constraint constraints.txt '.[tracing]'"


def test_a_device_that_is_not_there_is_wrong(put: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    put(device="cuda")
    [found] = processor.devices()
    assert (found.state, found.text) == (
        "wrong",
        f"torch {torch.__version__} on the CPU, but LASER_DEVICE=cuda",
    )


@pytest.mark.parametrize(
    ("cores", "state", "text", "advice"),
    [
        (4.0, "good", "3 of torch on 4 cores", ""),
        (3.0, "good", "3 of torch on 3 cores", ""),
        (1.5, "warning", "3 of torch on 1.5 cores", "They wait for each other: set OMP_NUM_THREADS=1"),
        (2.0, "warning", "3 of torch on 2 cores", "They wait for each other: set OMP_NUM_THREADS=2"),
    ],
)
def test_more_threads_than_cores_are_a_warning(
    cores: float, state: str, text: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(processor, "usable_cores", lambda: cores)
    [found] = processor.threads()
    assert (found.state, found.text, found.advice) == (state, text, advice)


@pytest.mark.parametrize(
    ("native", "dtype", "state", "text"),
    [
        (True, "auto", "good", "bfloat16"),
        (False, "auto", "good", "float32, as the processor has neither AVX512-BF16 nor AMX"),
        (True, "float32", "good", "float32, as set"),
        (False, "bfloat16", "warning", "LASER_DTYPE=bfloat16, which this processor has to imitate"),
        (True, "float16", "warning", "LASER_DTYPE=float16, which this processor has to imitate"),
    ],
)
def test_a_number_format_that_is_imitated_is_a_warning(
    put: Set, native: bool, dtype: str, state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    put(dtype=dtype)
    assert only(processor.numbers()) == (state, text)


def test_a_gpu_multiplies_in_every_format(put: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert only(processor.numbers()) == ("good", "bfloat16")
    put(dtype="float16")
    assert only(processor.numbers()) == ("good", "float16")


def test_a_checkpoint_is_matched_with_the_vectors_beside_it(put: Set, tmp_path: Path) -> None:
    root = write_bundle(tmp_path)
    [found] = state.checkpoint()
    assert (found.name, found.state) == ("checkpoint", "good")
    assert found.text == f"made the bundle's vectors, on the backbone {tmp_path}/backbone"
    config = root / "first" / "checkpoint" / "config.json"
    config.write_text(config.read_text("utf-8") + " ", "utf-8")
    assert only(state.checkpoint()) == (
        "wrong",
        f"{root}/first/checkpoint is not the one that made the bundle's vectors",
    )
    config.write_text("{}", "utf-8")
    [found] = state.checkpoint()
    assert (found.state, found.advice) == ("wrong", "Restore the bundle from a copy, or re-index")


def test_a_backbone_that_is_no_folder_here_has_to_come_from_elsewhere(put: Set, tmp_path: Path) -> None:
    write_bundle(tmp_path)
    shutil.rmtree(tmp_path / "backbone")
    [found] = state.checkpoint()
    assert (found.state, found.text) == ("warning", f"its backbone {tmp_path}/backbone is no folder here")
    assert found.advice.startswith("It comes from the hub, or from the cache in HF_HOME")


def test_an_answer_of_what_is_popular_needs_a_bundle_that_knows(put: Set, tmp_path: Path) -> None:
    write_bundle(tmp_path)
    put(empty_request="popular")
    _, found = state.bundles()
    assert (found.state, found.text) == (
        "warning",
        "LASER_EMPTY_REQUEST=popular, but the bundle does not know what is popular",
    )


@pytest.mark.parametrize(
    ("free", "state", "text"),
    [
        (679 * MIB, "warning", "about 680 MiB to serve, 679 MiB are available"),
        (680 * MIB, "good", "about 680 MiB to serve, 680 MiB are available"),
        (3 * GIB, "good", "about 680 MiB to serve, 3.0 GiB are available"),
    ],
)
def test_memory_is_compared_with_what_is_needed(
    put: Set, free: int, state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: free)
    assert only(room.memory()) == (state, text)  # 600 for the program, 64 and 16 for the caches


@pytest.mark.skipif(sys.platform != "linux", reason="encoding processes are for Linux")
def test_processes_need_memory_of_their_own(put: Set, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: 3 * GIB)
    put(encode_in="auto", encode_workers="2", device="cpu")
    assert only(room.memory()) == (
        "good",
        "about 980 MiB to serve, 3.0 GiB are available",
    )  # 700, and 100 each
    put(encode_workers="1")
    assert only(room.memory()) == ("good", "about 680 MiB to serve, 3.0 GiB are available")
    put(encode_in="processes", device="cuda")
    assert only(room.memory()) == ("good", "about 680 MiB to serve, 3.0 GiB are available")


def test_memory_for_a_second_bundle_is_a_warning_of_its_own(
    put: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = SimpleNamespace(size=100 * MIB)
    monkeypatch.setattr(room, "served_manifest", lambda: manifest)
    monkeypatch.setattr(room, "available_memory", lambda: 1000 * MIB)
    [found] = room.memory()
    assert found.state == "warning"
    assert found.text == (
        "about 880 MiB to serve, 1000 MiB are available, but 200 MiB more are needed while another bundle is taken"
    )
    monkeypatch.setattr(room, "available_memory", lambda: 1080 * MIB)
    assert [each.state for each in room.memory()] == ["good"]


def test_where_the_system_does_not_say_what_is_left_the_limit_counts(
    put: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: None)
    monkeypatch.setattr(room, "memory_limit", lambda: 2 * GIB)
    assert only(room.memory()) == ("good", "about 680 MiB to serve, 2.0 GiB are available")


def test_a_full_disk_is_told_for_bundles_and_store(
    put: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_bundle(tmp_path)
    assert [found.state for found in room.disk()] == ["good"]
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    bundles, store = room.disk()
    assert bundles.text.startswith(f"0 MiB free in {root}, less than another bundle of ")
    assert (store.state, store.text) == ("warning", f"0 MiB free in {tmp_path}, where the store is")
    put(redis_url="redis://r:6379")
    assert len(list(room.disk())) == 1, "the store is elsewhere"


def test_a_store_that_cannot_be_written_is_wrong(
    put: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    put(state=str(tmp_path / "new" / "state.sqlite"))
    assert only(room.disk()) == ("wrong", f"{tmp_path} cannot be written, where the store is")


def test_what_cannot_be_imported_is_said_once_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> object:
        raise ModuleNotFoundError("No module named 'torch'")

    def unreadable() -> object:
        raise PermissionError("no")

    looks = (missing, missing, unreadable, lambda: iter([Finding("last", "good", "seen")]))
    monkeypatch.setattr(doctor, "LOOKS", looks)
    again = doctor.finding.AGAIN
    assert doctor.examine() == [
        Finding("missing", "wrong", "ModuleNotFoundError: No module named 'torch'", again),
        Finding(
            "unreadable",
            "wrong",
            "PermissionError: no",
            "See that it is there, and that this user may read it",
        ),
        Finding("last", "good", "seen"),
    ]


def test_every_look_is_silent_where_the_settings_cannot_be_read(put: Set) -> None:
    put(port="eighty")
    about = [found.name for found in doctor.examine()]
    assert about == ["python", "packages", "faiss", "backbone", "devices", "threads", "settings"]


def test_what_would_be_served_is_the_bundle_that_is_pinned_or_published(put: Set, tmp_path: Path) -> None:
    root = write_bundle(tmp_path)
    add_bundle(root, "second")
    (root / "current").unlink()
    assert state.served_manifest() is None
    put(bundle="second")
    manifest = state.served_manifest()
    assert manifest is not None
    assert manifest.bundle_id == "second"
