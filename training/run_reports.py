"""The pages about a run, for people: they lie in its folder, and go with it into every bundle that is made from it.

    RUN/reports/training.html      how it was trained; written when training is done
    RUN/reports/evaluation.html    how good it is; written by an evaluation

What is in a bundle is verified with it, so that a service can show the pages without asking where they are from.
"""

import hashlib
import shutil
from pathlib import Path

__all__ = ["EVALUATION", "FOLDER", "TRAINING", "copy_pages", "digest"]

FOLDER = "reports"
TRAINING, EVALUATION = "training.html", "evaluation.html"


def digest(run: Path) -> str:
    """Tells whether the pages are the same as before; empty where there are none."""
    pages = _pages(run)
    content = hashlib.sha256()
    for page in pages:
        content.update(page.name.encode() + hashlib.sha256(page.read_bytes()).digest())
    return content.hexdigest() if pages else ""


def copy_pages(run: Path, bundle: Path) -> None:
    """Into the folder of a bundle that is being written."""
    for page in _pages(run):
        (bundle / FOLDER).mkdir(exist_ok=True)
        shutil.copyfile(page, bundle / FOLDER / page.name)


def _pages(run: Path) -> list[Path]:
    """Plain files alone: a link could lead anywhere."""
    known = (run / FOLDER / name for name in (EVALUATION, TRAINING))
    return [page for page in known if page.is_file() and not page.is_symlink()]
