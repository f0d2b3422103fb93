"""Builds a target of the Dockerfile as a folder, without a container engine.

Every stage has a root folder of its own; a path of the image lies under that root. What is done:

FROM                a stage of this file: a copy of its root; another image: an empty root, with this Python
COPY                from what .dockerignore lets through, or from another stage's root
ENV, ARG, WORKDIR, USER, CMD, HEALTHCHECK     kept, with variables expanded by a shell
RUN python -m venv  runs, without pip
RUN pip install     puts the files of what pip would install there, as links into this environment, and checks
                    their versions against the constraints; builds and unpacks the project's own wheel.
                    Left out: downloads and console scripts
RUN install -d      runs, but gives the folder to nobody else, which only root can
RUN useradd         left out: it would change this machine
EXPOSE, STOPSIGNAL  nothing to do

Another instruction, and another command in RUN, is an error: it has to be taught here.
"""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

from tests.distributions import FAISS, closure, pins, project_requirements

ROOT = Path(__file__).parent.parent
MOVED = re.compile(
    r"(^|:)/(app|opt|var)\b"
)  # what images have under their own root; /bin and /usr are this machine's


@dataclass
class Image:
    """The root of a stage, and what its instructions said. Paths in `env` are those of the image."""

    root: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin"})
    workdir: str = "/"
    user: str = "root"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Where a path of the image lies on this machine; a relative one counts from the working folder."""
        return self.root / Path("/", self.workdir, inside).relative_to("/")

    def start(self, command: list[str], **changes: str) -> subprocess.Popen[str]:
        """Run a command as the image would: with its variables alone, some of them changed."""
        env = {name: MOVED.sub(rf"\g<1>{self.root}/\g<2>", text) for name, text in self.env.items()}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.path("."), env=env | changes, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def run(self, command: list[str], **changes: str) -> tuple[int, str]:
        """Run a command to its end. Returns its status and all it wrote."""
        process = self.start(command, **changes)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


class Builder:
    """Builds stages of the Dockerfile under `folder`, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stages = read_stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
        self.images: dict[str, Image] = {}

    def build(self, stage: str) -> Image:
        """The image of a stage, and first of those it is made from."""
        if stage not in self.images:
            base, instructions = self.stages[stage]
            image = deepcopy(self.build(base)) if base in self.stages else Image(Path())
            image.root = self.folder / stage
            if base in self.stages:
                shutil.copytree(self.build(base).root, image.root, symlinks=True)
            arguments: dict[str, str] = {}
            for name, text in instructions:
                self._follow(image, arguments, name, text)
            self.images[stage] = image
        return self.images[stage]

    def _follow(self, image: Image, arguments: dict[str, str], name: str, text: str) -> None:
        match name:
            case "ARG":
                arguments |= [text.split("=", 1)]
                arguments |= (
                    {"FAISS": FAISS} if text.startswith("FAISS=") else {}
                )  # --build-arg, where it is gpu here
            case "ENV":
                image.env |= (word.split("=", 1) for word in expand(text, image.env))
            case "WORKDIR":
                image.workdir = text
                image.path(".").mkdir(parents=True, exist_ok=True)
            case "USER":
                image.user = text
            case "CMD":
                image.command = json.loads(text)
            case "HEALTHCHECK":
                image.health = json.loads(text.split(" CMD ")[1])
            case "COPY":
                self._copy(image, text.split())
            case "RUN":
                for command in text.split("&&"):
                    run(image, expand(command, arguments | image.env))
            case "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise AssertionError(f"tests/image.py does not know {name}")

    def _copy(self, image: Image, words: list[str]) -> None:
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        *sources, target = words
        for source in sources:
            assert stage or in_context(source), f"{source} is not in the build context"
            origin = self.build(stage).path(source) if stage else ROOT / source
            into = image.path(target) / Path(source).name if target.endswith("/") else image.path(target)
            into.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_dir():
                ignored = None if stage else shutil.ignore_patterns("__pycache__")
                shutil.copytree(origin, into, symlinks=True, ignore=ignored)
            else:
                shutil.copy(origin, into)


def read_stages(dockerfile: str) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """name -> (base, [(instruction, its text)]), for a file whose stages all have names."""
    lines = [line for line in dockerfile.splitlines() if line.strip() and not line.startswith("#")]
    stages: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, text = line.split(maxsplit=1)
        if name == "FROM":
            base, _, stage = text.split()
            stages[stage] = (base, [])
        else:
            stages[stage][1].append((name, text))
    return stages


def expand(text: str, variables: dict[str, str]) -> list[str]:
    """The words of a command as a shell sees them with these variables."""
    script = ["sh", "-c", f"printf '%s\\0' {text}"]
    return subprocess.run(script, env=variables, capture_output=True, text=True, check=True).stdout.split(
        "\0"
    )[:-1]


def in_context(name: str) -> bool:
    """Whether .dockerignore lets a file or folder of the project's root through: the last match decides."""
    inside = True
    for pattern in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if fnmatch.fnmatch(name, pattern.removeprefix("!")):
            inside = pattern.startswith("!")
    return inside


def run(image: Image, words: list[str]) -> None:
    """One command of a RUN instruction, as far as the module's docstring says."""
    match words:
        case ["python", "-m", "venv", folder]:
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", image.path(folder)], check=True)
        case ["pip", "install", "--no-cache-dir", "--constraint", constraints, "--no-deps", name]:
            install(image, {name: metadata.version(name)}, pins(image.path(constraints)))
        case ["pip", "install", "--no-cache-dir", "--constraint", constraints, project]:
            extras = project.removeprefix(".[").removesuffix("]").split(",")
            needed = closure(project_requirements(image.path("pyproject.toml"), extras))
            install(image, needed, pins(image.path(constraints)))
            install_project(image)
        case ["install", "--directory", *_, folder]:
            image.path(folder).mkdir(parents=True)
        case ["useradd", *_]:
            pass
        case _:
            raise AssertionError(f"tests/image.py does not know RUN {' '.join(words)}")


def site_packages(image: Image) -> Path:
    """Where the image's environment keeps its packages."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return image.path(f"/opt/venv/lib/{version}/site-packages")


@cache
def owners() -> dict[str, int]:
    """How many of this environment's distributions have files under a name in site-packages."""
    tops = ({file.parts[0] for file in found.files or []} for found in metadata.distributions())
    return Counter(top for names in tops for top in names)


def install(image: Image, versions: dict[str, str], pinned: dict[str, str]) -> None:
    """Link what the distributions have in site-packages; their versions here have to be the pinned ones."""
    assert {name: pinned[name] for name in versions} == versions
    for name in versions:
        found = metadata.distribution(name)
        for file in found.files or []:
            top = Path(file.parts[0])
            part = (
                top if owners()[top.name] == 1 else file
            )  # a folder that several share is linked file by file
            link = site_packages(image) / part
            if ".." not in file.parts and not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(Path(str(found.locate_file(str(part)))))


def install_project(image: Image) -> None:
    """Build the project's wheel from what was copied so far, as pip does: metadata, and no code."""
    wheels = image.root / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
    subprocess.run(build, cwd=image.path("."), check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        assert {Path(name).parts[0].rpartition(".")[2] for name in archive.namelist()} == {"dist-info"}
        archive.extractall(site_packages(image))
    shutil.rmtree(wheels)
