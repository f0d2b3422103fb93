"""ops/metrics.md says what the service has, and its command writes it."""

import subprocess
import sys

from service.metric_list import page
from tests.image import ROOT


def test_the_page_lists_every_metric_with_its_labels() -> None:
    text = (ROOT / "ops" / "metrics.md").read_text("utf-8")
    assert text == page(), "run: python -m service.metric_list > ops/metrics.md"
    assert "| `laser_requests_total` | counter | `route`, `status` | Answers by route and status |" in text


def test_the_command_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.metric_list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == page()
