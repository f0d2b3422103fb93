"""Which installed distributions a set of requirements stands for: what pip installs for it, and no more."""

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FAISS = "gpu" if any(metadata.distributions(name="faiss-gpu")) else "cpu"  # the extra this environment has


def project_requirements(pyproject: Path, extras: Iterable[str] = ()) -> list[str]:
    """The requirements of `.[extras]` as pyproject.toml states them."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    return [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
    ]


def pins(constraints: Path) -> dict[str, str]:
    """name -> version of a constraints file that holds nothing but `name==version` lines and comments."""
    lines = [
        line for line in constraints.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def closure(requirements: Iterable[str]) -> dict[str, str]:
    """name -> installed version of everything the requirements need, directly or through others.

    Raises AssertionError where something needed is not installed or has another version than required.
    """
    found: dict[str, str] = {}
    walked: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        version = metadata.version(name)
        assert needed.specifier.contains(version, prereleases=True), (
            f"{needed} is required, {version} is here"
        )
        found[name] = version.partition("+")[0]
        for extra in {"", *needed.extras}:
            if (name, extra) not in walked:
                walked.add((name, extra))
                inner = map(Requirement, metadata.requires(name) or [])
                waiting += [
                    one for one in inner if one.marker is None or one.marker.evaluate({"extra": extra})
                ]
    return found
