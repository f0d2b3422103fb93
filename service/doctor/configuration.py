"""What was set: the LASER_* variables, those that contradict each other, the API keys, the traces."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.doctor.finding import Finding, chosen_settings

if TYPE_CHECKING:
    from service.settings import Settings


def settings() -> Iterator[Finding]:
    """The LASER_* variables, one by one."""
    from service.settings import SettingsError, load_settings, unknown_variables

    try:
        load_settings()
    except SettingsError as error:
        yield Finding("settings", "wrong", str(error), "Correct the variable, or unset it")
    else:
        unknown = unknown_variables()
        yield from (Finding("settings", "warning", line, "Correct the name, or unset it") for line in unknown)
        if not unknown:
            yield Finding("settings", "good", "every LASER_* variable is a setting")


def conflicts() -> Iterator[Finding]:
    """Settings of which one makes the other useless."""
    chosen = chosen_settings()
    if chosen is None:
        return  # said above
    found = [Finding("conflicts", "warning", text, advice) for text, advice in contradictions(chosen)]
    yield from found or [Finding("conflicts", "good", "no setting makes another useless")]


def contradictions(chosen: "Settings") -> Iterator[tuple[str, str]]:
    """What contradicts what, and what to do."""
    if chosen.redis_url is not None and chosen.state is not None:
        yield "LASER_STATE is not used, because of LASER_REDIS_URL", "Unset one of them"
    if chosen.allow_anonymous and (chosen.keys_file is not None or chosen.keys_path.exists()):
        text = f"LASER_ALLOW_ANONYMOUS allows nothing, because there are keys in {chosen.keys_path}"
        yield text, "Unset it, or remove the file"
    if chosen.max_wait_ms >= chosen.deadline_ms:
        text = f"requests may queue for LASER_MAX_WAIT_MS={chosen.max_wait_ms:g}"
        text += f", and are given up after LASER_DEADLINE_MS={chosen.deadline_ms:g}"
        yield text, "Let the deadline be the longer one: 429 at once is better than 504 late"
    if chosen.batch_wait_ms >= chosen.deadline_ms:
        text = "a batch waits for company longer (LASER_BATCH_WAIT_MS) than LASER_DEADLINE_MS allows"
        yield text, "A few milliseconds are enough"
    if chosen.store_read_ms >= chosen.deadline_ms:
        text = "LASER_STORE_READ_MS is no shorter than LASER_DEADLINE_MS: a slow store fails requests"
        yield (
            text,
            "Let it be a small part of the deadline; without a stored history there is still an answer",
        )
    if chosen.max_k > chosen.max_paged:
        text = (
            f"LASER_MAX_K={chosen.max_k} is more than all pages may have: LASER_MAX_PAGED={chosen.max_paged}"
        )
        yield text, "Raise the latter"
    if chosen.bundle is not None and chosen.shadow_bundle == chosen.bundle:
        yield "LASER_SHADOW_BUNDLE is LASER_BUNDLE: there is nothing to compare", "Unset the former"
    if chosen.shadow_bundle is not None and chosen.shadow_share == 0:
        yield "LASER_SHADOW_SHARE=0: the shadow is loaded and never asked", "Raise it, or unset the bundle"


def api_keys() -> Iterator[Finding]:
    """The API keys, and whether the address to listen on needs them."""
    from service.access.access import open_access
    from service.access.key_file import KeyFileError, read_keys

    chosen = chosen_settings()
    if chosen is None:
        return  # said above
    try:
        open_access(chosen)
    except KeyFileError as error:
        yield Finding("keys", "warning", str(error), "The service does not start like this")
        return
    path = chosen.keys_path
    if path.exists():
        yield Finding("keys", "good", f"{len(read_keys(path).keys)} in {path}")
    else:
        yield Finding("keys", "good", f"none: all who can reach {chosen.host} may do everything")


def traces() -> Iterator[Finding]:
    """Where spans would go, and whether they can be made."""
    from service.tracing_export import MISSING, can_export

    chosen = chosen_settings()
    if chosen is None:
        return  # said above
    if chosen.otlp_endpoint is None:
        yield Finding("traces", "good", "off: LASER_OTLP_ENDPOINT names no collector")
    elif can_export():
        yield Finding("traces", "good", f"to {chosen.otlp_endpoint}")
    else:
        why, _, how = MISSING.partition("; ")
        yield Finding(
            "traces", "warning", f"none go to {chosen.otlp_endpoint}: {why}", how[:1].upper() + how[1:]
        )
