"""Pages that never repeat an item: a cursor carries the items already shown, so the server remembers nothing.

    answer = POST /recommend {...}                              -> items, "cursor": "AV3k..."
    answer = POST /recommend {..., "cursor": "AV3k..."}         -> the next best items, "cursor": ...

A page is the best k of what is allowed now and was not shown. That holds whatever happened in between: another bundle
ranks anew, a deleted item is gone, a new one may come, new events of the user count; nothing comes twice. No position
and no score is kept, for those mean something else after a change.

    cursor = base64url(version 1 | request 16 bytes | 8 bytes for each item shown | check 8 bytes)

`request` is a hash of what the request asks for; a cursor with another request is refused, because its items would
silently be left out there. `k` and `explain` may change from page to page. The check finds a cursor that was cut or
mistyped. It is no secret: whoever makes a cursor can leave items out of his own answer, as `exclude` also lets him.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence

import orjson

from service.errors import ApiError, Code
from service.schemas import RecommendRequest

VERSION = b"\x01"
REQUEST_BYTES, ITEM_BYTES, CHECK_BYTES = 16, 8, 8
FRAME = len(VERSION) + REQUEST_BYTES + CHECK_BYTES
FREE = {"cursor", "k", "explain"}  # fields that may change from page to page

Shown = tuple[bytes, ...]  # hashes of item ids, in the order they were shown


def read_cursor(request: RecommendRequest, most: int) -> Shown:
    """What the request's cursor says was shown; () without one.

    Raises ApiError (422) for a cursor that is malformed, of another request, or of more than `most` items.
    """
    if request.cursor is None:
        return ()
    try:
        content = base64.b64decode(request.cursor + "=" * (-len(request.cursor) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused("This is no cursor of this service.") from error
    body, check = content[:-CHECK_BYTES], content[-CHECK_BYTES:]
    whole = len(content) >= FRAME and (len(content) - FRAME) % ITEM_BYTES == 0
    if not whole or body[: len(VERSION)] != VERSION or check != _hash(body, CHECK_BYTES):
        raise _refused("This is no cursor of this service, or it was cut.")
    start = len(VERSION) + REQUEST_BYTES
    if body[len(VERSION) : start] != _fingerprint(request):
        raise _refused("This cursor belongs to another request: all but k and explain must stay the same.")
    shown = tuple(body[place : place + ITEM_BYTES] for place in range(start, len(body), ITEM_BYTES))
    if len(shown) > most:
        raise ApiError(Code.LIMIT_EXCEEDED, f"At most {most} items over all pages.", "cursor")
    return shown


def write_cursor(request: RecommendRequest, shown: Shown, page: Iterable[str]) -> str:
    """The cursor to the page after this one; `page` holds the item ids it shows."""
    body = VERSION + _fingerprint(request) + b"".join([*shown, *map(item_hash, page)])
    return base64.urlsafe_b64encode(body + _hash(body, CHECK_BYTES)).rstrip(b"=").decode()


def unseen(item_ids: Sequence[str], shown: Shown) -> list[int]:
    """Places of the ids that no page has shown, in order."""
    if not shown:
        return list(range(len(item_ids)))
    before = frozenset(shown)
    return [place for place, item_id in enumerate(item_ids) if item_hash(item_id) not in before]


def item_hash(item_id: str) -> bytes:
    """What stands for an item in a cursor. That two of a million items share one has a chance of 3 in 10^8."""
    return _hash(item_id.encode(), ITEM_BYTES)


def _fingerprint(request: RecommendRequest) -> bytes:
    content = request.model_dump(mode="json", exclude=FREE, exclude_defaults=True)
    return _hash(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), REQUEST_BYTES)


def _hash(content: bytes, size: int) -> bytes:
    return hashlib.blake2b(content, digest_size=size).digest()


def _refused(detail: str) -> ApiError:
    return ApiError(Code.INVALID_FIELD, detail, "cursor")
