"""Files that survive a crash: written, then forced to disk, then renamed into place.

A rename within one folder is atomic: readers see the old state or the new one. It lasts once the folder
itself is forced to disk.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


def sync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Force a folder and everything in it to disk, the deepest first."""
    for child in folder.iterdir():
        if child.is_dir():
            sync_tree(child)
        else:
            sync(child)
    sync(folder)


def replace_file(path: Path, content: bytes) -> None:
    """Give a file new content in one step. One caller at a time: hold `locked` on the folder."""
    aside = path.with_name(f".{path.name}.new")
    aside.write_bytes(content)
    sync(aside)
    aside.rename(path)
    sync(path.parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, against other processes and threads. The system frees it when its holder dies."""
    handle = os.open(folder / LOCK, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def claim(folder: Path) -> int | None:
    """Mark a folder as in use until the returned handle is closed or this process dies; None where it is in
    use already."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
