"""What computes: devices, threads against the cores that may be used, the encoder's number format."""

from collections.abc import Iterator

from packaging.requirements import Requirement

from service.doctor.environment import unfit
from service.doctor.finding import Finding, chosen_settings
from service.machine import usable_cores


def devices() -> Iterator[Finding]:
    """Where the encoder can run, and whether the search can follow it to the GPU."""
    import torch

    import index.item_index  # noqa: F401  # loads FAISS

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    text = f"torch {torch.__version__} on {', '.join(names) or 'the CPU'}"
    settings = chosen_settings()
    if settings is not None and settings.device.startswith("cuda") and not names:
        advice = "Unset LASER_DEVICE, or install torch for CUDA and its driver"
        yield Finding("devices", "wrong", f"{text}, but LASER_DEVICE={settings.device}", advice)
    elif names and unfit(Requirement("faiss-gpu")):
        advice = "For the search on the GPU too: make clean, then make test FAISS=gpu"
        yield Finding("devices", "warning", f"{text}; FAISS on the CPU", advice)
    else:
        yield Finding("devices", "good", text)


def threads() -> Iterator[Finding]:
    """Threads of a matrix product. torch knows nothing of a container's share of the processor."""
    import torch

    count, cores = torch.get_num_threads(), usable_cores()
    text = f"{count} of torch on {cores:g} cores"
    if count > max(cores, 1):
        advice = f"They wait for each other: set OMP_NUM_THREADS={max(int(cores), 1)}"
        yield Finding("threads", "warning", text, advice)
    else:
        yield Finding("threads", "good", text)


def numbers() -> Iterator[Finding]:
    """The number format of the encoder, and whether this processor multiplies in it."""
    import torch

    from model.backbone import resolve_dtype

    settings = chosen_settings()
    if settings is None:
        return  # said with the settings
    on_gpu = torch.cuda.is_available() and settings.device != "cpu"
    native = str(resolve_dtype("auto", "cuda" if on_gpu else "cpu")).removeprefix("torch.")
    used = native if settings.dtype == "auto" else settings.dtype
    if on_gpu or used in (native, "float32"):
        why = "" if on_gpu or used != "float32" else slow_because(native)
        yield Finding("numbers", "good", f"{used}{why}")
    else:
        text = f"LASER_DTYPE={used}, which this processor has to imitate"
        yield Finding("numbers", "warning", text, f"Unset it: {native} is faster here")


def slow_because(native: str) -> str:
    """Why it is float32 on a CPU, as the end of a sentence."""
    return ", as the processor has neither AVX512-BF16 nor AMX" if native == "float32" else ", as set"
