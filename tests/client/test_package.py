"""The package by itself: both clients have the same methods, and a wheel holds what a type checker needs."""

import inspect
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import laser_client
from laser_client import AsyncLaser, Laser
from tests.client.test_document import functions

CLIENT = Path(laser_client.__file__).parent.parent


@pytest.mark.parametrize("name", functions())
def test_both_clients_have_the_call_as_a_method(name: str) -> None:
    call = functions()[name]
    blocking, awaiting = getattr(Laser, name), getattr(AsyncLaser, name)
    assert inspect.signature(blocking) == inspect.signature(awaiting)
    assert list(inspect.signature(blocking).parameters) == ["self", *inspect.signature(call).parameters]
    assert blocking.__doc__ == awaiting.__doc__ == call.__doc__
    assert inspect.iscoroutinefunction(awaiting)


def test_the_clients_differ_in_nothing_else() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(Laser) == public(AsyncLaser) == {*functions(), "pages", "within", "close"}


def test_all_that_is_exported_is_there() -> None:
    assert all(hasattr(laser_client, name) for name in laser_client.__all__)


def test_a_wheel_is_typed_and_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=CLIENT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("laser_client-0.1.0-*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {f"laser_client/{path.name}" for path in (CLIENT / "laser_client").glob("*.py")}
    assert names == modules | {"laser_client/py.typed"}


def test_importing_it_takes_nothing_of_the_service() -> None:
    code = "import sys, laser_client; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CLIENT, capture_output=True, text=True, check=True
    )
    assert not {"fastapi", "service", "torch", "numpy", "index", "model"} & set(done.stdout.split())
