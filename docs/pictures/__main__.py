"""Draw the flows: `python -m docs.pictures`."""

from pathlib import Path

from docs.pictures import FLOWS

FOLDER = Path(__file__).parent

for name, flow in FLOWS.items():
    (FOLDER / f"{name}.svg").write_text(flow.svg(), encoding="utf-8")
    print(f"{name}.svg: {flow.title}")
