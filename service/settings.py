"""The service's configuration: LASER_* environment variables, read once and checked whole.

Nothing else in the service reads the environment. An error names the variable and the value it had.
"""

import difflib
import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.workers import Place

PREFIX = "LASER_"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


SECRETS = {"redis_url"}  # may hold passwords


class SettingsError(ValueError):
    """A variable whose value cannot be used; the message names both."""


class Settings(BaseSettings):
    """All settings. `LASER_MAX_K=50` sets `max_k`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    bundles: Path = Field(Path("bundles"), description="folder that holds the bundles")
    bundle: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="bundle to serve; none: the published one"
    )
    follow_seconds: float = Field(
        1.0, ge=0, le=3600, description="how often to look whether another bundle is published; 0: never"
    )
    shadow_bundle: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="bundle to compare answers with, unseen"
    )
    shadow_share: float = Field(0.1, ge=0, le=1, description="share of requests the shadow answers too")
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|cuda(:[0-9]{1,2})?)$", description="where the encoder runs"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="the encoder's number format"
    )

    state: Path | None = Field(
        None, description="SQLite file of users and events; none: state.sqlite beside the bundles' folder"
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis that keeps users and events for all replicas, instead of the file"
    )
    store_read_ms: float = Field(
        40.0, gt=0, le=10_000, description="longest wait for a stored history; then the answer does without"
    )
    store_write_ms: float = Field(
        2000.0, gt=0, le=60_000, description="longest wait for an event to be on disk; then 503"
    )
    max_stored: int = Field(500, ge=1, le=100_000, description="events kept of a user, the newest")
    max_events: int = Field(1000, ge=1, le=4096, description="most events in one request")
    max_items: int = Field(500, ge=1, le=10_000, description="most items in POST /items/batch")

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names to answer, comma separated; none: loopback's on loopback, any elsewhere",
    )
    keys_file: Path | None = Field(
        None, description="API keys; none: keys.json beside the bundles' folder, where there is one"
    )
    allow_anonymous: bool = Field(
        False, description="answer without keys on other addresses than loopback too, while there are none"
    )
    rate_limit: float | None = Field(
        None, gt=0, le=1e6, description="requests a second of one key that has no limit of its own; none: any"
    )
    rate_burst: int | None = Field(
        None, ge=1, le=10**6, description="requests of one key at once; none: a second's worth"
    )
    drain_seconds: float = Field(5.0, ge=0, le=600, description="time to keep answering after SIGTERM")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = Field(
        default_factory=lambda: os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
        validate_default=True,
        pattern=r"^https?://",
        description="OpenTelemetry collector that gets spans, over HTTP; none: OTEL_EXPORTER_OTLP_ENDPOINT",
    )

    max_k: int = Field(100, ge=1, le=2048, description="largest k; the GPU search returns at most 2048")
    max_history: int = Field(500, ge=1, le=100_000, description="most items in a request's history")
    max_batch: int = Field(100, ge=1, le=10_000, description="most requests in POST /recommend/batch")
    max_paged: int = Field(
        1000, ge=1, le=10_000, description="most items over all pages of one request; then there is no cursor"
    )
    empty_request: Literal["refuse", "popular"] = Field(
        "refuse",
        description="answer to a request that says nothing of the user: a refusal, or what is popular",
    )
    max_exclude: int = Field(1000, ge=0, le=1_000_000, description="most item ids in exclude.item_ids")
    max_sentence: int = Field(500, ge=1, le=100_000, description="longest constraint, in characters")
    max_text: int = Field(
        1000, ge=1, le=100_000, description="longest title or attribute value, in characters"
    )
    max_body_bytes: int = Field(1 << 20, ge=1024, le=1 << 30, description="largest request body")

    filter_cache_mb: float = Field(
        16.0, ge=0, le=1_000_000, description="memory for compiled filters that may come again; 0: none"
    )
    exact_items: int = Field(
        100_000,
        ge=0,
        description="items from which a CPU searches a part of them, where the bundle has cells for that",
    )
    steering: float = Field(
        8.0,
        ge=0,
        le=100,
        description="weight of what a sentence asks softly, in deviations of the user's scores",
    )

    deadline_ms: float = Field(
        10_000.0,
        gt=0,
        le=600_000,
        description="longest time to answer; then 504, and what has not begun is not done",
    )
    fast_path: bool = Field(
        False, description="where the queue would refuse, answer from stored item vectors, marked as degraded"
    )
    cache_mb: float = Field(
        64.0,
        ge=0,
        le=1_000_000,
        description="memory for user embeddings that may be asked for again; 0: none",
    )
    encode_in: Place = Field(
        "auto",
        description="what encodes batches side by side; auto: processes on Linux, with several workers on a CPU",
    )
    encode_workers: int = Field(
        0,
        ge=0,
        le=64,
        description="batches encoded at a time; 0: one a core, four at most, and one on a GPU",
    )
    batch_tokens: int = Field(2048, ge=1, description="tokens in one encoder batch")
    batch_wait_ms: float = Field(
        2.0, ge=0, le=1000, description="wait for company, counted from a batch's first request"
    )
    max_queue: int = Field(
        256, ge=1, le=100_000, description="requests waiting for the encoder; the next one gets 429"
    )
    max_wait_ms: float = Field(
        250.0,
        gt=0,
        le=600_000,
        description="time the waiting ones will take; beyond it the next one gets 429",
    )
    ready_seconds: float = Field(
        0.5, ge=0, le=60, description="how long one real forward pass answers /readyz"
    )

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """LASER_ALLOWED_HOSTS is a plain comma-separated list."""
        return (
            tuple(name.strip().lower() for name in value.split(",") if name.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        """A URL of another kind would fail at the first event."""
        if value is not None and not value.get_secret_value().startswith(REDIS_SCHEMES):
            raise ValueError(f"must begin with one of {', '.join(REDIS_SCHEMES)}")
        return value

    @property
    def state_file(self) -> Path:
        """Where the embedded store is."""
        return self.bundles.absolute().parent / "state.sqlite" if self.state is None else self.state

    @property
    def keys_path(self) -> Path:
        """Where the API keys are, if there are any."""
        return self.bundles.absolute().parent / "keys.json" if self.keys_file is None else self.keys_file

    def host_names(self) -> frozenset[str] | None:
        """Host headers (without port) that are answered; None means any.

        Loopback is strict against DNS rebinding.
        """
        if self.allowed_hosts:
            return None if "*" in self.allowed_hosts else frozenset(self.allowed_hosts)
        return frozenset(LOOPBACK_NAMES) if is_loopback(self.host) else None


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; keyword arguments (command line options) win. Raises SettingsError."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        shown = "(hidden)" if name in SECRETS else first["input"]
        raise SettingsError(f"{PREFIX}{name.upper()}={shown!s}: {first['msg']}") from error


def unknown_variables() -> list[str]:
    """One line for each LASER_* variable that no setting has: most often a slip of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    lines = []
    for name in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known):
        close = difflib.get_close_matches(name, known, n=1)
        lines.append(f"{name} is not a setting" + (f"; did you mean {close[0]}?" if close else ""))
    return lines


def is_loopback(host: str) -> bool:
    """True where only this machine can connect."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
