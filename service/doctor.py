"""`laser doctor`: what this machine and folder lack before the service can answer, and what to do about it.

Each look is a function that yields findings and raises nothing. Heavy packages are imported inside, because
the doctor is called exactly where one of them may be missing.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from index.bundle_listing import Listing

PROJECT = "laser-recommender"
OLDEST_PYTHON = (3, 11)
AGAIN = "Make the environment anew: make clean, then make test"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice` says what to do, and is empty where all is well."""

    name: str
    state: Literal["good", "warning", "wrong"]
    text: str
    advice: str = ""

    def __str__(self) -> str:
        """One line for a person, the advice on a second one."""
        line = f"{self.state:7}  {self.name:9}  {self.text}"
        return f"{line}\n{'':20}{self.advice}" if self.advice else line


def examine() -> list[Finding]:
    """Everything the doctor looks at, in the order in which it has to be right."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        python,
        packages,
        faiss_package,
        devices,
        backbone,
        settings,
        api_keys,
        store,
        bundles,
    )
    return [finding for look in looks for finding in look()]


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


def devices() -> Iterator[Finding]:
    """Where the encoder can run, and whether the search can follow it to the GPU."""
    try:
        import torch

        import index.item_index  # noqa: F401  # loads FAISS
    except (ImportError, OSError) as error:
        yield Finding("devices", "wrong", f"cannot import: {error}", AGAIN)
        return
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    text = f"torch {torch.__version__} on {', '.join(names) or 'the CPU'}, {torch.get_num_threads()} threads"
    if names and unfit(Requirement("faiss-gpu")):
        advice = "For the search on the GPU too: make clean, then make test FAISS=gpu"
        yield Finding("devices", "warning", f"{text}; FAISS on the CPU", advice)
    else:
        yield Finding("devices", "good", text)


def backbone() -> Iterator[Finding]:
    """The embedded backbone's weights; a checkpoint may name another one."""
    from model.backbone import EMBEDDED, BackboneError, embedded_folder

    try:
        embedded_folder()
    except (BackboneError, OSError) as error:
        yield Finding(
            "backbone", "warning", str(error), "Needed unless the checkpoint names another backbone"
        )
    else:
        yield Finding("backbone", "good", f"{EMBEDDED}, its weights verified")


def settings() -> Iterator[Finding]:
    """The LASER_* variables."""
    from service.settings import SettingsError, load_settings, unknown_variables

    try:
        load_settings()
    except SettingsError as error:
        yield Finding("settings", "wrong", str(error), "Correct the variable, or unset it")
    else:
        unknown = unknown_variables()
        yield from (Finding("settings", "warning", line, "Correct the name, or unset it") for line in unknown)
        if not unknown:
            yield Finding("settings", "good", "every LASER_* variable is a setting")


def api_keys() -> Iterator[Finding]:
    """The API keys, and whether the address to listen on needs them."""
    from service.access.access import open_access
    from service.access.key_file import KeyFileError, read_keys
    from service.settings import SettingsError, load_settings

    try:
        chosen = load_settings()
        open_access(chosen)
    except SettingsError:
        return  # said above
    except KeyFileError as error:
        yield Finding("keys", "warning", str(error), "The service does not start like this")
    else:
        path = chosen.keys_path
        count = len(read_keys(path).keys) if path.exists() else 0
        text = (
            f"{count} in {path}"
            if path.exists()
            else f"none: all who can reach {chosen.host} may do everything"
        )
        yield Finding("keys", "good", text)


def store() -> Iterator[Finding]:
    """The store of users and events, as a service with these settings would open it."""
    from service.settings import SettingsError, load_settings
    from service.store.opening import open_store
    from service.store.protocol import StoreUnavailable

    try:
        chosen = load_settings()
    except SettingsError:
        return  # said above
    kind = f"SQLite in {chosen.state_file}" if chosen.redis_url is None else "Redis at LASER_REDIS_URL"
    if chosen.redis_url is None and not chosen.state_file.exists():
        yield Finding("store", "good", f"{kind}, to be made by the first event")
        return
    opened = open_store(chosen)
    try:
        warnings = opened.warnings()
    except StoreUnavailable as error:
        advice = "Until it works events get 503, and user_id counts for nothing"
        yield Finding("store", "wrong", f"{kind}: {error.reason}", advice)
    else:
        advice = "Change Redis' configuration"
        yield from (Finding("store", "warning", f"{kind}: {line}", advice) for line in warnings)
        if not warnings:
            yield Finding("store", "good", f"{kind}, keeps what it acknowledges")
    finally:
        opened.close()


def bundles() -> Iterator[Finding]:
    """The bundle that would be served, read and verified whole, and where the pointer and the settings disagree."""
    from index.bundle import BundleError, open_bundle
    from index.bundle_listing import listing
    from service.settings import SettingsError, load_settings

    try:
        chosen = load_settings()
    except SettingsError:
        return  # said above
    root: Path = chosen.bundles
    found = listing(root)
    try:
        bundle = open_bundle(root, chosen.bundle)
    except BundleError as error:
        yield Finding("bundle", "warning", str(error), _another(found))
    else:
        text = f"{bundle.manifest.bundle_id} in {root}, {len(bundle.catalogue):,} items, verified"
        yield Finding("bundle", "good", text)
    if chosen.bundle is not None and found.published not in (None, chosen.bundle):
        text = f"{found.published} is published, but LASER_BUNDLE holds the service to {chosen.bundle}"
        yield Finding("bundle", "warning", text, "Unset LASER_BUNDLE to serve what is published")
    if chosen.shadow_bundle is not None:
        try:
            open_bundle(root, chosen.shadow_bundle)
        except BundleError as error:
            yield Finding("shadow", "warning", str(error), "Correct LASER_SHADOW_BUNDLE, or unset it")


def _another(found: "Listing") -> str:
    """What to do where the bundle that would be served cannot be."""
    if any(bundle.steps_back for bundle in found.bundles):
        return "Go back to the one before: laser bundles rollback"
    others = [bundle.bundle_id for bundle in found.bundles if bundle.steps_back is None]
    if others:
        return f"Publish another one: laser bundles promote {others[-1]}"
    return "Make one: laser reindex RUN DATA, or laser demo"
