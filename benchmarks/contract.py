"""Does the service answer as its OpenAPI document says, whatever it is asked?

schemathesis makes requests from the document: examples, the edges of every field, random ones, wrong ones, and chains
of them, and checks each answer: no 5xx, no status, content type or body that the document does not have, wrong data
refused, keys never ignored, deleted users gone. The service runs as a process with its keys on, on a copy of a bundle.

https://schemathesis.readthedocs.io/
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks._command import finish, service_parser
from benchmarks._outcome import Check
from benchmarks._service import copy_bundle, serving
from benchmarks.contract_bench.config import config
from service.access.issuing import Wish, create
from service.access.scopes import Scope

LEAST = 5000  # cases
EVERY_OPERATION = 250  # cases of random data for each operation
NAMED = {"ServerError": "server_errors", "UndefinedStatusCode": "undocumented_statuses"}


def ask(url: str, key: str, seed: int, cases: int, report: Path, phases: str) -> dict[str, Any]:
    """Run schemathesis against a service, and return the report it wrote."""
    settings = report.with_suffix(".toml")
    settings.write_text(config(), encoding="utf-8")
    program = [Path(sys.executable).with_name("schemathesis"), "--no-color", "--config-file", settings]
    command = [*program, "run", f"{url}/openapi.json"]
    options = {
        "--header": f"Authorization: Bearer {key}",
        "--seed": str(seed),
        "--max-examples": str(cases),
        "--phases": phases,
        "--generation-database": "none",
        "--report": "json",
        "--report-json-path": str(report),
    }
    words = [word for option in options.items() for word in option]
    subprocess.run(
        [*command, *words, "--continue-on-failure", "--no-shrink"], stdout=sys.stderr, cwd=report.parent
    )
    written: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return written


def checks(report: Mapping[str, Any]) -> list[Check]:
    """The requirements, from schemathesis' report. A run that broke off counts no cases."""
    whole = report["complete"] and report["operations"]["tested"] == report["operations"]["selected"]
    found = dict.fromkeys([*NAMED.values(), "other_failures"], 0)
    for failure in report["failures"]:
        found[NAMED.get(failure["type"], "other_failures")] += failure["count"]
    return [
        Check("cases", report["test_cases"]["generated"] if whole else None, "requests", ">=", LEAST),
        *(Check(name, count, "requests", "<=", 0) for name, count in found.items()),
        Check("requests_without_an_answer", len(report["errors"]), "errors", "<=", 0),
    ]


def rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What failed, then how each operation's valid requests fared."""
    failed = [
        {"failure": failure["title"], "operation": operation}
        for failure in report["failures"]
        for operation in failure["operations"]
    ]
    rates = report["valid_rates"].items()
    return failed + [{"operation": operation, **phases.get("fuzzing", {})} for operation, phases in rates]


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every requirement is met, else MISSED."""
    parser = service_parser("contract", __doc__)
    parser.add_argument(
        "--cases", type=int, default=EVERY_OPERATION, help="random requests for each operation"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = copy_bundle(options.bundles, folder / "bundles")
        key = create(folder / "keys.json", Wish("contract", tuple(Scope))).secret
        with serving(folder) as service:
            phases = "examples,coverage,fuzzing,stateful"
            report = ask(service.url, key, options.seed, options.cases, folder / "report.json", phases)
    return finish("contract", options, ("cases",), manifest, checks(report), rows(report))


if __name__ == "__main__":
    sys.exit(main())
