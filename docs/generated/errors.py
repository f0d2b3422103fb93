"""The errors that clients can get, from service/errors.py."""

from docs.generated.tables import code, table
from service.errors import KINDS


def markdown() -> str:
    """One row a code, by status."""
    kinds = sorted(KINDS.items(), key=lambda entry: entry[1].status)
    rows = [(code(name.value), kind.status, kind.title, kind.what_to_do) for name, kind in kinds]
    return table(("code", "status", "what happened", "what to do"), rows)
