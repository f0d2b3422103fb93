"""Is there room: memory for the bundle and for another one beside it, disk for the store and the next bundle?"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from service.doctor.finding import Finding, chosen_settings
from service.doctor.state import served_manifest
from service.machine import available_memory, has_cuda, memory_limit, usable_cores
from service.settings import Settings
from service.workers import Share

MIB = 2**20
PROGRAM = 600 * MIB  # that the service takes before a bundle: torch, transformers, FAISS and MiniLM
APART, AT_WORK = 700 * MIB, 100 * MIB  # the same where it encodes in processes, and each of these
STORE = 256 * MIB  # bytes on disk from which on the store may be filled up soon


def memory() -> Iterator[Finding]:
    """Memory that is available, against what this bundle takes, once to serve and twice to take the next one."""
    from service.comparison import ROOM

    manifest, chosen = served_manifest(), chosen_settings()
    if chosen is None:
        return  # said with the settings
    files = manifest.size if manifest else 0
    caches = int((chosen.cache_mb + chosen.filter_cache_mb) * 2**20)
    bundle = int(ROOM * files)
    needed = _program(chosen) + bundle + caches
    free = available_memory()
    free = memory_limit() if free is None else free
    text = f"about {size(needed)} to serve, {size(free)} are available"
    smaller = "LASER_CACHE_MB down, a smaller catalogue, or more memory"
    if free < needed:
        yield Finding("memory", "warning", text, f"The system may end the service: {smaller}")
    elif free < needed + bundle:
        text = f"{text}, but {size(bundle)} more are needed while another bundle is taken"
        yield Finding("memory", "warning", text, f"Restart it for a new bundle, or: {smaller}")
    else:
        yield Finding("memory", "good", text)


def _program(chosen: Settings) -> int:
    """Bytes of the service without a bundle, with the processes in which it encodes, if it does."""
    on_cpu = chosen.device == "cpu" or (chosen.device == "auto" and not has_cuda())
    share = Share.of(usable_cores(), on_cpu, chosen.encode_workers)
    try:
        inside = share.in_processes(chosen.encode_in, on_cpu)
    except ValueError:  # said by the service itself
        inside = False
    return APART + share.workers * AT_WORK if inside else PROGRAM


def disk() -> Iterator[Finding]:
    """Room where the bundles are and where the store is, and whether the store may be written."""
    chosen = chosen_settings()
    if chosen is None:
        return  # said with the settings
    manifest = served_manifest()
    files = manifest.size if manifest else 0
    found = list(_bundles_room(chosen.bundles, files))
    if chosen.redis_url is None:
        found += _store_room(chosen.state_file)
    yield from found or [
        Finding("disk", "good", f"{size(free_bytes(chosen.bundles))} free for bundles and store")
    ]


def _bundles_room(folder: Path, files: int) -> Iterator[Finding]:
    free = free_bytes(folder)
    if free < files:
        text = f"{size(free)} free in {folder}, less than another bundle of {size(files)}"
        yield Finding("disk", "warning", text, "Make room before the next re-index: laser bundles prune")


def _store_room(file: Path) -> Iterator[Finding]:
    place = existing(file.parent)
    if not os.access(place, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.W_OK)):
        advice = "Events and changes get 503: give its user the right to write, or set LASER_STATE or LASER_REDIS_URL"
        yield Finding("disk", "wrong", f"{place} cannot be written, where the store is", advice)
    elif (free := free_bytes(place)) < STORE:
        advice = "Make room: with a full disk events get 503"
        yield Finding("disk", "warning", f"{size(free)} free in {place}, where the store is", advice)


def free_bytes(folder: Path) -> int:
    """Free for this user where the folder is, or will be."""
    return shutil.disk_usage(existing(folder)).free


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())


def size(count: int) -> str:
    """Bytes for a person."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
