"""The rules of the tree: who imports whom, what lies at the top, how long files are, what never occurs."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distributions import FAISS, closure, pins, project_requirements

ROOT = Path(__file__).parent.parent
WRITTEN = ROOT / "benchmarks" / "work"  # what benchmarks download and install, environments of peers among it

# Of our own packages, what each may import besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "index": set(),
    "training": {"model", "index"},
    "service": {"model", "index"},
    "demo": set(),
    "benchmarks": {"demo", "index", "model", "service", "training"},
    "client": {"laser_client", "pydantic"},
    "examples": {"laser_client"},
}

# The package that may import it; the benchmarks, which measure peers, may import all.
HOME_OF = {
    "faiss": "index",
    "fastapi": "service",
    "opentelemetry": "service",
    "prometheus_client": "service",
    "pydantic": "service",
    "pydantic_settings": "service",
    "scipy": "training",
    "sklearn": "training",
    "starlette": "service",
    "tokenizers": "model",
    "transformers": "model",
    "uvicorn": "service",
}

FOLDERS = {".ci", "benchmarks", "client", "demo", "docs", "examples", "index", "model", "ops", "service"}
FOLDERS |= {"tests", "training"}
FILES = {".dockerignore", ".gitignore", "CHANGELOG.md", "Dockerfile", "LICENSE", "Makefile", "README.md"}
FILES |= {"constraints.txt", "docker-compose.gpu.yml", "docker-compose.yml", "laser.py", "pyproject.toml"}

LONGEST = 300  # lines of a module; a longer idea becomes a package of small files
LONGER: dict[str, str] = {}  # module -> why it is longer all the same

UNSAFE = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}  # what they read can run code
SAFE_VALUE = {"allow_pickle": "False", "trust_remote_code": "False", "weights_only": "True"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|work|Users|mnt)/\w|\b[A-Z]:\\")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    """(path in the tree, syntax) of every module of the packages, and of laser.py; not of what benchmarks installed."""
    found = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    for path in [*(path for path in found if not path.is_relative_to(WRITTEN)), ROOT / "laser.py"]:
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> set[str]:
    """The top-level name of every import, also of those inside functions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides who imports whom"
            assert node.module is not None
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    strangers = {*MAY_IMPORT, "laser", "laser_client", "tests"} - {package}
    if package != "benchmarks":
        strangers |= {name for name, home in HOME_OF.items() if home != package}
    strangers -= MAY_IMPORT[package]
    if package == "index":
        strangers |= {"torch"}
    for path, tree in modules(package):
        if path != "laser.py":
            assert not imported(tree) & strangers, path


def test_the_command_line_imports_nothing_heavy_before_a_command_runs() -> None:
    code = "import sys; before = set(sys.modules); import laser; print(*set(sys.modules) - before)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"faiss", "numpy", "pyarrow", "rich.console", "torch", *HOME_OF}
    assert not heavy & set(ran.stdout.split())


def test_nothing_is_read_that_can_run_code() -> None:
    for path, tree in modules(*MAY_IMPORT, "tests"):
        assert not imported(tree) & UNSAFE, path
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in SAFE_VALUE:
                assert ast.unparse(node.value) == SAFE_VALUE[node.arg], f"{path}:{node.value.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert "weights_only" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"


def test_a_module_can_be_read_in_one_sitting() -> None:
    lengths = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path, _ in modules(*MAY_IMPORT)}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST and path not in LONGER} == {}


def test_the_top_level_is_fixed() -> None:
    files = tracked()
    assert {name for name in files if "/" not in name} <= FILES
    assert {name.partition("/")[0] for name in files if "/" in name} <= FOLDERS


def test_no_file_names_a_path_of_someones_machine() -> None:
    assert MACHINE_PATH.search("see /" + "home/someone/data")
    for name in tracked():
        if name.endswith(".png"):
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1):
            assert not MACHINE_PATH.search(line), f"{name}:{number}: {line}"


def test_every_package_that_is_needed_is_pinned_and_installed_as_pinned() -> None:
    pinned = pins(ROOT / "constraints.txt")
    needed = closure(
        project_requirements(ROOT / "pyproject.toml", [FAISS, "minilm", "tracing", "train", "test", "docs"])
    )
    of_cuda = ("nvidia-", "cuda-", "triton")  # the public torch wheel for Linux names their versions itself
    ours = {name: version for name, version in needed.items() if not name.startswith(of_cuda)}
    assert {name: pinned.get(name) for name in ours} == ours
    assert pinned["faiss-gpu"] == pinned["faiss-cpu"]
