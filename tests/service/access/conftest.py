"""Keys in a file, one for each purpose, and what their holders send."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.access.key_file import Keys, change_keys
from service.access.keys import ApiKey, issue
from service.access.scopes import Scope

ALL = tuple(Scope)


@dataclass
class Holders:
    """Makes keys and remembers their texts."""

    path: Path
    secrets: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        *scopes: Scope,
        tenant: str = "default",
        rate: float | None = None,
        burst: int | None = None,
    ) -> dict[str, str]:
        """The headers of a new key's holder."""
        issued = issue(name, tenant, frozenset(scopes or ALL), "2026-03-01T10:00:00+00:00", rate, burst)

        def append(keys: Keys) -> tuple[Sequence[ApiKey], None]:
            return [*keys.keys, issued.key], None

        change_keys(self.path, append)
        self.secrets[name] = issued.secret
        return {"Authorization": f"Bearer {issued.secret}"}


@pytest.fixture
def holders(tmp_path: Path) -> Holders:
    return Holders(tmp_path / "access" / "keys.json")
