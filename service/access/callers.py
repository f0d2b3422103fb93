"""Who asks: whose users they see, and what they may do."""

from dataclasses import dataclass

from starlette.types import Scope as AsgiScope

from service.access.scopes import DEFAULT_TENANT, Scope

SCOPE_KEY = "laser.caller"


@dataclass(frozen=True)
class Caller:
    """`name` is the key's. Users and events of one tenant do not exist for another."""

    name: str
    tenant: str
    scopes: frozenset[Scope]


# Whoever asks a service that has no keys. The tenant is the one that keys have if nobody says otherwise, so that a
# service that starts to ask for keys keeps its users.
ANONYMOUS = Caller("anonymous", DEFAULT_TENANT, frozenset(Scope))

# Whoever asks without a key where keys are on. No tenant has an empty name, so that this one has no users.
NOBODY = Caller("nobody", "", frozenset())


def caller_of(scope: AsgiScope) -> Caller:
    """The caller that the guard found; nobody where no guard has looked."""
    found: Caller = scope.get(SCOPE_KEY, NOBODY)
    return found
