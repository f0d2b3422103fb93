"""What a client is told when it is made: where the service is, with which key to ask, how long to wait."""

import os
from dataclasses import dataclass, field

import httpx

from laser_client.retrying import Retry

VERSION = "0.1.0"
HERE = "http://127.0.0.1:8000"
URL_VARIABLE, KEY_VARIABLE = "LASER_URL", "LASER_API_KEY"


@dataclass(frozen=True)
class Options:
    """Checked on construction. Times in seconds; the key is in no repr. Raises ValueError."""

    url: str
    key: str | None = field(repr=False)
    timeout: float
    deadline: float | None
    retry: Retry

    def __post_init__(self) -> None:
        parsed = httpx.URL(self.url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"{self.url!r} is no address of a service, such as {HERE}")
        if self.timeout <= 0 or (self.deadline is not None and self.deadline <= 0):
            raise ValueError(f"timeout={self.timeout} and deadline={self.deadline} must be above 0 seconds")
        if self.key is not None and not (self.key.isascii() and self.key.isprintable() and self.key.strip()):
            raise ValueError("the key holds characters that no key has; was it read with its line break?")

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        access = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        return {"User-Agent": f"laser-client/{VERSION}", "Accept": "application/json", **access}


def options(
    url: str | None, key: str | None, timeout: float, deadline: float | None, retry: Retry
) -> Options:
    """Options; what was not given comes from LASER_URL and LASER_API_KEY, the address at last from `HERE`."""
    return Options(
        url=url or os.environ.get(URL_VARIABLE) or HERE,
        key=key or os.environ.get(KEY_VARIABLE) or None,
        timeout=timeout,
        deadline=deadline,
        retry=retry,
    )
