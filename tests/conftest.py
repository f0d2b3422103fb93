"""What holds for every test: no LASER_* variable of the caller, no model hub, one core, no clock on property tests."""

import os

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is first imported
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch: `make test` fills the cores with processes
settings.register_profile("laser", deadline=None)  # machines are shared; a slow example is no failure
settings.load_profile("laser")


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LASER_")]:
        monkeypatch.delenv(name)
