"""What all request models share: strict (no "10" for 10) and closed (an unknown field is an error)."""

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """Base of everything a client sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
