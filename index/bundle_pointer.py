"""The pointer: which bundle is published, and which were before it.

    root/current    ids, one a line: the published bundle first, then those it took the place of, newest first

Both facts are one small file and change in one rename, so whoever dies in between leaves an order to go back in. An id
stands in it once: publishing an earlier bundle again takes it to the front.
"""

import stat
from collections.abc import Sequence
from pathlib import Path

from index.durable import locked, replace_file
from index.manifest import POINTER, BundleError, check_id

REMEMBERED = 100  # bundles; what was published before them is forgotten


def published_ids(root: Path) -> list[str]:
    """The published bundle and those published before it, newest first; [] where none was.

    Raises BundleError for a damaged pointer.
    """
    pointer = root / POINTER
    try:
        if not stat.S_ISREG(pointer.lstat().st_mode):
            raise BundleError(f"{pointer} is a link or no plain file. Remove it and publish a bundle again")
        bundle_ids = pointer.read_bytes().decode("ascii").removesuffix("\n").split("\n")
        for bundle_id in bundle_ids:
            check_id(bundle_id)
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise BundleError(f"{pointer} does not name a bundle ({error}). Publish a bundle again") from error
    return bundle_ids


def current_id(root: Path) -> str | None:
    """Id of the published bundle, or None where none was published. Raises BundleError for a damaged pointer."""
    return next(iter(published_ids(root)), None)


def earlier_of(bundle_ids: Sequence[str]) -> str:
    """What a rollback goes back to. Raises BundleError where nothing was published before."""
    if len(bundle_ids) < 2:
        published = f"{bundle_ids[0]!r} is the first that was" if bundle_ids else "no bundle is"
        raise BundleError(
            f"there is nothing to go back to: {published} published. Promote a bundle by its id"
        )
    return bundle_ids[1]


def point(root: Path, bundle_id: str) -> None:
    """Let the pointer name a bundle that the caller has verified, and remember what it named before.

    A damaged pointer is replaced; what it remembered is lost.
    """
    with locked(root):
        try:
            before = published_ids(root)
        except BundleError:
            before = []
        if before[:1] != [bundle_id]:
            _write(root, [bundle_id, *(other for other in before if other != bundle_id)])


def step_back(root: Path, seen: Sequence[str]) -> None:
    """Forget the newest of `seen`, so that the one before it is published again.

    Raises BundleError, and changes nothing, unless `seen` is still what `published_ids` says.
    """
    with locked(root):
        if published_ids(root) != list(seen):
            raise BundleError(
                f"{root / POINTER} was changed meanwhile. Look at `laser bundles list`, and try again"
            )
        _write(root, seen[1:])


def forget(root: Path, bundle_ids: Sequence[str]) -> None:
    """Drop bundles from the order, which must not hold the published one. Needs the lock on `root`."""
    known = published_ids(root)
    assert known[0] not in bundle_ids
    _write(root, [bundle_id for bundle_id in known if bundle_id not in bundle_ids])


def _write(root: Path, bundle_ids: Sequence[str]) -> None:
    content = "".join(f"{bundle_id}\n" for bundle_id in bundle_ids[:REMEMBERED])
    replace_file(root / POINTER, content.encode())
