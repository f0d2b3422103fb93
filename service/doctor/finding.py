"""What a look comes back with, and the settings that most looks begin with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from service.settings import Settings

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
        line = f"{self.state:7}  {self.name:10}  {self.text}"
        return f"{line}\n{'':21}{self.advice}" if self.advice else line


def chosen_settings() -> "Settings | None":
    """The settings; None where they cannot be used, which configuration.py says."""
    from service.settings import SettingsError, load_settings

    try:
        return load_settings()
    except SettingsError:
        return None
