"""The file of keys: who may read and write it, what is refused, and that a running service follows it."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.access.key_file import KeyFileError, Keys, change_keys, read_keys
from service.access.keyring import CHECK_SECONDS, KeyRing
from service.access.keys import ApiKey, Issued, issue
from service.access.scopes import Scope

SCOPES = frozenset({Scope.RECOMMEND})


def new(name: str = "shop", tenant: str = "default") -> Issued:
    return issue(name, tenant, SCOPES, "2026-03-01T10:00:00+00:00")


def write(path: Path, *keys: ApiKey) -> None:
    def replace(_: Keys) -> tuple[Sequence[ApiKey], None]:
        return keys, None

    change_keys(path, replace)


def test_what_is_written_is_read_and_only_the_owner_may(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    one, two = new().key, new("app", "acme").key
    write(path, one, two)
    assert read_keys(path).keys == (one, two)
    assert path.stat().st_mode & 0o777 == 0o600
    write(path, two)
    assert read_keys(path).keys == (two,)
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [other for other in path.parent.iterdir() if other.name not in ("keys.json", ".lock")]


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    write(path, new().key)
    path.chmod(0o644)  # digests may be read: secrets that an orchestrator mounts have this mode
    assert len(read_keys(path).keys) == 1
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="can be written by others than its owner: chmod 600"):
        read_keys(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "Invalid JSON"),
        ("{}x", "Invalid JSON"),
        ('{"version": 2, "keys": []}', "version: Input should be 1"),
        ('{"keys": [{"id": "01234567"}]}', "keys.0.name: Field required"),
        ('{"tokens": []}', "tokens: Extra inputs are not permitted"),
    ],
)
def test_a_damaged_file_is_named_with_the_place(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(KeyFileError, match=says) as caught:
        read_keys(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        read_keys(tmp_path / "keys.json")
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot be written"):
        write(tmp_path / "file" / "keys.json", new().key)


def test_keys_that_do_not_go_together_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    kept = new().key
    write(path, kept)
    with pytest.raises(KeyFileError, match="shop has 3 keys, and at most 2 may be active"):
        write(path, kept, new().key, new().key)
    with pytest.raises(KeyFileError, match="two keys have one id"):
        write(path, kept, kept)
    with pytest.raises(KeyFileError, match="belong to different tenants"):
        write(path, kept, new(tenant="acme").key)
    assert read_keys(path).keys == (kept,)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_service_follows_the_file(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.json", Clock()
    old, fresh = new(), new()
    write(path, old.key)
    ring = KeyRing(path, clock)
    assert ring.find(old.secret) == old.key
    write(path, old.key, fresh.key)
    assert ring.find(fresh.secret) is None  # not looked at again yet
    clock.now = CHECK_SECONDS
    assert (ring.find(old.secret), ring.find(fresh.secret)) == (old.key, fresh.key)
    write(path, fresh.key)
    clock.now *= 2
    assert (ring.find(old.secret), ring.find(fresh.secret)) == (None, fresh.key)


def test_a_file_that_breaks_leaves_the_last_keys_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, clock = tmp_path / "keys.json", Clock()
    old, fresh = new(), new()
    write(path, old.key)
    ring = KeyRing(path, clock)
    with caplog.at_level(logging.DEBUG, logger="laser"):
        for content in ("{", None):
            path.unlink(missing_ok=True)
            if content:
                path.write_text(content)
            for _ in range(3):
                clock.now += CHECK_SECONDS
                assert ring.find(old.secret) == old.key
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 2, "once for each state of the file, not for each request"
    write(path, fresh.key)
    clock.now += CHECK_SECONDS
    assert (ring.find(old.secret), ring.find(fresh.secret)) == (None, fresh.key)


def test_a_wrong_secret_with_a_known_id_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    one = new()
    write(path, one.key)
    assert KeyRing(path).find(f"laser_{one.key.id}_{'x' * 43}") is None
    assert KeyRing(path).find("laser") is None
