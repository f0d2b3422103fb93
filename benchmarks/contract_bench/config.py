"""What schemathesis is told, as the file of settings it reads."""

from pathlib import Path

HOOKS = Path(__file__).with_name("hooks.py")

# An id may hold slashes, so that /items/batch and /items/x/similar are addresses of items too: other methods than those
# that the document has there are answered, and rightly listed in Allow.
ALSO_ITEMS = ("/items/batch", "/items/{item_id}/similar")

# Each of its requests is answered or refused on its own: wrong ones among them are a 200 that says so of them.
ON_THEIR_OWN = "/recommend/batch"


def config() -> str:
    """TOML. All checks are on but for these few.

    That whatever fits the document is accepted is not asked: which attributes there are, and how large k may be, is
    known to the catalogue and the settings, and a request that goes against them gets a 422 that says so.
    """
    return f"""
hooks = "{HOOKS}"
[checks]
positive_data_acceptance.enabled = false
[[operations]]
include-path = {list(ALSO_ITEMS)}
[operations.checks]
unsupported_method.enabled = false
allow_header_conformance.enabled = false
[[operations]]
include-path = "{ON_THEIR_OWN}"
[operations.checks]
negative_data_rejection.enabled = false
"""
