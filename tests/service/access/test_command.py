"""`laser keys`: what it prints and keeps, and what it refuses in one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.access.command import keys_app
from service.access.key_file import KeyFileError, read_keys
from service.access.keyring import KeyRing

Run = Callable[..., tuple[str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def run(path: Path) -> Run:
    """Run a command on the file. Returns what it says on standard output and standard error."""

    def invoke(*words: str, file: Path | None = path) -> tuple[str, str]:
        where = [] if file is None else ["--file", str(file)]
        done = CliRunner().invoke(keys_app, [*words, *where])
        if isinstance(done.exception, ValueError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout, done.stderr

    return invoke


def test_a_key_is_printed_alone_and_opens(run: Run, path: Path) -> None:
    out, said = run(
        "create", "shop", "--scope", "recommend", "--scope", "write", "--rate", "5", "--burst", "9"
    )
    [secret] = out.splitlines()
    key = KeyRing(path).find(secret)
    assert key is not None
    assert (key.name, key.tenant, key.scopes, key.rate, key.burst) == (
        *("shop", "default", {"recommend", "write"}, 5.0, 9),
    )
    assert "shown this once" in said
    assert f"{path} is new" in said
    assert secret not in path.read_text()
    assert "is new" not in run("create", "app", "--scope", "admin")[1]


def test_a_second_key_takes_over_what_the_first_has_and_a_third_is_refused(run: Run, path: Path) -> None:
    run("create", "shop", "--scope", "write", "--tenant", "acme", "--rate", "5", "--burst", "9")
    run("create", "shop")
    first, second = read_keys(path).keys
    wanted = ("acme", {"write"}, 5.0, 9)
    assert (first.tenant, first.scopes, first.rate, first.burst) == wanted
    assert (second.tenant, second.scopes, second.rate, second.burst) == wanted
    with pytest.raises(KeyFileError, match=rf"shop has 2 keys already, {first.id} and {second.id}: revoke"):
        run("create", "shop")
    _, said = run("revoke", first.id)
    assert said == f"revoked: {first.id}\n"
    run("create", "shop", "--scope", "recommend", "--rate", "7")
    newest = read_keys(path).keys[-1]
    assert (newest.tenant, newest.scopes, newest.rate, newest.burst) == ("acme", {"recommend"}, 7.0, 9)


def test_the_list_shows_everything_but_digests(run: Run, path: Path) -> None:
    run("create", "shop", "--scope", "write", "--scope", "recommend", "--rate", "5")
    run("create", "ops", "--scope", "metrics", "--tenant", "acme")
    shop, ops = read_keys(path).keys
    lines = run("list")[0].splitlines()
    assert [re.split(r" {2,}", line)[:5] for line in lines] == [
        [shop.id, "shop", "default", "recommend+write", "5.0/s"],
        [ops.id, "ops", "acme", "metrics", "-"],
    ]
    listed = json.loads(run("list", "--json")[0])["keys"]
    assert [(each["id"], each["scopes"]) for each in listed] == [
        (shop.id, ["recommend", "write"]),
        (ops.id, ["metrics"]),
    ]
    assert shop.sha256 not in str(listed) + str(lines)


def test_json_holds_the_key_and_what_is_kept(run: Run, path: Path) -> None:
    made = json.loads(run("create", "shop", "--scope", "write", "--json")[0])
    assert KeyRing(path).find(made["key"]) is not None
    assert (made["name"], made["scopes"], "sha256" in made) == ("shop", ["write"], False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create", "shop"], "say what the key is good for, with --scope: recommend, write, admin, metrics"),
        (
            ["create", "shop", "--scope", "all"],
            "'all' is none of the scopes recommend, write, admin, metrics",
        ),
        (["create", "a b", "--scope", "write"], "name: String should match pattern"),
        (["create", "shop", "--scope", "write", "--tenant", "a/b"], "tenant: String should match pattern"),
        (["create", "shop", "--scope", "write", "--rate", "0"], "rate: Input should be greater than 0"),
        (["revoke", "00000000"], "cannot be read|there is no key 00000000"),
        (["list"], "cannot be read"),
    ],
)
def test_what_is_refused_changes_nothing(run: Run, path: Path, words: list[str], says: str) -> None:
    with pytest.raises(KeyFileError, match=says) as caught:
        run(*words)
    assert "\n" not in str(caught.value)
    assert not path.exists()


def test_one_unknown_id_keeps_all_keys(run: Run, path: Path) -> None:
    run("create", "shop", "--scope", "write")
    [key] = read_keys(path).keys
    with pytest.raises(KeyFileError, match="there is no key 00000000; `laser keys list`"):
        run("revoke", key.id, "00000000")
    assert read_keys(path).keys == (key,)


def test_without_a_file_the_services_own_is_changed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASER_BUNDLES", str(tmp_path / "srv" / "bundles"))
    run("create", "shop", "--scope", "write", file=None)
    assert len(read_keys(tmp_path / "srv" / "keys.json").keys) == 1
    monkeypatch.setenv("LASER_KEYS_FILE", str(tmp_path / "other.json"))
    run("create", "shop", "--scope", "write", file=None)
    assert len(read_keys(tmp_path / "other.json").keys) == 1
