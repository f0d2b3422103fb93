"""Settings come from LASER_* variables; what is wrong is named with its value."""

from pathlib import Path

import pytest

from service.settings import SettingsError, is_loopback, load_settings, unknown_variables


def test_defaults_serve_on_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LASER_HOST", "LASER_PORT", "LASER_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    settings = load_settings()
    assert (settings.host, settings.port, settings.bundle) == ("127.0.0.1", 8000, None)
    assert settings.host_names() == {"localhost", "127.0.0.1", "[::1]"}


def test_environment_is_read_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASER_PORT", "9001")
    monkeypatch.setenv("LASER_MAX_K", "7")
    settings = load_settings(port=9002)
    assert (settings.port, settings.max_k) == (9002, 7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LASER_PORT", "http"),
        ("LASER_PORT", "70000"),
        ("LASER_MAX_K", "0"),
        ("LASER_MAX_K", "4096"),
        ("LASER_DEVICE", "tpu"),
        ("LASER_BUNDLE", "../secret"),
        ("LASER_BUNDLE", "a/b"),
        ("LASER_BUNDLE", "x" * 65),
        ("LASER_BATCH_WAIT_MS", "-1"),
        ("LASER_LOG_LEVEL", "chatty"),
    ],
)
def test_an_error_names_key_and_value(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"{name}={value}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASER_BUNDLE", "")
    monkeypatch.setenv("LASER_PORT", "")
    assert (load_settings().bundle, load_settings().port) == (None, 8000)


def test_allowed_hosts_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASER_ALLOWED_HOSTS", "Shop.example, api.example")
    assert load_settings().host_names() == {"shop.example", "api.example"}


def test_any_host_is_answered_off_loopback_or_on_request() -> None:
    assert load_settings(host="0.0.0.0").host_names() is None
    assert load_settings(allowed_hosts="*").host_names() is None


def test_a_misspelt_variable_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASER_PROT", "9000")
    assert unknown_variables() == ["LASER_PROT is not a setting; did you mean LASER_PORT?"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_a_redis_url_is_checked_and_its_password_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASER_REDIS_URL", "http://:hush@redis:6379")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith("LASER_REDIS_URL=(hidden): ")
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("LASER_REDIS_URL", "redis://:hush@redis:6379/0")
    assert load_settings().redis_url is not None
    assert "hush" not in repr(load_settings())


def test_the_stores_file_lies_beside_the_bundles_unless_it_is_named() -> None:
    assert load_settings(bundles="/srv/laser/bundles").state_file == Path("/srv/laser/state.sqlite")
    assert load_settings(state="/var/state").state_file == Path("/var/state")
