"""`python -m service`: serve with the settings of the environment."""

import sys

from service import serve
from service.settings import SettingsError, load_settings

try:
    settings = load_settings()
except SettingsError as error:
    print(f"laser: {error}", file=sys.stderr)
    sys.exit(2)
sys.exit(serve(settings))
