"""Access to one service: from a request's headers to its caller, or to the refusal it gets.

Keys are on where there is a file of keys. Without one, whoever can connect may do everything: that is the default on
loopback, and anywhere else only if LASER_ALLOW_ANONYMOUS says so.
"""

import math
from typing import Protocol

from starlette.datastructures import Headers

from service.access.callers import ANONYMOUS, NOBODY, Caller
from service.access.key_file import KeyFileError
from service.access.keyring import KeyRing
from service.access.keys import ApiKey
from service.access.rates import Rates
from service.access.scopes import Scope
from service.errors import ApiError, Code
from service.settings import Settings, is_loopback

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="laser"'}


class Keys(Protocol):
    """Finds keys by their text."""

    def find(self, presented: str) -> ApiKey | None:
        """None where there is no such key."""
        ...


class Access:
    """Knows callers and counts their requests."""

    def __init__(self, keys: Keys | None, rates: Rates) -> None:
        """Without `keys`, everybody is the anonymous caller."""
        self._keys = keys
        self._rates = rates

    def admit(self, headers: Headers, scopes: frozenset[Scope]) -> Caller:
        """The caller, who has one of the scopes (any, where none is named) and has asked no more than it may.

        Raises ApiError: 401, 403, 429.
        """
        if self._keys is None:
            self._count(ANONYMOUS.name, None)
            return ANONYMOUS
        presented = _presented(headers)
        if presented is None:
            raise _unknown(Code.KEY_MISSING, "The request brings no API key.")
        key = self._keys.find(presented)
        if key is None:
            raise _unknown(Code.KEY_INVALID, "This is no API key of this service, or not any more.")
        if scopes and not scopes & key.scopes:
            needed = " or ".join(sorted(scopes))
            raise ApiError(Code.SCOPE_MISSING, f"The address needs a key with the scope {needed}.")
        self._count(key.name, key)
        return _caller(key)

    def owe(self, caller: Caller, requests: int) -> None:
        """Count further requests of a caller that was admitted with one: those of a batch."""
        self._rates.owe(caller.name, requests)

    def recognise(self, headers: Headers) -> Caller:
        """The caller, or nobody: for what is answered to all, and differs only in what it tells."""
        if self._keys is None:
            return ANONYMOUS
        presented = _presented(headers)
        key = None if presented is None else self._keys.find(presented)
        return NOBODY if key is None else _caller(key)

    def _count(self, name: str, key: ApiKey | None) -> None:
        wait = self._rates.take(name, key.rate if key else None, key.burst if key else None)
        if wait:
            detail = "This key has asked more often than it may."
            raise ApiError(Code.RATE_LIMITED, detail, retry_after=math.ceil(wait))


def open_access(settings: Settings) -> Access:
    """Access as the settings have it. Raises KeyFileError, also where keys are needed and there are none."""
    path = settings.keys_path
    rates = Rates(settings.rate_limit, settings.rate_burst)
    if settings.keys_file is not None or path.exists():
        return Access(KeyRing(path), rates)
    if not is_loopback(settings.host) and not settings.allow_anonymous:
        raise KeyFileError(
            f"listening on {settings.host} needs API keys, and {path} does not exist: run `laser keys create NAME "
            "--scope recommend`, or set LASER_ALLOW_ANONYMOUS=true where something else decides who can connect"
        )
    return Access(None, rates)


def _presented(headers: Headers) -> str | None:
    """What the client sent as its key."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return headers.get("x-api-key")


def _caller(key: ApiKey) -> Caller:
    return Caller(key.name, key.tenant, key.scopes)


def _unknown(code: Code, detail: str) -> ApiError:
    error = ApiError(code, detail)
    error.headers = CHALLENGE
    return error
