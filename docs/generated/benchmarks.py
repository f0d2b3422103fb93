"""What each program of benchmarks/ measures, in its own words."""

import ast
from pathlib import Path

import benchmarks
from docs.generated.tables import code, table

FOLDER = Path(benchmarks.__file__).parent


def markdown() -> str:
    """One row a benchmark: the first paragraph of its docstring."""
    return table(
        ("benchmark", "what it measures"), [(code(name), _about(name)) for name in benchmarks.names()]
    )


def _about(name: str) -> str:
    said = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
    return (said or "").partition("\n\n")[0]
