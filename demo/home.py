"""The demo's folder: everything in it follows from the files of the packages that make it.

`inputs.json` in the folder names those files' common hash. When it changes (another version, an edited
catalogue), what the folder holds is out of date and is removed, so that every later stage can go by whether
its output is there.
"""

import hashlib
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAKERS = ("demo", "index", "model", "training")
MARK = "inputs.json"


class DemoError(Exception):
    """The folder holds something else; the message names it."""


def prepare_home(folder: Path) -> None:
    """Make `folder` ready for the demo of this version, empty or with current outputs. Raises DemoError.

    A folder with content that no demo has marked is never touched.
    """
    mark = folder / MARK
    wanted = {"sha256": inputs_hash()}
    if folder.is_dir() and any(folder.iterdir()) and not mark.is_file():
        raise DemoError(f"{folder} holds something other than the demo; choose another --folder")
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) != wanted:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(wanted), encoding="utf-8")


def inputs_hash(root: Path = ROOT) -> str:
    """sha256 over the names and bytes of all files of the packages that make the demo."""
    digest = hashlib.sha256()
    for path in sorted(path for maker in MAKERS for path in (root / maker).rglob("*")):
        if path.is_file() and path.suffix in (".py", ".json", ".jsonl"):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
