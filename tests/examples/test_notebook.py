"""The notebook runs from its first cell to its last, and keeps no output that could go stale."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.examples.conftest import ROOT

NOTEBOOK = ROOT / "examples" / "from_logs_to_recommendations.ipynb"


def printed(cell: Any) -> list[str]:
    """The lines a cell wrote."""
    return "".join(output.get("text", "") for output in cell.outputs).splitlines()


def test_it_keeps_no_outputs() -> None:
    document = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    nbformat.validate(document)
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)
    assert set(document["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.slow  # trains: most of a minute on one core
def test_it_goes_from_logs_to_recommendations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))  # nobody's own settings, and nothing left behind
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'client'}")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name="python3").execute()

    outputs = {
        cell.source.splitlines()[-1]: printed(cell) for cell in notebook.cells if cell.cell_type == "code"
    }
    assert any(line.startswith("| Laser (best") for line in outputs['laser("evaluate run data")'])
    last = outputs['assert not any("Comedy" in film.attributes["genres"] for film in answer.items)']
    assert last[:2] == ["'from the 90s or later' -> year gte 1990.0", "'comedy' -> genres not_eq Comedy"]
    assert [line[:2] for line in last[2:]] == ["1 ", "2 ", "3 ", "4 ", "5 "]
    assert not list(tmp_path.glob("laser-notebook-*"))
