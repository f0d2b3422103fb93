"""`laser doctor`: what this machine and folder lack before the service can answer, and what to do about it.

    environment     Python, packages, FAISS, the embedded backbone
    processor       devices, threads, number formats
    configuration   settings, settings against each other, keys, traces
    state           the store, the bundle, its checkpoint
    room            memory and disk, against what is needed

Each look is a function that yields findings. Heavy packages are imported inside the looks, because the doctor is called
exactly where one of them may be missing: an import that fails is a finding too, and said once.
"""

from collections.abc import Callable, Iterator

from service.doctor import configuration, environment, processor, room, state
from service.doctor.finding import AGAIN, Finding

__all__ = ["Finding", "examine"]

LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    environment.python,
    environment.packages,
    environment.faiss_package,
    environment.backbone,
    processor.devices,
    processor.threads,
    processor.numbers,
    configuration.settings,
    configuration.conflicts,
    configuration.api_keys,
    configuration.traces,
    state.store,
    state.bundles,
    state.checkpoint,
    room.memory,
    room.disk,
)


def examine() -> list[Finding]:
    """Everything the doctor looks at, in the order in which it has to be right."""
    findings: list[Finding] = []
    for look in LOOKS:
        try:
            findings += look()
        except (ImportError, OSError) as error:
            text = f"{type(error).__name__}: {error}"
            advice = (
                AGAIN
                if isinstance(error, ImportError)
                else "See that it is there, and that this user may read it"
            )
            if text not in {found.text for found in findings}:
                findings.append(Finding(look.__name__, "wrong", text, advice))
    return findings
