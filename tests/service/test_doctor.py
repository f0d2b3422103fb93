"""The doctor: what it says of a machine that is well, and of each thing that is not."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from service import doctor
from service.access.issuing import Wish, create
from service.doctor import Finding, configuration, environment, state
from service.store.protocol import Event
from service.store.sqlite import SqliteStore
from tests.service.bundle_world import add_bundle
from tests.service.store.redis_server import RedisServer, needs_redis
from tests.service.world import write_bundle


def test_a_bundle_that_is_there_is_verified_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASER_BUNDLES", str(write_bundle(tmp_path)))
    (found,) = state.bundles()
    assert (found.state, found.text) == ("good", f"first in {tmp_path}/bundles, 41 items, verified")


def test_a_damaged_bundle_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_bundle(tmp_path)
    with (root / "first" / "items.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"?")
    monkeypatch.setenv("LASER_BUNDLES", str(root))
    (found,) = state.bundles()
    assert found.state == "warning"
    assert "items.safetensors" in found.text
    assert found.advice == "Make one: laser reindex RUN DATA, or laser demo"


def test_a_way_out_is_named_where_another_bundle_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_bundle(tmp_path)
    add_bundle(root, "second")
    monkeypatch.setenv("LASER_BUNDLES", str(root))
    (root / "current").write_bytes(b"\xff")
    (found,) = state.bundles()
    assert (found.state, found.advice) == ("warning", "Publish another one: laser bundles promote second")
    assert found.text.startswith(f"{root}/current does not name a bundle")
    (root / "current").write_text("second\nfirst\n")
    (root / "second" / "columns.json").write_bytes(b"{}")
    (found,) = state.bundles()
    assert (found.state, found.advice) == ("warning", "Go back to the one before: laser bundles rollback")


def test_a_setting_that_disagrees_with_the_pointer_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_bundle(tmp_path)
    add_bundle(root, "second")
    monkeypatch.setenv("LASER_BUNDLES", str(root))
    monkeypatch.setenv("LASER_BUNDLE", "second")
    monkeypatch.setenv("LASER_SHADOW_BUNDLE", "third")
    served, held, shadow = state.bundles()
    assert (served.state, held.state, shadow.state) == ("good", "warning", "warning")
    assert held.text == "first is published, but LASER_BUNDLE holds the service to second"
    assert (shadow.name, "third does not exist" in shadow.text) == ("shadow", True)


def test_a_setting_that_cannot_be_is_wrong_and_one_that_is_none_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LASER_PROT", "80")
    assert [(found.state, found.text) for found in configuration.settings()] == [
        ("warning", "LASER_PROT is not a setting; did you mean LASER_PORT?")
    ]
    monkeypatch.setenv("LASER_PORT", "eighty")
    (found,) = configuration.settings()
    assert found.state == "wrong"
    assert found.text.startswith("LASER_PORT=eighty: ")
    assert list(state.bundles()) == [], "said once"


def test_a_requirement_that_is_not_met_is_told_with_what_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert environment.unfit(Requirement("numpy>=2.2")) is None
    assert environment.unfit(Requirement("numpy>=99")) == metadata.version("numpy")
    assert environment.unfit(Requirement("no-such-distribution")) == "none"

    lines = ["numpy>=99", "no-such-distribution", "pytest>=99; extra == 'test'", "rich"]
    monkeypatch.setattr(metadata, "requires", {"laser-recommender": lines}.get)
    (found,) = environment.packages()
    numpy = metadata.version("numpy")
    assert (found.state, found.advice) == ("wrong", doctor.finding.AGAIN)
    assert found.text == f"numpy>=99 (installed: {numpy}); no-such-distribution (installed: none)"


@pytest.mark.parametrize(
    ("installed", "state", "text"),
    [
        ({"faiss-cpu": "1.15.1"}, "good", "faiss-cpu 1.15.1"),
        ({"faiss-cpu": "1.15.1", "faiss-gpu": "1.15.0"}, "wrong", "faiss-cpu 1.15.1 and faiss-gpu 1.15.0"),
        ({}, "wrong", "neither faiss-cpu nor faiss-gpu"),
    ],
)
def test_exactly_one_faiss_is_right(
    installed: dict[str, str], state: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(metadata, "version", version)
    assert [(found.state, found.text) for found in environment.faiss_package()] == [(state, text)]


def test_an_old_python_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [found.state for found in environment.python()] == ["good"]
    monkeypatch.setattr(environment, "OLDEST_PYTHON", (99, 0))
    assert [found.state for found in environment.python()] == ["wrong"]


def test_altered_weights_of_the_backbone_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(environment.backbone()) == [
        Finding("backbone", "good", "all-MiniLM-L6-v2, its weights verified")
    ]
    monkeypatch.setattr("model.backbone.EMBEDDED_SHA256", "0" * 64)
    (found,) = environment.backbone()
    assert found.state == "warning"
    assert "expected 000000000000..." in found.text


def test_everything_is_looked_at_and_can_be_written_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASER_BUNDLES", str(tmp_path / "bundles"))  # none there, so no checkpoint either
    findings = doctor.examine()
    names = [found.name for found in findings]
    assert names == [
        "python",
        "packages",
        "faiss",
        "backbone",
        "devices",
        "threads",
        "numbers",
        "settings",
        "conflicts",
        "keys",
        "traces",
        "store",
        "bundle",
        "memory",
        "disk",
    ]
    assert json.dumps([vars(found) for found in findings])


def test_keys_are_counted_and_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASER_BUNDLES", str(tmp_path / "bundles"))
    path = tmp_path / "keys.json"
    assert [(found.state, found.text) for found in configuration.api_keys()] == [
        ("good", "none: all who can reach 127.0.0.1 may do everything")
    ]
    monkeypatch.setenv("LASER_HOST", "0.0.0.0")
    (found,) = configuration.api_keys()
    assert found.state == "warning"
    assert found.text.startswith(f"listening on 0.0.0.0 needs API keys, and {path} does not exist: run")
    create(path, Wish("shop", ("write",)))
    assert [(found.state, found.text) for found in configuration.api_keys()] == [("good", f"1 in {path}")]
    path.write_text("{")
    assert [found.state for found in configuration.api_keys()] == ["warning"]
    monkeypatch.setenv("LASER_PORT", "eighty")
    assert list(configuration.api_keys()) == [], "said with the settings"


def test_the_store_is_looked_at_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.sqlite"
    monkeypatch.setenv("LASER_STATE", str(path))
    assert [(found.state, found.text) for found in state.store()] == [
        ("good", f"SQLite in {path}, to be made by the first event")
    ]
    assert not path.exists()
    made = SqliteStore(path, 4, 1.0)
    made.append([Event("u", "e", "i", 1)])
    made.close()
    assert [found.text for found in state.store()] == [f"SQLite in {path}, keeps what it acknowledges"]
    path.write_bytes(b"x" * 4096)
    (found,) = state.store()
    assert (found.state, found.text) == ("wrong", f"SQLite in {path}: SQLITE_NOTADB")
    monkeypatch.setenv("LASER_PORT", "eighty")
    assert list(state.store()) == [], "said with the settings"


@needs_redis
def test_a_redis_that_may_lose_writes_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = RedisServer(tmp_path, appendfsync="everysec").start()
    monkeypatch.setenv("LASER_REDIS_URL", server.url)
    try:
        (found,) = state.store()
        assert found.state == "warning"
        assert found.text.startswith("Redis at LASER_REDIS_URL: Redis must have appendfsync always")
        server.client.config_set("appendfsync", "always")
        assert [each.state for each in state.store()] == ["good"]
    finally:
        server.stop()
    (found,) = state.store()
    assert (found.state, found.text) == ("wrong", "Redis at LASER_REDIS_URL: ConnectionError")
