"""What is installed: the interpreter, the packages, one FAISS, the embedded backbone."""

import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from service.doctor.finding import AGAIN, Finding

PROJECT = "laser-recommender"
OLDEST_PYTHON = (3, 11)


def python() -> Iterator[Finding]:
    """The interpreter."""
    version, text = sys.version_info[:3], sys.version.split()[0]
    if version >= OLDEST_PYTHON:
        yield Finding("python", "good", text)
    else:
        advice = "Use Python 3.11 or newer: make clean, then make test PYTHON=..."
        yield Finding("python", "wrong", text, advice)


def packages() -> Iterator[Finding]:
    """What pyproject.toml requires, against what is installed."""
    try:
        lines = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        yield Finding("packages", "wrong", f"{PROJECT} is not installed", "Run: make test (or make demo)")
        return
    needed = [Requirement(line) for line in lines]
    needed = [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [f"{one} (installed: {found})" for one in needed if (found := unfit(one)) is not None]
    if wrong:
        yield Finding("packages", "wrong", "; ".join(wrong), AGAIN)
    else:
        yield Finding("packages", "good", f"{len(needed)} required packages are there")


def unfit(requirement: Requirement) -> str | None:
    """None where the requirement is met, else the installed version; "none" where there is none."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return "none"
    return None if requirement.specifier.contains(version, prereleases=True) else version


def faiss_package() -> Iterator[Finding]:
    """Exactly one of faiss-cpu and faiss-gpu: they overwrite each other's files."""
    found = [
        f"{name} {metadata.version(name)}"
        for name in ("faiss-cpu", "faiss-gpu")
        if unfit(Requirement(name)) is None
    ]
    text = " and ".join(found) or "neither faiss-cpu nor faiss-gpu"
    if len(found) == 1:
        yield Finding("faiss", "good", text)
    else:
        advice = "Install exactly one of them: make clean, then make test FAISS=cpu (or gpu)"
        yield Finding("faiss", "wrong", text, advice)


def backbone() -> Iterator[Finding]:
    """The embedded backbone's weights; a checkpoint may name another one."""
    from model.backbone import BackboneError, embedded_folder
    from model.config import EMBEDDED

    try:
        embedded_folder()
    except (BackboneError, OSError) as error:
        advice = "Needed unless the checkpoint names another backbone"
        yield Finding("backbone", "warning", str(error), advice)
    else:
        yield Finding("backbone", "good", f"{EMBEDDED}, its weights verified")
