"""One API key: how it is made, what is kept of it, and how it is recognised.

    laser_3f9c2a71_Jt0v...     "laser", an id that may be shown, and 32 random bytes in base64

Only the SHA-256 of the whole key is kept. That is right for these and would be wrong for passwords: 256 random bits
cannot be guessed, so a slow hash or a salt would protect nothing and would cost every request milliseconds. The id
finds the one record to compare with, and the digests are compared in constant time, so that the time an answer takes
tells nothing of a key either.

https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html
"""

import hashlib
import hmac
import re
import secrets
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from service.access.scopes import DEFAULT_TENANT, Scope

PRESENTED = re.compile(r"laser_(?P<id>[0-9a-f]{8})_[A-Za-z0-9_-]{43}")
NAME = r"^[A-Za-z0-9._-]{1,64}$"


class ApiKey(BaseModel):
    """What is kept of a key. `rate` and `burst` stand in the place of the service's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
    name: Annotated[str, Field(pattern=NAME)]
    tenant: Annotated[str, Field(pattern=NAME)] = DEFAULT_TENANT
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: str
    rate: Annotated[float, Field(gt=0, le=1e6)] | None = None
    burst: Annotated[int, Field(ge=1, le=10**6)] | None = None


class Issued(NamedTuple):
    """A new key: the text that its holder sends, and what is kept."""

    secret: str
    key: ApiKey


def issue(
    name: str,
    tenant: str,
    scopes: frozenset[Scope],
    created: str,
    rate: float | None = None,
    burst: int | None = None,
) -> Issued:
    """Make a key. Its text is nowhere after this. Raises ValidationError for fields that ApiKey refuses."""
    key_id = secrets.token_hex(4)
    secret = f"laser_{key_id}_{secrets.token_urlsafe(32)}"
    kept = ApiKey(
        id=key_id,
        name=name,
        tenant=tenant,
        scopes=scopes,
        sha256=_digest(secret),
        created=created,
        rate=rate,
        burst=burst,
    )
    return Issued(secret, kept)


def id_of(presented: str) -> str | None:
    """The id in what a client sent; None where it cannot be a key."""
    found = PRESENTED.fullmatch(presented)
    return found["id"] if found else None


def matches(key: ApiKey, presented: str) -> bool:
    """Is this the text of that key?"""
    return hmac.compare_digest(_digest(presented), key.sha256)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
