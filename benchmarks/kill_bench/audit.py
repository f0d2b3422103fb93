"""Is everything there that was acknowledged, and is every bundle whole?"""

import time
from pathlib import Path

import httpx

from benchmarks.kill_bench.ledger import Ledger, Lost
from index.bundle import BundleError, current_id, open_bundle
from index.manifest import POINTER

BACK_SECONDS = 30.0


def lost_writes(url: str, ledger: Ledger) -> Lost:
    """What the service does not have of what was acknowledged before. Raises httpx.HTTPError where it does not say."""
    with httpx.Client(base_url=url, timeout=60) as client:
        events: dict[str, set[str]] = {}
        for user_id in ledger.events:
            answer = _asked(client, f"/users/{user_id}")
            found = [] if answer.status_code == 404 else answer.raise_for_status().json()["events"]
            events[user_id] = {event["event_id"] for event in found}
        items: dict[str, str | None] = {}
        for item_id in ledger.items:
            answer = _asked(client, f"/items/{item_id}")
            items[item_id] = None if answer.status_code == 404 else answer.raise_for_status().json()["title"]
    return ledger.lost(events, items)


def _asked(client: httpx.Client, path: str) -> httpx.Response:
    """The answer, once the store is back: a service notices that after a moment."""
    give_up = time.monotonic() + BACK_SECONDS
    while (answer := client.get(path)).status_code in (429, 503) and time.monotonic() < give_up:
        time.sleep(0.1)
    return answer


def unreadable_bundles(root: Path) -> int:
    """Bundles under `root`, the published one counted again, that do not verify."""
    names = [path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    bad = 0
    for name in [*names, None]:
        try:
            if name is not None or (root / POINTER).exists():
                open_bundle(root, name or current_id(root))
        except BundleError:
            bad += 1
    return bad
