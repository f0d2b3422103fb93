"""`python -m service.openapi docs/openapi.json`: write the OpenAPI document that the service answers with.

The file in the repository is for whoever makes a client, or reads what a change does to the API; a test holds it to the
application. It is the same under every setting.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from service.access.access import Access
from service.access.rates import Rates
from service.app import create_app
from service.settings import SettingsError, load_settings

COMMAND = "python -m service.openapi"


def document() -> str:
    """The document as it stands in the file: two spaces a level, addresses in the order of the routes."""
    app = create_app(load_settings(), access=Access(None, Rates(None, None)))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file named. Returns the exit status: 0, or 2 after one line on stderr."""
    if len(arguments) != 1:
        print(f"laser: name the file to write: {COMMAND} docs/openapi.json", file=sys.stderr)
        return 2
    try:
        Path(arguments[0]).write_text(document(), encoding="utf-8", newline="\n")
    except (OSError, SettingsError) as error:
        print(f"laser: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
